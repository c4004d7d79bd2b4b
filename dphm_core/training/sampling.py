"""Point samples that supervise the two fields, drawn from the generator's heads.

Only the surface that can be seen from outside in the very expression enters: lids over eyeballs and lips over teeth
would put contradicting targets a millimetre apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from dphm_core.frames import FloatArray
from dphm_core.meshing.normals import vertex_normals
from dphm_core.training.expressions import random_expression
from dphm_core.training.ict import FACE_VERTICES, SKIN_VERTEX_COUNT, HeadGenerator, face_normals, visible_faces
from dphm_core.training.triangles import blend, draw_on_triangles, triangle_areas

NEAR_SIGMAS = (0.003, 0.012, 0.04)
"""Spread of samples along the normal, head-frame units (0.75, 3 and 10 mm)."""
NEAR_SHARES = (0.45, 0.4, 0.15)
FACE_WEIGHT = 4.0
"""How much denser the face is sampled than the rest of the head."""
MOTION_UNIT = 0.02
"""Displacement (5 mm) that doubles a triangle's sampling density."""
SURFACE_POINTS = 120_000
SAMPLE_SPACING = 0.008
"""Surface samples lie closer together than this (head-frame units)."""
BOX_MIN = np.array([-0.60, -0.85, -0.95], dtype=np.float32)
BOX_MAX = np.array([0.60, 0.75, 0.45], dtype=np.float32)
"""Box of the off-surface samples, head-frame units."""


@dataclass(frozen=True)
class DeformationSamples:
    """Posed points with their canonical positions."""

    points: FloatArray
    """(N, 3) posed, head-frame units."""
    canonical: FloatArray
    """(N, 3) the same material points in canonical space."""


@dataclass(frozen=True)
class DistanceSamples:
    """Canonical points with their signed distances."""

    points: FloatArray
    """(N, 3) canonical, head-frame units."""
    distance: FloatArray
    """(N,) signed distance to the seen surface, positive outside."""


def random_identity(generator: HeadGenerator, rng: np.random.Generator) -> FloatArray:
    """Draw (100,) identity coefficients ~ N(0, 1)."""
    return rng.standard_normal(len(generator.identity)).astype(np.float32)


def deformation_samples(
    generator: HeadGenerator, identity: FloatArray, expression: FloatArray, count: int, rng: np.random.Generator
) -> DeformationSamples:
    """Sample corresponding points near the seen surface, denser where the expression moves it."""
    posed = generator.vertices(identity, expression)
    canonical = generator.vertices(identity, generator.canonical_weights)
    faces = generator.faces[visible_faces(posed, generator.faces)]
    motion = np.linalg.norm(posed - canonical, axis=1)[faces].mean(axis=1)
    density = _sampling_density(posed, faces) * (1 + motion / MOTION_UNIT)
    triangles, weights = draw_on_triangles(density, count, rng)
    height = _draw_heights(count, rng)[:, None]
    corners = faces[triangles]
    return DeformationSamples(
        *(_lift(vertices, generator.faces, corners, weights, height) for vertices in (posed, canonical))
    )


def distance_samples(
    generator: HeadGenerator,
    identity: FloatArray,
    seen_faces: NDArray[np.bool_],
    near: int,
    far: int,
    rng: np.random.Generator,
) -> DistanceSamples:
    """Sample signed distances to the canonical head, near its surface and in the box around it.

    `seen_faces` (F,) are the triangles that make up the surface.
    """
    vertices = generator.vertices(identity, generator.canonical_weights)
    faces = generator.faces[seen_faces]
    normals = face_normals(vertices, faces)
    area = triangle_areas(vertices, faces)
    triangles, weights = draw_on_triangles(area * (1 + _in_face(faces)), SURFACE_POINTS, rng)
    surface = blend(vertices, faces[triangles], weights)
    picked, weights = draw_on_triangles(_sampling_density(vertices, faces), near, rng)
    near_points = blend(vertices, faces[picked], weights)
    near_points += _draw_heights(near, rng)[:, None] * normals[picked]
    points = np.concatenate([near_points, rng.uniform(BOX_MIN, BOX_MAX, size=(far, 3))]).astype(np.float32)
    return DistanceSamples(points, _signed_distance(points, surface, normals[triangles]))


def ever_seen_faces(generator: HeadGenerator, rng: np.random.Generator, expressions: int = 60) -> NDArray[np.bool_]:
    """Triangles (F,) that some expression shows: skin in any of them, teeth and eyes in the canonical one."""
    mean = np.zeros(len(generator.identity), np.float32)
    seen = visible_faces(generator.vertices(mean, generator.canonical_weights), generator.faces)
    skin = (generator.faces < SKIN_VERTEX_COUNT).all(axis=1)
    shapes = list(np.eye(len(generator.expression_names), dtype=np.float32))
    shapes += [random_expression(generator.expression_names, rng) for _ in range(expressions)]
    for weights in shapes:
        seen |= skin & visible_faces(generator.vertices(mean, weights), generator.faces)
    return seen


def _signed_distance(points: FloatArray, surface: FloatArray, normals: FloatArray, neighbours: int = 6) -> FloatArray:
    """Distance to the nearest surface samples; the side is the vote of their normals, nearer ones counting more."""
    distance, index = cKDTree(surface).query(points, k=neighbours)
    along = np.einsum("nkc,nkc->nk", points[:, None] - surface[index], normals[index])
    vote = (along / (distance + 1e-4) ** 2).sum(axis=1)
    # Close by, the distance to the tangent plane is truer than that to a sample beside the foot point.
    plane = np.abs(along[:, 0])
    beside = np.sqrt(np.maximum(distance[:, 0] ** 2 - plane**2, 0))
    unsigned = np.where(beside < SAMPLE_SPACING, plane, distance[:, 0])
    return (np.sign(vote) * unsigned).astype(np.float32)


def _lift(
    vertices: FloatArray, faces: NDArray[np.int32], corners: NDArray[np.int32], weights: FloatArray, height: FloatArray
) -> FloatArray:
    on_surface = blend(vertices, corners, weights)
    normal = blend(vertex_normals(vertices, faces), corners, weights)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    return (on_surface + height * normal).astype(np.float32)


def _sampling_density(vertices: FloatArray, faces: NDArray[np.int32]) -> FloatArray:
    return np.asarray(triangle_areas(vertices, faces) * (1 + (FACE_WEIGHT - 1) * _in_face(faces)))


def _in_face(faces: NDArray[np.int32]) -> NDArray[np.bool_]:
    in_face = (faces < FACE_VERTICES.stop) | (faces >= SKIN_VERTEX_COUNT)
    return np.asarray(in_face.all(axis=1))


def _draw_heights(count: int, rng: np.random.Generator) -> FloatArray:
    sigma = rng.choice(NEAR_SIGMAS, size=count, p=NEAR_SHARES)
    return (rng.standard_normal(count) * sigma).astype(np.float32)
