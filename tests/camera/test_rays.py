"""Distortion, rays, unprojection and projection."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.camera.rays import distort, project, ray_table, undistort, undistort_reference, unproject
from dphm_core.evaluation.camera_benchmark import COLOR_CAMERA, DEPTH_CAMERA

WIDE = replace(DEPTH_CAMERA, width=1024, height=1024, cx=524.8, cy=528.8)
PINHOLE = Intrinsics(width=5, height=4, fx=10.0, fy=20.0, cx=2.0, cy=1.0)


def grid(radius: float) -> np.ndarray:
    axis = np.linspace(-1, 1, 41)
    points = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2) * radius
    return points[np.hypot(*points.T) <= radius]


@pytest.mark.parametrize("camera", [COLOR_CAMERA, DEPTH_CAMERA])
def test_undistort_undoes_distort(camera: Intrinsics) -> None:
    points = grid(1.15)
    np.testing.assert_allclose(undistort(distort(points, camera), camera), points, atol=1e-8)


def test_kernel_agrees_with_reference_beyond_the_image_too() -> None:
    distorted = grid(2.5)
    fast, plain = undistort(distorted, COLOR_CAMERA), undistort_reference(distorted, COLOR_CAMERA)
    assert 0 < np.isnan(plain[:, 0]).mean() < 0.9
    np.testing.assert_allclose(fast, plain, atol=1e-8)


def test_distort_by_hand() -> None:
    camera = replace(PINHOLE, k=(0.1, 0.0, 0.0, 0.3, 0.0, 0.0), p=(0.01, 0.02))
    x, y = 0.6, 0.8  # radius 1
    radial = 1.1 / 1.3
    expected = [x * radial + 2 * 0.01 * x * y + 0.02 * (1 + 2 * x * x), y * radial + 2 * 0.02 * x * y + 0.01 * 2.28]
    np.testing.assert_allclose(distort(np.array([[x, y]]), camera), [expected])


def test_rays_without_distortion_are_the_pinhole() -> None:
    rays = ray_table(PINHOLE)
    assert rays.shape == (4, 5, 2)
    assert rays.dtype == np.float32
    np.testing.assert_allclose(rays[3, 4], [0.2, 0.1])
    assert ray_table(PINHOLE) is rays
    with pytest.raises(ValueError, match="read-only"):
        rays[0, 0] = 1


def test_no_rays_beyond_the_calibrated_radius() -> None:
    rays = ray_table(WIDE)
    radius = np.hypot(rays[..., 0], rays[..., 1])
    assert np.isnan(rays[0, 0]).all()
    assert np.nanmax(radius) == pytest.approx(1.74, abs=0.01)
    assert not unproject(np.ones((1024, 1024), np.float32), WIDE)[0, 0].any()


def test_project_finds_the_pixel_of_each_unprojected_point() -> None:
    depth = np.random.default_rng(0).uniform(0.3, 2.0, (720, 1280)).astype(np.float32)
    points = unproject(depth, COLOR_CAMERA)[::45, ::80].reshape(-1, 3)
    rows, columns = np.indices((720, 1280))[:, ::45, ::80].reshape(2, -1)
    np.testing.assert_allclose(project(points, COLOR_CAMERA), np.stack([columns, rows], axis=1), atol=2e-3)


def test_points_that_no_pixel_sees() -> None:
    behind_or_aside = np.array([[0.0, 0.0, -1.0], [0.1, 0.0, 0.0], [3.0, 0.0, 1.0]])
    assert np.isnan(project(behind_or_aside, COLOR_CAMERA)).all()


def test_holes_unproject_to_zero() -> None:
    depth = np.ones((4, 5), np.float32)
    depth[1, 2] = 0
    points = unproject(depth, PINHOLE)
    assert not points[1, 2].any()
    np.testing.assert_allclose(points[3, 4], [0.2, 0.1, 1.0])


def test_wrong_image_size_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit its camera of 5x4"):
        unproject(np.ones((5, 4), np.float32), PINHOLE)
