"""A whole track as one `.npz` file: poses, codes, residuals and landmarks of every frame."""

from __future__ import annotations

import io
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from dphm_core.errors import DataError
from dphm_core.files import read_npz
from dphm_core.frames import FloatArray, Similarity, TrackedFrame
from dphm_core.landmarks.tables import LANDMARK_COUNT
from dphm_core.output.folder import TRACK_FILE

MAX_TRACK_BYTES = 4 << 30
"""Unpacked; a day of frames takes 20 GB and is nobody's recording."""


@dataclass(frozen=True)
class TrackRow:
    """What is kept of one tracked frame; None where there is no pose."""

    frame_index: int
    """In the source."""
    timestamp_s: float
    """Seconds."""
    status: str
    """A value of `TrackStatus`."""
    reason: str
    """Why the tracker was in that state."""
    head_to_cam: Similarity | None
    """Pose, metres."""
    expression_code: FloatArray | None
    """(E,) weights."""
    residual_mm: float
    """Mean distance of the points that the model explains; NaN without a pose."""
    landmarks_cam: FloatArray | None
    """(L, 3) metres, camera frame; NaN where the model has no such landmark."""
    confidence: float = 0.0
    """0..1, how sure the tracker was."""

    @classmethod
    def of(cls, tracked: TrackedFrame, landmarks_cam: FloatArray | None) -> Self:
        """Row of a frame with its landmarks (L, 3); the pose counts only where the frame was tracked."""
        has_mesh = tracked.vertices_cam is not None
        return cls(
            frame_index=tracked.index,
            timestamp_s=tracked.observation.frame.timestamp_s,
            status=tracked.status.value,
            reason=tracked.reason,
            head_to_cam=tracked.head_to_cam if has_mesh else None,
            expression_code=tracked.expression_code if has_mesh else None,
            residual_mm=tracked.residual_mm if has_mesh else float("nan"),
            landmarks_cam=landmarks_cam,
            confidence=tracked.confidence,
        )


@dataclass(frozen=True)
class Track:
    """A head's motion through a recording: T frames, E expression weights, L landmarks; NaN where not tracked."""

    frame_index: NDArray[np.int64]
    """(T,) indices in the source, rising."""
    timestamp_s: NDArray[np.float64]
    """(T,) seconds."""
    status: NDArray[np.str_]
    """(T,) values of `TrackStatus`."""
    reason: NDArray[np.str_]
    """(T,) why the tracker was in that state."""
    rotation: FloatArray
    """(T, 3, 3) head → camera."""
    translation_m: FloatArray
    """(T, 3) head → camera, metres."""
    scale: FloatArray
    """() of the head → camera similarity: ``p_cam = scale · rotation · (p_head / 4) + translation_m``."""
    identity_code: FloatArray
    """(D,)"""
    expression_codes: FloatArray
    """(T, E)"""
    expression_names: NDArray[np.str_]
    """(E,), or (0,) where the model's weights have no names."""
    residual_mm: FloatArray
    """(T,) mean distance of the points that the model explains."""
    confidence: FloatArray
    """(T,) 0..1, how sure the tracker was; NaN in files from before there was one."""
    landmarks_cam: FloatArray
    """(T, L, 3) metres, camera frame; NaN where the model has no such landmark."""

    def row_of(self, index: int) -> int | None:
        """Row of the source's frame `index`; None where that frame is not in the track."""
        row = int(np.searchsorted(self.frame_index, index))
        known = row < len(self.frame_index) and int(self.frame_index[row]) == index
        return row if known else None

    def pose(self, row: int) -> Similarity:
        """Head → camera in a row; NaN where not tracked."""
        return Similarity(self.rotation[row], self.translation_m[row], float(self.scale))

    def to_bytes(self) -> bytes:
        """Content of the `.npz` file."""
        buffer = io.BytesIO()
        np.savez(buffer, **{field.name: getattr(self, field.name) for field in fields(self)})
        return buffer.getvalue()


