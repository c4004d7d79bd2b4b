"""What a synthetic recording really showed: `ground_truth.npz` in its folder.

Arrays: `neutral` (9409, 3) float32 and `expression` (E, 9409, 3) float16, the subject's face at rest and its offsets at
weight 1 (head frame, 0.25 m units); `expression_names` (E,); `weights` (T, E); `rotation` (T, 3, 3), `translation_m`
(T, 3) and `scale` (), head → camera; `faces` (F, 3); `landmark_vertices` (68,) Multi-PIE; `face_vertices`,
`lip_vertices`, `eyelid_vertices` (9409,) bool; `visible` (T, ⌈9409 / 8⌉) uint8, a bit per vertex that the camera sees.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dphm_core.errors import DataError
from dphm_core.files import read_npz
from dphm_core.frames import FloatArray, Similarity
from dphm_core.sources.folder import TRUTH_FILE

MAX_BYTES = 256 * 2**20
"""Unpacked; an hour at 30 fps takes half of it."""


@dataclass(frozen=True)
class GroundTruth:
    """A subject's face and its true motion, frame by frame."""

    neutral: FloatArray
    """(V, 3) face at rest, head frame."""
    expression: FloatArray
    """(E, V, 3) offsets at weight 1, head frame."""
    weights: FloatArray
    """(T, E) expression weights."""
    rotation: FloatArray
    """(T, 3, 3) head → camera."""
    translation_m: FloatArray
    """(T, 3) head → camera, metres."""
    scale: float
    """Head → camera."""
    faces: NDArray[np.int32]
    """(F, 3) triangles of the face."""
    landmark_vertices: NDArray[np.int32]
    """(68,) Multi-PIE landmark vertices."""
    expression_names: tuple[str, ...]
    """Names of the weights."""
    face_vertices: NDArray[np.bool_]
    """(V,) skin of the frontal face: no ears, neck, scalp, inside of the mouth."""
    lip_vertices: NDArray[np.bool_]
    """(V,) lips, a part of the frontal face."""
    eyelid_vertices: NDArray[np.bool_]
    """(V,) eyelids, a part of the frontal face."""
    visible: NDArray[np.bool_]
    """(T, V) vertices that the camera sees."""

    def __len__(self) -> int:
        return len(self.weights)

    @classmethod
    def load(cls, path: Path) -> GroundTruth:
        """Read a recording's file (or its folder's `ground_truth.npz`).

        Raises
        ------
        DataError
            It is missing, damaged, or its arrays do not fit each other.
        """
        path = path / TRUTH_FILE if path.is_dir() else path
        try:
            truth = cls._from(read_npz(path, MAX_BYTES))
            truth.check()
        except (OSError, KeyError, ValueError, TypeError) as error:
            raise DataError(f"{path} is no ground truth ({error}); make it with `dphm synth recording`.") from error
        return truth

    @classmethod
    def _from(cls, arrays: dict[str, NDArray[Any]]) -> GroundTruth:
        count = len(arrays["neutral"])
        return cls(
            neutral=arrays["neutral"].astype(np.float32),
            expression=arrays["expression"].astype(np.float32),
            weights=arrays["weights"].astype(np.float32),
            rotation=arrays["rotation"].astype(np.float32),
            translation_m=arrays["translation_m"].astype(np.float32),
            scale=float(arrays["scale"]),
            faces=arrays["faces"].astype(np.int32),
            landmark_vertices=arrays["landmark_vertices"].astype(np.int32),
            expression_names=tuple(str(name) for name in arrays["expression_names"]),
            face_vertices=arrays["face_vertices"].astype(bool),
            lip_vertices=arrays["lip_vertices"].astype(bool),
            eyelid_vertices=arrays["eyelid_vertices"].astype(bool),
            visible=np.unpackbits(arrays["visible"], axis=1, count=count).astype(bool),
        )

    def check(self) -> None:
        """Raise ValueError where arrays do not fit each other."""
        frames, shapes, vertices = len(self.weights), len(self.expression_names), len(self.neutral)
        expected = {
            "neutral": (vertices, 3),
            "expression": (shapes, vertices, 3),
            "weights": (frames, shapes),
            "rotation": (frames, 3, 3),
            "translation_m": (frames, 3),
            "face_vertices": (vertices,),
            "lip_vertices": (vertices,),
            "eyelid_vertices": (vertices,),
            "visible": (frames, vertices),
        }
        for name, shape in expected.items():
            if getattr(self, name).shape != shape:
                raise ValueError(f"'{name}' has shape {getattr(self, name).shape}, not {shape}")
        for indices in (self.faces, self.landmark_vertices):
            if indices.min() < 0 or indices.max() >= vertices:
                raise ValueError("vertex indices out of range")

    def pose(self, frame: int) -> Similarity:
        """Head → camera."""
        return Similarity(self.rotation[frame], self.translation_m[frame], self.scale)

    def vertices_cam(self, frame: int) -> FloatArray:
        """Return the (V, 3) face vertices of a frame, metres, camera frame."""
        return self.pose(frame).to_camera(self.neutral + np.tensordot(self.weights[frame], self.expression, 1))
