"""Edge-keeping filter, normals and the fused path to oriented points."""

from __future__ import annotations

import numpy as np
import pytest

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.camera.normals import (
    SurfaceOptions,
    filter_depth,
    filter_depth_reference,
    normals_from_points,
    oriented_points,
)
from dphm_core.camera.rays import project, ray_table, unproject
from dphm_core.evaluation.camera_benchmark import COLOR_CAMERA, HEAD_CENTER_M, HEAD_RADIUS_M, head_before_wall

CAMERA = Intrinsics(width=80, height=60, fx=100.0, fy=100.0, cx=39.5, cy=29.5)
NEAR_TO_FAR = (0.1, 5.0)


def tilted_plane() -> tuple[np.ndarray, np.ndarray]:
    """Depth of the plane n · p = −0.6, seen by CAMERA, and its normal."""
    normal = np.array([0.3, -0.2, -1.0]) / np.linalg.norm([0.3, -0.2, -1.0])
    rays = ray_table(CAMERA)
    return (-0.6 / (rays @ normal[:2] + normal[2])).astype(np.float32), normal


def bumpy(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    depth = 0.6 + 0.05 * np.sin(np.arange(80) / 9) + rng.normal(0, 0.003, (60, 80))
    depth[:, 50:] += 0.3
    depth[rng.random(depth.shape) < 0.1] = 0
    return depth.astype(np.float32)


@pytest.mark.parametrize("radius", [1, 3])
def test_filter_agrees_with_reference(radius: int) -> None:
    depth = bumpy()
    expected = filter_depth_reference(depth, radius)
    np.testing.assert_allclose(filter_depth(depth, None, radius), expected, atol=1e-6)
    np.testing.assert_allclose(filter_depth(depth, (7, 5, 78, 60), radius), expected[5:60, 7:78], atol=1e-6)


def test_filter_smooths_but_keeps_edges_and_holes() -> None:
    rng = np.random.default_rng(0)
    clean = np.full((60, 80), 0.6)
    clean[:, 40:] = 0.65
    noisy = (clean + rng.normal(0, 0.0015, clean.shape)).astype(np.float32)
    noisy[20:25, 20:25] = 0
    filtered = filter_depth(noisy)
    assert not filtered[20:25, 20:25].any()
    valid = noisy > 0
    assert np.abs(filtered - clean)[valid].max() < 0.0025
    assert np.std((filtered - clean)[valid]) < 0.25 * 0.0015


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_bad_value_does_not_spread(bad: float) -> None:
    depth = np.full((60, 80), 0.6, np.float32)
    depth[30, 40] = bad
    filtered = filter_depth(depth)
    filtered[30, 40] = 0.6
    np.testing.assert_allclose(filtered, 0.6, rtol=1e-6)
    points, normals, _ = oriented_points(depth, CAMERA, (0, 0, 80, 60), NEAR_TO_FAR)
    assert np.isfinite(points).all()
    assert np.isfinite(normals).all()


def test_normals_of_a_plane() -> None:
    depth, normal = tilted_plane()
    normals = normals_from_points(unproject(depth, CAMERA))
    assert np.isnan(normals[:2]).all()
    assert np.isnan(normals[:, -2:]).all()
    np.testing.assert_allclose(normals[2:-2, 2:-2], np.broadcast_to(normal, (56, 76, 3)), atol=1e-4)
    _, fused, _ = oriented_points(depth, CAMERA, (5, 5, 75, 55), NEAR_TO_FAR)
    np.testing.assert_allclose(fused, np.broadcast_to(normal, fused.shape), atol=5e-3)


def test_oriented_points_of_a_noisy_head() -> None:
    depth = head_before_wall(COLOR_CAMERA)
    center = np.array(HEAD_CENTER_M)
    u, v = project(center[None], COLOR_CAMERA)[0].astype(int)
    points, normals, pixels = oriented_points(depth, COLOR_CAMERA, (u - 175, v - 225, u + 175, v + 225), (0.3, 0.9))
    assert points.dtype == normals.dtype == pixels.dtype == np.float32
    outward = points - center
    radius = np.linalg.norm(outward, axis=1)
    assert np.abs(radius - HEAD_RADIUS_M).mean() < 0.0005
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-5)
    assert ((normals * points).sum(axis=1) < 0).all()
    cosine = (normals * outward).sum(axis=1) / radius
    facing = normals[:, 2] < -0.5
    assert np.degrees(np.arccos(np.median(cosine[facing]))) < 8
    np.testing.assert_allclose(project(points, COLOR_CAMERA), pixels, atol=2e-3)


