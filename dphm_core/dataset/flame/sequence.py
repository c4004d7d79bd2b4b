"""FLAME fitted to a preprocessed sequence: from its points, normals and landmarks in space, and first poses."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from dphm_core.dataset import layout
from dphm_core.dataset.flame.equations import Evidence, Fitted, FrameFit, Head
from dphm_core.dataset.flame.find_landmarks import find_embedding
from dphm_core.dataset.flame.fit import FRAME_ROUNDS, HEAD_ROUNDS, fit_frame, fit_head, is_fitted
from dphm_core.dataset.flame.landmark_file import Embedding, read_embedding
from dphm_core.dataset.flame.model import FlameModel, build_model, kept_vertices
from dphm_core.dataset.flame.model_file import read_flame
from dphm_core.dataset.poses import Poses, nearest_known
from dphm_core.errors import CalibrationError
from dphm_core.files import read_npy
from dphm_core.frames import FACE_HIGH, FACE_LOW, MM_PER_M, UNITS_PER_METRE
from dphm_core.heads.model import load_model
from dphm_core.heads.numerics import prepare_thread
from dphm_core.jobs import Tell
from dphm_core.landmarks.tables import LANDMARK_COUNT

log = logging.getLogger(__name__)

SHAPE_COUNT, EXPRESSION_COUNT = 100, 50
"""Directions that are fitted, of 300 and 100: those after them are smaller than the depth's noise."""
MARGIN_M = 0.02
"""Of the mesh around the face's box: heads differ from the mean one."""
POINT_COUNT = 2500
"""Points per frame."""
MIN_POINTS = 200
KEY_FRAMES = 8
"""Frames to which the shape is fitted."""


@dataclass(frozen=True)
class FlameFit:
    """What is written; T frames, S shape and E expression coefficients."""

    poses: Poses
    """T of them."""
    fitted: NDArray[np.bool_]
    """(T,) whether a frame's values are its own, or those of the frame next to it."""
    shape: NDArray[np.float32]
    """(S,) standard deviations."""
    expression: NDArray[np.float32]
    """(T, E) standard deviations."""
    jaw: NDArray[np.float32]
    """(T, 3) axis times angle, radians."""
    residual_mm: NDArray[np.float32]
    """(T,) median distance of the points from the surface; NaN where the frame is not fitted."""

    def arrays(self) -> dict[str, NDArray[Any]]:
        """By their names in the file, less those of the poses."""
        return {
            "shape": self.shape[None],
            "expression": self.expression,
            "jaw_pose": self.jaw,
            "residual_mm": self.residual_mm,
        }


@dataclass(frozen=True)
class FlameFiles:
    """The user's own, read."""

    model: FlameModel
    """Its face."""
    embedding: Embedding | None
    """None where there is no file of it."""


def read_flame_files(model: Path, landmarks: Path | None) -> FlameFiles:
    """Read FLAME's model, and where landmarks lie on it.

    Raises
    ------
    CheckpointError
        One is missing, damaged, or something else.
    """
    arrays = read_flame(model)
    whole = build_model(arrays, SHAPE_COUNT, EXPRESSION_COUNT)
    low, high = FACE_LOW / UNITS_PER_METRE - MARGIN_M, FACE_HIGH / UNITS_PER_METRE + MARGIN_M
    kept = kept_vertices(whole, low.tolist(), high.tolist())
    embedding = None if landmarks is None else read_embedding(landmarks, arrays.faces).on(kept)
    return FlameFiles(whole.restricted(kept), embedding)


def fit_sequence(folder: Path, files: FlameFiles, start: Poses, own: NDArray[np.bool_], tell: Tell) -> FlameFit:
    """Fit FLAME to all frames of a folder that have points.

    Parameters
    ----------
    folder : Path
        With points, normals and landmarks in space.
    files : FlameFiles
        FLAME.
    start : Poses
        Where heads are, T of them.
    own : (T,) bool
        Which of these come from the frame's own landmarks.
    tell : callable
        Told of the progress; may raise `Cancelled`.

    Raises
    ------
    CalibrationError
        FLAME comes to lie on no frame.
    """
    prepare_thread(1)  # with more, each of the many small steps waits for the slowest core
    with_points = [k for k in range(len(start)) if layout.frame_file(folder, layout.POINTS, k).is_file()]
    candidates = [k for k in with_points if own[k]]
    keys = [candidates[k] for k in np.unique(np.linspace(0, len(candidates) - 1, KEY_FRAMES).round().astype(int))]
    steps = _Steps(tell, HEAD_ROUNDS * (1 + len(keys)) + FRAME_ROUNDS * len(with_points))
    embedding = files.embedding
    if embedding is None:
        template = load_model("default").template
        assert template is not None
        embedding = find_embedding(files.model, template, steps.part(HEAD_ROUNDS))
    work = _Fit(folder, Fitted(files.model, embedding), start, steps)
    return work.run(keys, with_points)


