"""Rigid alignment finds the known similarity in spite of wrong correspondences."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dphm_core.frames import FloatArray, Similarity
from dphm_core.tracking.rigid import align


def known_pose(seed: int, scale: float) -> Similarity:
    rng = np.random.default_rng(seed)
    rotation = Rotation.from_euler("xyz", [180 + rng.uniform(-30, 30), rng.uniform(-60, 60), 0], degrees=True)
    translation = np.array([rng.uniform(-0.1, 0.1), 0.02, rng.uniform(0.4, 1.0)], np.float32)
    return Similarity(rotation.as_matrix().astype(np.float32), translation, scale)


def turn_between(a: Similarity, b: Similarity) -> float:
    """Angle between two rotations, degrees."""
    return float(np.degrees(Rotation.from_matrix(a.rotation.T @ b.rotation).magnitude()))


def head_points(seed: int, count: int) -> FloatArray:
    return np.random.default_rng(seed).uniform(-0.3, 0.3, (count, 3)).astype(np.float32)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("fixed", [True, False])
def test_a_quarter_of_wrong_points_does_not_move_the_pose(seed: int, fixed: bool) -> None:
    rng = np.random.default_rng(100 + seed)
    pose = known_pose(seed, scale=1.08)
    points = head_points(seed, 40)
    seen = pose.to_camera(points) + rng.normal(0, 0.0005, points.shape).astype(np.float32)
    wrong = rng.choice(40, 10, replace=False)
    seen[wrong] += rng.uniform(0.03, 0.10, (10, 3)).astype(np.float32)
    found, residual = align(points, seen, pose.scale if fixed else None)
    assert turn_between(found, pose) < 0.5
    assert np.linalg.norm(found.translation_m - pose.translation_m) < 0.001
    assert found.scale == pytest.approx(pose.scale, abs=0.01)
    assert residual[wrong].min() > 0.02
    assert np.median(residual) < 0.002


def test_exact_points_are_met_exactly() -> None:
    pose = known_pose(0, scale=0.93)
    points = head_points(0, 6)
    found, residual = align(points, pose.to_camera(points))
    assert residual.max() < 1e-5
    assert found.scale == pytest.approx(pose.scale, abs=1e-4)
    assert np.linalg.det(found.rotation) == pytest.approx(1, abs=1e-5)


def test_the_scale_stays_that_of_a_head() -> None:
    points = head_points(1, 20)
    found, _ = align(points, known_pose(1, scale=3.0).to_camera(points))
    assert found.scale == pytest.approx(1.2)
