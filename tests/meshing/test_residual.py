"""Residuals per vertex: known spheres, what is not seen, and the plain reference."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import trimesh

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.camera.rays import project, ray_table
from dphm_core.meshing.residual import MAX_RESIDUAL_M, vertex_residuals_m, vertex_residuals_reference

PINHOLE = Intrinsics(width=320, height=240, fx=300, fy=305, cx=160.5, cy=118.0)
LENS = replace(PINHOLE, k=(0.4, -1.1, 0.5, 0.3, -0.9, 0.45), p=(0.001, -0.0005), metric_radius=1.7)
SPHERE = trimesh.creation.icosphere(subdivisions=4)
FACES = np.int32(SPHERE.faces)
CENTRE, RADIUS_M = np.float32([0.03, -0.02, 0.6]), 0.1


def depth_of_ball(camera: Intrinsics, radius_m: float, centre: np.ndarray = CENTRE) -> np.ndarray:
    """(H, W) float32 depth of a ball before nothing."""
    rays = np.concatenate([ray_table(camera), np.ones((camera.height, camera.width, 1))], axis=-1)
    a, b = (rays**2).sum(axis=-1), rays @ centre
    discriminant = b * b - a * (centre @ centre - radius_m**2)
    depth = (b - np.sqrt(np.maximum(discriminant, 0))) / a
    return np.where(discriminant > 0, depth, 0).astype(np.float32)


def ball(scale: float = 1.0, centre: np.ndarray = CENTRE) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and normals of a ball of `RADIUS_M`."""
    return np.float32(SPHERE.vertices * RADIUS_M * scale + centre), np.float32(SPHERE.vertices)


@pytest.mark.parametrize("camera", [PINHOLE, LENS])
@pytest.mark.parametrize("offset_m", [-0.004, 0.0, 0.004])
def test_a_larger_ball_in_the_image_lies_outside_of_the_mesh(camera: Intrinsics, offset_m: float) -> None:
    vertices, normals = ball()
    residuals = vertex_residuals_m(vertices, FACES, normals, depth_of_ball(camera, RADIUS_M + offset_m), camera)
    assert residuals.dtype == np.float32
    facing = -(normals * vertices).sum(axis=1) / np.linalg.norm(vertices, axis=1)
    assert np.isfinite(residuals[facing > 0.7]).all()
    assert np.isnan(residuals[facing < 0]).all()
    np.testing.assert_allclose(residuals[facing > 0.7], offset_m, atol=4e-4)


def test_what_is_missing_far_off_or_outside_the_image_is_not_told() -> None:
    vertices, normals = ball()
    depth = depth_of_ball(PINHOLE, RADIUS_M)
    columns = project(vertices, PINHOLE)[:, 0]
    depth[:, 200:] = 0
    depth[:, :150] += 10 * MAX_RESIDUAL_M
    seen = np.isfinite(vertex_residuals_m(vertices, FACES, normals, depth, PINHOLE))
    assert columns[seen].min() > 149
    assert columns[seen].max() < 201
    beside = vertices + np.float32([0.5, 0, 0])
    assert np.isnan(vertex_residuals_m(beside, FACES, normals, depth, PINHOLE)).all()
    behind = vertices - np.float32([0, 0, 2])
    assert np.isnan(vertex_residuals_m(behind, FACES, normals, depth, PINHOLE)).all()


def test_a_vertex_behind_another_part_of_the_mesh_is_not_seen() -> None:
    in_front = CENTRE - np.float32([0, 0, 0.15])
    near, far = ball(0.5, in_front), ball()
    vertices, normals = (np.concatenate(pair) for pair in zip(near, far, strict=True))
    faces = np.concatenate([FACES, FACES + len(near[0])]).astype(np.int32)
    # The image shows the far ball alone: depth is right where the near ball hides it from the camera.
    depth = depth_of_ball(PINHOLE, RADIUS_M)
    residuals = vertex_residuals_m(vertices, faces, normals, depth, PINHOLE)[len(near[0]) :]
    apart = np.linalg.norm(project(far[0], PINHOLE) - project(in_front[None], PINHOLE), axis=1)
    facing = -(far[1] * far[0]).sum(axis=1) / np.linalg.norm(far[0], axis=1)
    assert np.isnan(residuals[apart < 30]).all()  # the near ball's radius is 33 pixels
    assert np.isfinite(residuals[(apart > 37) & (facing > 0.5)]).all()


@pytest.mark.parametrize("camera", [PINHOLE, LENS])
@pytest.mark.parametrize("reach", [0, 2])
def test_the_kernels_answer_as_the_reference_does(camera: Intrinsics, reach: int) -> None:
    rng = np.random.default_rng(0)
    vertices, normals = ball()
    vertices = vertices * np.float32([1, 1.1, 1]) + np.float32([0.1, 0.12, 0])  # in part outside the image
    depth = depth_of_ball(camera, RADIUS_M, vertices.mean(axis=0)) + rng.normal(0, 2e-3, (240, 320)).astype(np.float32)
    depth[rng.random(depth.shape) < 0.3] = 0
    fast = vertex_residuals_m(vertices, FACES, normals, depth, camera, reach)
    plain = vertex_residuals_reference(vertices, FACES, normals, depth, camera, reach)
    assert np.isfinite(plain).sum() > 300
    assert (np.isfinite(fast) != np.isfinite(plain)).mean() < 0.01  # the coarse depth image differs at outlines
    both = np.isfinite(fast) & np.isfinite(plain)
    np.testing.assert_allclose(fast[both], plain[both], atol=1e-6)
