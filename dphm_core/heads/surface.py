"""A subject's canonical mesh: the template carried onto the zero level, or marching cubes where there is none."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from dphm_core.errors import CheckpointError
from dphm_core.frames import HEAD_HIGH, HEAD_LOW, FloatArray
from dphm_core.heads.baking import sample_grid
from dphm_core.heads.distance import DistanceFunction
from dphm_core.heads.identity import IdentityField
from dphm_core.heads.template import Template
from dphm_core.meshing.normals import vertex_normals

CARRY_STEPS = 3
CARRY_LIMIT = 0.012
"""A template vertex moves at most this far (3 mm) onto the surface: beyond it, the field means another sheet."""
MIN_NORMAL_COSINE = 0.6
SMOOTHING_ROUNDS = 3
EXTRACTION_SPACING = 0.0125


def carry_onto_surface(template: Template, vertices: FloatArray, distance: DistanceFunction) -> FloatArray:
    """Move the facial skin of a canonical template (V, 3) onto the zero level of its subject's distance.

    Newton steps along the gradient give each vertex its offset; the offsets are smoothed over the mesh, so that
    triangles keep their shape, and fade out where the skin that is compared with depth ends.
    """
    moved = vertices.copy()
    skin = np.nonzero(template.tracked)[0]
    skin = skin[_faces_outwards(vertices, template.faces, skin, distance)]
    for _ in range(CARRY_STEPS):
        values, gradient = distance(moved[skin])
        norm = np.maximum((gradient**2).sum(axis=1), 0.25)
        moved[skin] -= (values / norm)[:, None] * gradient[:, :3]
    offset = moved - vertices
    length = np.linalg.norm(offset, axis=1, keepdims=True)
    offset *= np.minimum(1.0, CARRY_LIMIT / np.maximum(length, 1e-9))
    offset[(length > 2 * CARRY_LIMIT)[:, 0]] = 0
    for _ in range(SMOOTHING_ROUNDS):
        offset = neighbour_mean(offset, template.faces)
    return (vertices + offset).astype(np.float32)


def moved_along_normals(vertices: FloatArray, faces: NDArray[np.int32], along: FloatArray) -> FloatArray:
    """Move vertices (V, 3) by so much (V,) along their normals; smoothed, so that triangles keep their shape."""
    offset = vertex_normals(vertices, faces) * along[:, None]
    for _ in range(SMOOTHING_ROUNDS):
        offset = neighbour_mean(offset, faces)
    return (vertices + offset).astype(np.float32)


def _faces_outwards(
    vertices: FloatArray, faces: NDArray[np.int32], skin: NDArray[np.int64], distance: DistanceFunction
) -> NDArray[np.bool_]:
    """Which skin vertices have the field's own orientation: in nostrils and creases it means another sheet."""
    normals = vertex_normals(vertices, faces)[skin]
    gradient = distance(vertices[skin])[1][:, :3]
    cosine = (normals * gradient).sum(axis=1) / np.maximum(np.linalg.norm(gradient, axis=1), 1e-6)
    return np.asarray(cosine > MIN_NORMAL_COSINE)


def neighbour_mean(values: FloatArray, faces: NDArray[np.int32]) -> FloatArray:
    """Mean of per-vertex values (V, C) over each vertex's triangles."""
    of_faces = values[faces].mean(axis=1)  # (F,C)
    count = np.bincount(faces.ravel(), minlength=len(values))
    total = np.stack(
        [np.bincount(faces.ravel(), np.repeat(column, 3), minlength=len(values)) for column in of_faces.T], axis=1
    )
    return (total / np.maximum(count, 1)[:, None]).astype(np.float32)


def extract_surface(
    field: IdentityField, identity: torch.Tensor, spacing: float = EXTRACTION_SPACING
) -> tuple[FloatArray, NDArray[np.int32]]:
    """Marching cubes on an identity's canonical distance (hyper coordinates zero): vertices (V, 3), faces (F, 3).

    Raises
    ------
    CheckpointError
        The field has no zero level in the box: its weights are not those of a head.
    """
    surface = zero_level(sample_grid(field, identity, HEAD_LOW, HEAD_HIGH, spacing), HEAD_LOW, spacing)
    if surface is None:
        raise CheckpointError("this identity has no surface: the model's weights are not those of a trained head.")
    return surface


def zero_level(values: FloatArray, low: FloatArray, spacing: float) -> tuple[FloatArray, NDArray[np.int32]] | None:
    """Marching cubes on distances (X, Y, Z) at the nodes of a grid that begins at `low` (3,); None without a zero.

    Returns
    -------
    vertices : (V, 3) float32
    faces : (F, 3) int32, outward by the right-hand rule
    """
    from skimage.measure import marching_cubes

    if not values.min() < 0 < values.max():
        return None
    vertices, faces, _, _ = marching_cubes(values, 0.0, spacing=(spacing,) * 3)  # type: ignore[no-untyped-call]
    # Its triangles face the side of the larger values, which is outside.
    return (vertices + low).astype(np.float32), np.ascontiguousarray(faces, dtype=np.int32)
