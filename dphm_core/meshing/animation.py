"""A moving head as files for a whole sequence are made from it: sample by sample, never all in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dphm_core.jobs import Tell

FloatArray = NDArray[np.float32]
MorphTargets = Literal["codes", "basis", "frames"]
CHUNK = 64
"""Samples that are in memory together."""


@dataclass(frozen=True)
class Shapes:
    """Offsets whose weighted sum, added to a rest mesh, is the mesh of each of T samples; head space."""

    names: list[str]
    """(K,)"""
    rest: FloatArray
    """(V, 3) in the animation's unit and axes."""
    offsets: FloatArray
    """(K, V, 3) at weight 1."""
    weights: FloatArray
    """(T, K) 0..1"""

    def at(self, samples: slice) -> FloatArray:
        """Meshes (n, V, 3) at some samples."""
        moved = self.weights[samples] @ self.offsets.reshape(len(self.offsets), -1)
        return self.rest + moved.reshape(-1, *self.rest.shape)


@dataclass(frozen=True)
class Animation:
    """A head with V vertices and its pose, at T moments.

    The pose is apart: ``p = rotation · p_head + translation``, all in one set of axes and one unit.
    """

    faces: NDArray[np.int32]
    """(F, 3)"""
    rest: FloatArray
    """(V, 3) the head without expression, head space."""
    head: Callable[[int], FloatArray]
    """Sample → vertices (V, 3) with its expression, head space."""
    rotation: NDArray[np.float64]
    """(T, 3, 3); the pose before is held where no head was tracked."""
    translation: NDArray[np.float64]
    """(T, 3)"""
    times_s: NDArray[np.float64]
    """(T,) seconds from the first sample, rising."""
    fps: float
    """Samples per second, where none is missing."""
    frames: NDArray[np.int64]
    """(T,) indices in the recording."""
    tracked: NDArray[np.bool_]
    """(T,) whether a head was seen; where none was, the last one stands still."""
    shapes: Shapes | None = None
    """The model's own expression weights, where its mesh follows them linearly."""
    morph_targets: MorphTargets = "codes"
    """What a format with morph targets shall make them of."""
    metres_per_unit: float = 1.0
    up_axis: Literal["Y", "Z"] = "Y"
    facts: dict[str, Any] = field(default_factory=dict)
    """The convention, for the file to carry."""
    words: str = ""
    """The same in one line."""

    def __len__(self) -> int:
        return len(self.times_s)

    def placed(self, sample: int) -> FloatArray:
        """Vertices (V, 3) with expression and pose."""
        moved = self.head(sample) @ self.rotation[sample].T + self.translation[sample]
        return moved.astype(np.float32)

    def even_samples(self) -> NDArray[np.intp]:
        """Sample to show at each tick of an even clock of `fps`: the nearest in time."""
        ticks = np.arange(round(float(self.times_s[-1]) * self.fps) + 1) / self.fps
        after = np.clip(np.searchsorted(self.times_s, ticks), 1, max(1, len(self) - 1))
        if len(self) == 1:
            return np.zeros(1, dtype=np.intp)
        nearer_before = ticks - self.times_s[after - 1] <= self.times_s[after] - ticks
        return np.where(nearer_before, after - 1, after)

    def untracked_frames(self) -> list[list[int]]:
        """First and last frame of each stretch without a head."""
        padded = np.concatenate([[False], ~self.tracked, [False]]).astype(np.int8)
        steps = np.diff(padded)
        begins, ends = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1) - 1
        return [[int(self.frames[a]), int(self.frames[b])] for a, b in zip(begins, ends, strict=True)]

    def all_facts(self) -> dict[str, Any]:
        """What a file tells of itself: its convention, its clock, and where no head was seen."""
        return {
            **self.facts,
            "first_frame": int(self.frames[0]),
            "last_frame": int(self.frames[-1]),
            "samples": len(self),
            "fps": self.fps,
            "untracked_frames": self.untracked_frames(),
            "untracked_means": "no head was seen from the first to the last of these frames; the one before is held",
        }


class Passes:
    """Looks at all heads of an animation several times, and tells how far that is.

    Parameters
    ----------
    animation
        Whose heads.
    count
        How often all of them will be looked at.
    tell
        Told of every chunk; may cancel.
    """

    def __init__(self, animation: Animation, count: int, tell: Tell) -> None:
        self.animation = animation
        self._tell, self._done, self._total = tell, 0, count * len(animation)

    def chunks(self) -> Iterator[tuple[slice, FloatArray]]:
        """Yield the heads (n, V, 3) without their pose, a few samples at a time."""
        for first in range(0, len(self.animation), CHUNK):
            part = slice(first, min(first + CHUNK, len(self.animation)))
            yield part, np.stack([self.animation.head(sample) for sample in range(part.start, part.stop)])
            self._done += part.stop - part.start
            self._tell(self._done, self._total)
