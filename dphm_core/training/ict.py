"""ICT-FaceKit, the open head generator behind the default model, brought into the head frame.

ICT-FaceKit (MIT) is linear: ``v = neutral + Σ a_i identity_i + Σ w_j expression_j`` in centimetres, y up, z out of the
face. Here it is shifted and scaled to NPHM's head frame (unit length 0.25 m) so that its mean landmarks lie on NPHM's.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dphm_core.camera.raster import NO_FACE, rasterize
from dphm_core.errors import DataError
from dphm_core.files import read_npz
from dphm_core.frames import FloatArray

ARRAYS, VERTEX_INDICES = "ict_facekit.npz", "vertex_indices.json"
"""Files of the prepared folder."""
MAX_BYTES = 1 << 30
"""Unpacked; the prepared shapes take 25 MB."""

UNITS_PER_CM = 0.04
ORIGIN_IN_HEAD = np.array([0.0, -0.066, -0.245], dtype=np.float32)
"""Where ICT's origin lies in the head frame: brings nose tip, chin and eye corners onto NPHM's mean anchors."""

FACE_VERTICES = slice(0, 9409)
SOLID_VERTEX_COUNT = 24591
"""Vertices from here on are eye fluid and lashes, which a depth camera does not see."""
SKIN_VERTEX_COUNT = 11248
"""Face, head and neck; behind them come mouth socket, eye sockets, gums, tongue, teeth, eyeballs."""
MOUTH_SOCKET = range(SKIN_VERTEX_COUNT, 13294)
EYE_SOCKET = range(13294, 14062)
EYEBALLS = range(21451, 24591)
IRISES = (range(22221, 23021), range(23791, 24591))
UNSEEN_SHAPES = ("PupilDilate_L", "PupilDilate_R", "cheekRaiser_L", "cheekRaiser_R")
"""Shapes left out of the expression code: invisible in depth, or a double of cheekSquint."""

CANONICAL_EXPRESSION = {"jawOpen": 0.15}
"""NPHM's canonical face is neutral with the mouth slightly open: lips must separate under a continuous field."""


@dataclass(frozen=True)
class HeadGenerator:
    """The linear generator in the head frame (NPHM units)."""

    neutral: FloatArray
    """(V, 3) mean head, mouth closed."""
    identity: FloatArray
    """(100, V, 3) offset per unit of a standard-normal identity coefficient."""
    expression: FloatArray
    """(53, V, 3) offset at weight 1."""
    expression_names: tuple[str, ...]
    """Names of the 53 blendshapes, ARKit-like with _L/_R (the subject's left and right)."""
    faces: NDArray[np.int32]
    """(F, 3) triangles of all solid parts, outward by the right-hand rule."""
    landmark_vertices: NDArray[np.int32]
    """(68,) Multi-PIE landmark vertices."""

    @property
    def canonical_weights(self) -> FloatArray:
        """(53,) expression weights of the canonical face."""
        return np.array([CANONICAL_EXPRESSION.get(name, 0.0) for name in self.expression_names], dtype=np.float32)

    def vertices(self, identity: FloatArray, expression: FloatArray) -> FloatArray:
        """Return the (V, 3) vertices of identity coefficients (100,) and expression weights (53,)."""
        offsets = np.tensordot(identity, self.identity, 1) + np.tensordot(expression, self.expression, 1)
        return np.asarray(self.neutral + offsets, dtype=np.float32)


def load_generator(path: Path) -> HeadGenerator:
    """Read the prepared ICT-FaceKit folder (`ict_facekit.npz` and `vertex_indices.json`).

    Raises
    ------
    DataError
        The files are missing or are not what they should be.
    """
    try:
        arrays = read_npz(path / ARRAYS, MAX_BYTES)
        indices = json.loads((path / VERTEX_INDICES).read_text(encoding="utf-8"))
        names = [str(name) for name in arrays["expression_names"]]
        seen = [i for i, name in enumerate(names) if name not in UNSEEN_SHAPES]
        triangles = arrays["triangles"]
        solid = slice(0, SOLID_VERTEX_COUNT)
        return HeadGenerator(
            neutral=arrays["neutral"][solid].astype(np.float32) * UNITS_PER_CM + ORIGIN_IN_HEAD,
            identity=arrays["identity"][:, solid].astype(np.float32) * UNITS_PER_CM,
            expression=arrays["expression"][seen][:, solid].astype(np.float32) * UNITS_PER_CM,
            expression_names=tuple(names[i] for i in seen),
            faces=triangles[(triangles < SOLID_VERTEX_COUNT).all(axis=1)].astype(np.int32),
            landmark_vertices=np.asarray(indices["idx_to_landmark_verts"], dtype=np.int32),
        )
    except (OSError, KeyError, ValueError, TypeError, IndexError) as error:
        raise DataError(
            f"{path} is not a prepared ICT-FaceKit folder ({error}); make one with `dphm synth prepare`."
        ) from error


def visible_faces(vertices: FloatArray, faces: NDArray[np.int32], resolution: int = 320) -> NDArray[np.bool_]:
    """Which triangles can be seen from outside.

    Orthographic views from 14 directions around the head, front-facing triangles only.

    Returns
    -------
    (F,) bool
    """
    seen = np.zeros(len(faces), dtype=bool)
    centre = (vertices.max(axis=0) + vertices.min(axis=0)) / 2
    radius = np.linalg.norm(vertices - centre, axis=1).max()
    normals = face_normals(vertices, faces)
    for rotation in _view_rotations():
        turned = (vertices - centre) @ rotation.T
        screen = np.column_stack([(turned[:, :2] / radius + 1) * (resolution / 2), radius * 1.5 - turned[:, 2]])
        _, face_image = rasterize(screen.astype(np.float32), faces, resolution, resolution, perspective=False)
        candidates = np.unique(face_image[face_image != NO_FACE])
        seen[candidates[(normals[candidates] @ rotation[2]) > 0]] = True
    return seen


def face_normals(vertices: FloatArray, faces: NDArray[np.int32]) -> FloatArray:
    """Unit normals (F, 3) of triangles, outward by the right-hand rule; zero for degenerate ones."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    normal = np.cross(b - a, c - a)
    return (normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)).astype(np.float32)


def _view_rotations() -> list[FloatArray]:
    """World → view rotations whose third row is the direction towards the viewer."""
    yaws_and_pitches = [(y, p) for p in (-30, 0, 30) for y in (-60, -20, 20, 60)]
    yaws_and_pitches += [(0, 0), (0, -55), (180, 0), (-120, 0), (120, 0), (0, 80)]
    rotations = []
    for yaw, pitch in np.radians(yaws_and_pitches):
        towards = np.array([np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)])
        right = np.array([np.cos(yaw), 0.0, -np.sin(yaw)])
        rotations.append(np.stack([right, np.cross(towards, right), towards]).astype(np.float32))
    return rotations