def test_no_normals_across_a_jump_or_a_hole() -> None:
    depth = np.full((60, 80), 0.6, np.float32)
    depth[:, 40:] = 0.7
    depth[30, 20] = 0
    for has_normal in (
        np.isfinite(normals_from_points(unproject(depth, CAMERA)))[..., 0],
        listed(oriented_points(depth, CAMERA, (0, 0, 80, 60), NEAR_TO_FAR)[2]),
    ):
        assert not has_normal[:, 38:42].any()
        assert has_normal[2:-2, 37].all()
        assert has_normal[2:-2, 42].all()
        assert not has_normal[30, [18, 20, 22]].any()
        assert not has_normal[[28, 32], 20].any()
        assert has_normal[30, 23]


def listed(pixels: np.ndarray) -> np.ndarray:
    image = np.zeros((60, 80), dtype=bool)
    image[pixels[:, 1].astype(int), pixels[:, 0].astype(int)] = True
    return image


@pytest.mark.parametrize("step", [1, 2, 3])
def test_fused_path_agrees_with_its_parts(step: int) -> None:
    depth = bumpy(1)
    x0, y0, x1, y1 = region = (-5, 4, 71, 200)
    points, normals, pixels = oriented_points(depth, CAMERA, region, (0.3, 0.8), step)
    expected_points = unproject(filter_depth_reference(depth), CAMERA)
    expected_normals = normals_from_points(expected_points)
    wanted = np.zeros((60, 80), dtype=bool)
    wanted[y0:y1:step, max(x0, 0) : x1 : step] = True
    wanted &= (
        np.isfinite(expected_normals[..., 0]) & (expected_points[..., 2] >= 0.3) & (expected_points[..., 2] <= 0.8)
    )
    rows, columns = np.nonzero(wanted)
    np.testing.assert_array_equal(pixels, np.stack([columns, rows], axis=1))
    np.testing.assert_allclose(points, expected_points[wanted], atol=1e-5)
    np.testing.assert_allclose(normals, expected_normals[wanted], atol=2e-3)


def test_options_reach_the_kernels() -> None:
    depth = bumpy(2)
    options = SurfaceOptions(filter_radius_px=1, normal_reach_px=1, max_jump_m=0.005)
    points, _, _ = oriented_points(depth, CAMERA, (0, 0, 80, 60), NEAR_TO_FAR, options=options)
    expected = normals_from_points(unproject(filter_depth_reference(depth, 1), CAMERA), 0.005, 1)
    assert len(points) == np.isfinite(expected[..., 0]).sum()
    assert len(points) < len(oriented_points(depth, CAMERA, (0, 0, 80, 60), NEAR_TO_FAR)[0])


@pytest.mark.parametrize("region", [(90, 0, 99, 60), (-9, -9, 0, 0), (20, 20, 20, 40), (40, 40, 20, 20)])
def test_regions_outside_the_image_hold_nothing(region: tuple[int, int, int, int]) -> None:
    points, normals, pixels = oriented_points(np.ones((60, 80), np.float32), CAMERA, region, NEAR_TO_FAR)
    assert (points.shape, normals.shape, pixels.shape) == ((0, 3), (0, 3), (0, 2))


def test_images_too_small_for_a_normal() -> None:
    assert np.isnan(normals_from_points(np.ones((3, 4, 3), np.float32))).all()