def make_track(
    rows: list[TrackRow],
    scale: float,
    identity_code: FloatArray,
    expression_names: tuple[str, ...],
    expression_dim: int,
) -> Track:
    """Stack rows into arrays, in order of their frame index.

    Parameters
    ----------
    rows : list of TrackRow
        One per frame, in any order.
    scale : float
        Of the head → camera similarity.
    identity_code : (D,) float32
        The subject's.
    expression_names : tuple of str
        Of the expression codes' entries; empty where they have none.
    expression_dim : int
        Entries of an expression code.
    """
    rows = sorted(rows, key=lambda row: row.frame_index)
    poses = [row.head_to_cam for row in rows]
    return Track(
        frame_index=np.array([row.frame_index for row in rows], dtype=np.int64),
        timestamp_s=np.array([row.timestamp_s for row in rows], dtype=np.float64),
        status=np.array([row.status for row in rows], dtype=np.str_),
        reason=np.array([row.reason for row in rows], dtype=np.str_),
        rotation=_stack([None if pose is None else pose.rotation for pose in poses], (3, 3)),
        translation_m=_stack([None if pose is None else pose.translation_m for pose in poses], (3,)),
        scale=np.array(scale, dtype=np.float32),
        identity_code=np.asarray(identity_code, dtype=np.float32),
        expression_codes=_stack([row.expression_code for row in rows], (expression_dim,)),
        expression_names=np.array(expression_names, dtype=np.str_),
        residual_mm=np.array([row.residual_mm for row in rows], dtype=np.float32),
        confidence=np.array([row.confidence for row in rows], dtype=np.float32),
        landmarks_cam=_stack([row.landmarks_cam for row in rows], (LANDMARK_COUNT, 3)),
    )


def load_track(path: str | Path) -> Track:
    """Read a track file.

    Raises
    ------
    DataError
        It is missing, damaged or no track.
    """
    if Path(path).is_dir():
        raise DataError(f"{path} is a folder; give the {TRACK_FILE} in it")
    try:
        arrays = read_npz(Path(path), MAX_TRACK_BYTES)
        arrays.setdefault("confidence", np.full(arrays["frame_index"].shape, np.nan, dtype=np.float32))
        track = Track(**{field.name: arrays[field.name] for field in fields(Track)})
        _check_shapes(track)
        _check_numbers(track)
    except (OSError, KeyError, ValueError) as error:
        raise DataError(f"{path} is not a track file ({error}); make one with `dphm track`") from error
    return track


def _check_shapes(track: Track) -> None:
    frames = len(track.frame_index)
    expected: dict[str, tuple[int | None, ...]] = {
        "timestamp_s": (frames,),
        "status": (frames,),
        "reason": (frames,),
        "rotation": (frames, 3, 3),
        "translation_m": (frames, 3),
        "scale": (),
        "identity_code": (None,),
        "expression_codes": (frames, None),
        "residual_mm": (frames,),
        "confidence": (frames,),
        "landmarks_cam": (frames, None, 3),
    }
    for name, shape in expected.items():
        found: tuple[int, ...] = getattr(track, name).shape
        if len(found) != len(shape) or any(e not in (None, f) for e, f in zip(shape, found, strict=True)):
            raise ValueError(f"'{name}' has shape {found}")


def _check_numbers(track: Track) -> None:
    for name in ("frame_index", "timestamp_s", "rotation", "translation_m", "expression_codes"):
        if (kind := getattr(track, name).dtype.kind) not in "fiu":
            raise ValueError(f"'{name}' has no numbers, but '{kind}'")
    if not len(track.frame_index):
        raise ValueError("it has no frames")
    if not (np.diff(track.frame_index) > 0).all():
        raise ValueError("'frame_index' does not rise")
    if not np.isfinite(track.timestamp_s).all():
        raise ValueError("'timestamp_s' has a time that is no number")
    turned, moved = np.isfinite(track.rotation).all(axis=(1, 2)), np.isfinite(track.translation_m).all(axis=1)
    if (turned != moved).any():
        raise ValueError(f"frame {track.frame_index[turned != moved][0]} has half a pose")


def _stack(values: list[Any], shape: tuple[int, ...]) -> FloatArray:
    """Array (T, *shape), NaN where a value is None."""
    stacked = np.full((len(values), *shape), np.nan, dtype=np.float32)
    for row, value in zip(stacked, values, strict=True):
        if value is not None:
            row[...] = value
    return stacked