class _Steps:
    """One count of several parts of the work."""

    def __init__(self, tell: Tell, total: int) -> None:
        self._tell, self._total, self._before, self._next = tell, total, 0, 0

    def part(self, length: int) -> Tell:
        """Begin a part."""
        self._before, self._next = self._next, self._next + length
        return lambda done, _: self._tell(self._before + done, self._total)


class _Fit:
    """One run over a sequence."""

    def __init__(self, folder: Path, fitted: Fitted, start: Poses, steps: _Steps) -> None:
        self._folder, self._fitted, self._start, self._steps = folder, fitted, start, steps
        self._model = fitted.model

    def run(self, keys: list[int], indices: list[int]) -> FlameFit:
        """Fit the head to key frames, then every frame."""
        seen = {k: evidence for k in keys if (evidence := self._evidence(k)) is not None}
        if not seen:
            raise CalibrationError(f"{self._folder}: no frame has a face with points to fit FLAME to")
        head = Head(self._start.scale, torch.zeros(self._model.shape_count))
        starts = [self._first(k) for k in seen]
        head, _, usual_m = fit_head(
            self._fitted, head, starts, list(seen.values()), self._steps.part(HEAD_ROUNDS * len(keys))
        )
        frames: dict[int, FrameFit] = {}
        residual_m: dict[int, float] = {}
        tell = self._steps.part(FRAME_ROUNDS * len(indices))
        for number, index in enumerate(indices):
            tell(number * FRAME_ROUNDS, None)
            evidence = self._evidence(index)
            if evidence is None:
                continue
            frame, equations = fit_frame(self._fitted, head, self._first(index), evidence, frames.get(index - 1))
            if is_fitted(equations, usual_m):
                frames[index], residual_m[index] = frame, equations.residual_m
        if not frames:
            raise CalibrationError(
                f"{self._folder}: FLAME comes to lie on no frame's points; check its model file, and that depth and "
                "colour belong together"
            )
        return self._result(head, frames, residual_m)

    def _first(self, index: int) -> FrameFit:
        return FrameFit(
            rotation=torch.from_numpy(self._start.rotation[index]),
            translation=torch.from_numpy(self._start.translation_m[index]),
            jaw=torch.zeros(3),
            expression=torch.zeros(self._model.count - self._model.shape_count),
        )

    def _evidence(self, index: int) -> Evidence | None:
        """What is known of a frame's face; None without points."""
        try:
            points, normals = (
                read_npy(layout.frame_file(self._folder, kind, index), (None, 3))
                for kind in (layout.POINTS, layout.NORMALS)
            )
            if len(points) != len(normals) or not (np.isfinite(points).all() and np.isfinite(normals).all()):
                raise ValueError("points and normals do not belong together")
        except (OSError, ValueError) as error:
            log.warning("frame %d cannot be fitted: %s", index, error)
            return None
        points_head = self._start.at(index).to_head(points)
        face = np.flatnonzero(((points_head > FACE_LOW) & (points_head < FACE_HIGH)).all(axis=1))
        if len(face) < MIN_POINTS:
            return None
        random = np.random.default_rng(index)
        chosen = random.choice(face, min(len(face), POINT_COUNT), replace=False)
        landmarks = layout.read_landmarks_3d(self._folder, layout.MEDIAPIPE_3D, index)
        unknown = np.full((LANDMARK_COUNT, 3), np.nan, np.float32)
        return Evidence(points[chosen], normals[chosen], unknown if landmarks is None else landmarks)

    def _result(self, head: Head, frames: Mapping[int, FrameFit], residual_m: Mapping[int, float]) -> FlameFit:
        length = len(self._start)
        taken = [frames[k] for k in nearest_known(sorted(frames), length)]
        rotation = np.stack([frame.rotation.numpy() for frame in taken])
        translation = np.stack([frame.translation.numpy() for frame in taken])
        return FlameFit(
            poses=Poses(rotation, translation, head.scale),
            fitted=np.isin(np.arange(length), list(frames)),
            shape=head.shape.numpy(),
            expression=np.stack([frame.expression.numpy() for frame in taken]),
            jaw=np.stack([frame.jaw.numpy() for frame in taken]),
            residual_mm=np.array([residual_m.get(k, np.nan) * MM_PER_M for k in range(length)], np.float32),
        )
