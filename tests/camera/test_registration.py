"""Depth → colour registration: by hand, against the plain reference, and against the SDK's own answer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from dphm_core.camera import bands
from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.camera.k4a_calibration import DepthMode, parse_k4a_calibration
from dphm_core.camera.rays import unproject
from dphm_core.camera.registration import DepthRegistration, register_depth, register_depth_reference
from dphm_core.camera.rigid import RigidTransform
from dphm_core.evaluation.camera_benchmark import COLOR_CAMERA, DEPTH_CAMERA, DEPTH_TO_COLOR, head_before_wall

DATA = Path(__file__).parent / "data"
SMALL = Intrinsics(width=12, height=10, fx=10.0, fy=10.0, cx=5.5, cy=4.5)
SHIFT = RigidTransform(np.eye(3), np.array([0.1, 0.0, 0.0]))


def shrunk(camera: Intrinsics, factor: int) -> Intrinsics:
    return replace(
        camera,
        width=camera.width // factor,
        height=camera.height // factor,
        fx=camera.fx / factor,
        fy=camera.fy / factor,
        cx=(camera.cx + 0.5) / factor - 0.5,
        cy=(camera.cy + 0.5) / factor - 0.5,
    )


def assert_agrees_with_sdk(ours_mm: np.ndarray, sdk_mm: np.ndarray) -> None:
    ours, sdk = ours_mm > 0, sdk_mm > 0
    difference = np.abs(ours_mm - sdk_mm)[ours & sdk]
    assert np.median(difference) <= 0.5
    assert (difference <= 5).mean() >= 0.995
    assert (ours & sdk).sum() / (ours | sdk).sum() >= 0.99


def test_same_camera_gives_the_same_image() -> None:
    depth = np.random.default_rng(0).uniform(1.0, 1.02, (10, 12)).astype(np.float32)
    np.testing.assert_allclose(register_depth(depth, SMALL, SMALL, RigidTransform.identity()), depth, rtol=1e-6)


def test_a_plane_moves_by_its_disparity() -> None:
    registered = register_depth(np.ones((10, 12), np.float32), SMALL, SMALL, SHIFT)
    np.testing.assert_allclose(registered[:, 1:], 1)  # one pixel to the right: fx · 0.1 m / 1 m
    assert not registered[:, 0].any()


def test_the_nearer_square_wins() -> None:
    depth = np.zeros((10, 12), np.float32)
    depth[4:6, 2:4] = 0.5  # disparity 2: lands on columns 4, 5
    depth[4:6, 4:6] = 1.0  # disparity 1: lands on columns 5, 6
    registered = register_depth(depth, SMALL, SMALL, SHIFT)
    np.testing.assert_allclose(registered[4:6, 3:8], [[0, 0.5, 0.5, 1, 0]] * 2)
    assert (registered > 0).sum() == 6


def test_depth_between_pixels_is_perspective_correct() -> None:
    fine = replace(SMALL, width=24, fx=20.0, cx=11.0)
    depth = np.zeros((10, 12), np.float32)
    depth[:, 5], depth[:, 6] = 1.0, 1.04
    registered = register_depth(depth, SMALL, fine, RigidTransform.identity())
    np.testing.assert_allclose(registered[3, 10:13], [1.0, 2 / (1 / 1.0 + 1 / 1.04), 1.04], rtol=1e-6)


def test_outlines_are_not_bridged_and_three_corners_make_a_triangle() -> None:
    finer = replace(SMALL, width=24, height=20, fx=20.0, fy=20.0, cx=11.0, cy=9.0)
    jump = np.ones((10, 12), np.float32)
    jump[:, 6:] = 2.0
    registered = register_depth(jump, SMALL, finer, RigidTransform.identity())
    assert not registered[:, 11].any()
    for hole in ((4, 5), (4, 6), (5, 5), (5, 6)):
        depth = np.zeros((10, 12), np.float32)
        depth[4:6, 5:7] = 1
        depth[hole] = 0
        assert (register_depth(depth, SMALL, finer, RigidTransform.identity()) > 0).sum() == 6


def test_kernel_agrees_with_reference() -> None:
    depth_camera, color_camera = shrunk(DEPTH_CAMERA, 16), shrunk(COLOR_CAMERA, 16)
    rng = np.random.default_rng(1)
    depth = head_before_wall(depth_camera) + rng.normal(0, 0.01, (36, 40)).astype(np.float32)
    depth[rng.random(depth.shape) < 0.1] = 0
    fast = register_depth(depth, depth_camera, color_camera, DEPTH_TO_COLOR)
    plain = register_depth_reference(depth, depth_camera, color_camera, DEPTH_TO_COLOR)
    assert (plain > 0).mean() > 0.2
    assert ((fast > 0) != (plain > 0)).sum() <= 2  # single against double precision, exactly on an edge
    both = (fast > 0) & (plain > 0)
    np.testing.assert_allclose(fast[both], plain[both], atol=1e-4)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("k4", [-1.0, -5.0, -1e30])
def test_wild_distortion_is_survived(k4: float) -> None:
    wild = replace(shrunk(COLOR_CAMERA, 16), k=(0.0, 0.0, 1e30, k4, 0.0, 0.0), metric_radius=None)
    register = DepthRegistration(shrunk(DEPTH_CAMERA, 16), wild, DEPTH_TO_COLOR)
    assert np.isfinite(register(head_before_wall(register.depth_camera))).all()
    assert not register(np.zeros((36, 40), np.float32)).any()
    assert not register(np.full((36, 40), np.nan, np.float32)).any()


def test_number_of_bands_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    depth = head_before_wall(DEPTH_CAMERA)
    register = DepthRegistration(DEPTH_CAMERA, COLOR_CAMERA, DEPTH_TO_COLOR)
    answers = []
    for workers in (0, 1, 3):
        monkeypatch.setattr(bands, "_workers", lambda workers=workers: workers)
        answers.append(register(depth))
    np.testing.assert_array_equal(answers[0], answers[1])
    np.testing.assert_array_equal(answers[0], answers[2])


def test_several_threads_may_register_at_once() -> None:
    depth = head_before_wall(DEPTH_CAMERA)
    expected = register_depth(depth, DEPTH_CAMERA, COLOR_CAMERA, DEPTH_TO_COLOR)

    def register(_: int) -> np.ndarray:
        return register_depth(depth, DEPTH_CAMERA, COLOR_CAMERA, DEPTH_TO_COLOR)

    with ThreadPoolExecutor(4) as pool:
        for answer in pool.map(register, range(8)):
            np.testing.assert_array_equal(answer, expected)


def test_crop_of_a_real_capture_agrees_with_the_sdk() -> None:
    calibration = parse_k4a_calibration((DATA / "k4a_calibration.json").read_text())
    depth_camera = calibration.depth_camera(DepthMode.NFOV_UNBINNED)
    with np.load(DATA / "azure_kinect_crop.npz", allow_pickle=False) as crop:
        (x, y), (u, v) = crop["depth_origin"], crop["color_origin"]
        cut, sdk, sdk_points = crop["depth_mm"], crop["sdk_color_depth_mm"], crop["sdk_points_mm"]
    height, width = cut.shape
    depth = np.zeros((576, 640), np.float32)
    depth[y : y + height, x : x + width] = cut / 1000
    registered = register_depth(depth, depth_camera, calibration.color_camera(1280, 720), calibration.depth_to_color)
    assert_agrees_with_sdk(registered[v : v + sdk.shape[0], u : u + sdk.shape[1]] * 1000, sdk.astype(float))
    points = unproject(depth, depth_camera)[y : y + height, x : x + width] * 1000
    assert np.abs(points - sdk_points).max() < 1


def test_whole_capture_agrees_with_the_sdk(shared_data: Path) -> None:
    folder = shared_data / "azure_kinect_desk"
    calibration = parse_k4a_calibration((folder / "calibration_raw.json").read_text())
    depth_camera = calibration.depth_camera(DepthMode.NFOV_UNBINNED)
    depth = (cv2.imread(str(folder / "raw_depth.png"), cv2.IMREAD_UNCHANGED) / 1000).astype(np.float32)
    sdk = cv2.imread(str(folder / "sdk_depth_in_color.png"), cv2.IMREAD_UNCHANGED)
    registered = register_depth(depth, depth_camera, calibration.color_camera(1280, 720), calibration.depth_to_color)
    assert_agrees_with_sdk(registered * 1000, sdk.astype(float))
    with np.load(folder / "sdk_depth_point_cloud.npz", allow_pickle=False) as cloud:
        assert np.abs(unproject(depth, depth_camera) * 1000 - cloud["points_mm"]).max() < 1
