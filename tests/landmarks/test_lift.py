from __future__ import annotations

import numpy as np

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.camera.rays import project
from dphm_core.frames import RGBDFrame
from dphm_core.landmarks.lift import lift_landmarks

CAMERA = Intrinsics(80, 60, 70, 71, 39.5, 30.5)


def test_points_of_a_plane_project_back() -> None:
    camera = Intrinsics(80, 60, 70, 71, 39.5, 30.5, k=(0.3, -2.4, 1.4, 0.2, -2.3, 1.3), p=(1e-4, -2e-4))
    pixels = np.random.default_rng(0).uniform(5, 50, (100, 2))
    points = lift_landmarks(pixels, np.full((60, 80), 0.5, np.float32), camera)
    assert points.dtype == np.float32
    np.testing.assert_allclose(points[:, 2], 0.5)
    np.testing.assert_allclose(project(points, camera), pixels, atol=1e-3)


def test_holes_and_jumps_have_no_point() -> None:
    depth = np.full((60, 80), 0.5, np.float32)
    depth[:, 40:] = 0.8
    depth[20:40, :20] = 0
    depth[50, 60] = 0.1  # one wild pixel
    pixels = np.array([[10, 30], [39.6, 10], [30, 10], [60, 50], [50, 10]])
    depths = lift_landmarks(pixels, depth, CAMERA)[:, 2]
    np.testing.assert_allclose(depths, [np.nan, np.nan, 0.5, 0.8, 0.8], atol=1e-6)


def test_pixels_outside_the_image_have_no_point() -> None:
    pixels = np.array([[-1, 30], [80, 30], [30, -500], [30, 1e9], [np.nan, 3], [30, 30]])
    points = lift_landmarks(pixels, np.full((60, 80), 0.5, np.float32), CAMERA)
    assert np.isnan(points[:5]).all(axis=1).all() and np.isfinite(points[5]).all()


def test_no_depth_at_all() -> None:
    assert np.isnan(lift_landmarks(np.array([[30.0, 30.0]]), np.zeros((60, 80), np.float32), CAMERA)).all()


def test_eye_corners_of_the_mannequin_are_92_mm_apart(mannequin: list[RGBDFrame], model_on_disk: None) -> None:
    from dphm_core.landmarks.detector import FaceDetector

    with FaceDetector() as detector:
        frame = mannequin[48]
        pixels, _ = detector.detect(frame.color, frame.timestamp_s)
    points = lift_landmarks(pixels, frame.depth_m, frame.intrinsics)
    assert np.isfinite(points).all(axis=1).mean() > 0.85
    assert abs(np.linalg.norm(points[33] - points[263]) - 0.092) < 0.003
