"""What speaks for and against a fit, on surfaces and distances made up for it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dphm_core.frames import Similarity
from dphm_core.tracking.evidence import Evidence, facing_camera, motion, surface_in_depth
from dphm_core.tracking.fit_state import FitState
from dphm_core.tracking.shape_error import shape_error
from dphm_core.tracking.trust import FOUND_CONFIDENCE, judge, landmark_trust, ramp

GOOD = Evidence(
    residual_m=0.0007, inliers=0.98, coverage=0.97, seen_through=0.002, landmarks_m=0.002, speed_m_s=0.1,
    turn_rad_s=1.0, facing=0.9, code=0.3,
)  # fmt: skip
OWN_M = 0.0007


def plate(depth_m: float, step_m: float, side_m: float = 0.15) -> np.ndarray:
    """Points of a square that faces the camera."""
    line = np.arange(-side_m / 2, side_m / 2, step_m)
    x, y = (part.ravel() for part in np.meshgrid(line, line))
    return np.column_stack([x, y, np.full(len(x), depth_m)]).astype(np.float32)


def test_a_surface_is_covered_by_depth_on_it_and_seen_through_to_depth_behind_it() -> None:
    surface, facing = plate(0.6, 0.003), np.ones(50 * 50, np.float32)
    assert surface_in_depth(surface, facing, plate(0.602, 0.0015)) == (1.0, 0.0)
    coverage, through = surface_in_depth(surface, facing, plate(0.65, 0.0015, 0.2))
    assert coverage == 0 and through > 0.98
    assert surface_in_depth(surface, facing, plate(0.5, 0.001)) == (0.0, 0.0)  # hidden: neither speaks
    assert surface_in_depth(surface, facing, np.zeros((0, 3), np.float32)) == (0.0, 0.0)
    depth = plate(0.6, 0.0015)
    coverage, _ = surface_in_depth(surface, facing, depth[depth[:, 0] < 0])
    assert coverage == pytest.approx(0.5, abs=0.04)


def test_what_the_head_hides_of_itself_need_not_be_seen() -> None:
    front, back = plate(0.6, 0.003), plate(0.7, 0.003)
    facing = np.ones(len(front) + len(back), np.float32)
    coverage, through = surface_in_depth(np.concatenate([front, back]), facing, plate(0.6, 0.0015))
    assert coverage > 0.95 and through == 0
    assert surface_in_depth(front, -np.ones(len(front), np.float32), front) == (0.0, 0.0)


def test_a_surface_that_looks_to_the_camera_faces_it() -> None:
    points, normals = np.float32([[0, 0, 1], [1, 0, 1]]), np.float32([[0, 0, -1], [0, 0, -1]])
    np.testing.assert_allclose(facing_camera(points, normals), [1, 0.5**0.5], rtol=1e-6)


def test_motion_is_per_second_and_bounded_where_timestamps_repeat() -> None:
    pose = Similarity(np.eye(3, dtype=np.float32), np.zeros(3, np.float32))
    quarter = np.float32([[0, -1, 0], [1, 0, 0], [0, 0, 1]])
    before = FitState.at_rest(pose, 2)
    now = FitState.at_rest(Similarity(quarter, np.float32([0, 0.03, 0.04])), 2)
    assert motion(before, now, 0.1) == pytest.approx((0.5, np.pi / 2 / 0.1), rel=1e-4)
    assert motion(before, now, -0.1) == motion(before, now, 0.1)  # a recording may be followed backwards
    assert np.isfinite(motion(before, now, 0.0)).all()
    assert np.isnan(motion(None, now, 0.1)).all()


def test_shape_error_sees_shapes_and_not_noise() -> None:
    rng = np.random.default_rng(0)
    points = rng.uniform((-0.3, -0.4, 0.1), (0.3, 0.3, 0.3), (1500, 3)).astype(np.float32)
    noise = rng.normal(0, 0.003, len(points)).astype(np.float32)
    assert shape_error(points, noise) < 0.0007
    assert shape_error(points, noise + np.float32(0.002) * np.sign(points[:, 0])) > 0.0013
    assert np.isnan(shape_error(points[:3], noise[:3]))


def test_a_ramp_goes_either_way_and_takes_no_number_for_bad() -> None:
    assert [ramp(value, 0.0, 2.0) for value in (-1, 0, 1, 2, 3)] == [0, 0, 0.5, 1, 1]
    assert [ramp(value, 2.0, 0.0) for value in (-1, 1, 3)] == [1, 0.5, 0]
    assert ramp(float("nan"), 0.0, 1.0) == 0


def test_a_good_fit_is_trusted() -> None:
    assert judge(GOOD, OWN_M).confidence == 1
    assert judge(replace(GOOD, speed_m_s=float("nan"), turn_rad_s=float("nan")), OWN_M).confidence == 1
    without = judge(replace(GOOD, landmarks_m=float("nan")), OWN_M)
    assert 0.9 < without.confidence < 1


def test_half_a_face_is_enough_to_be_found_by() -> None:
    assert judge(replace(GOOD, coverage=0.44), OWN_M).confidence > FOUND_CONFIDENCE


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        ({"residual_m": 0.0026}, "2.6 mm off"),
        ({"residual_m": float("nan")}, "off"),
        ({"inliers": 0.3}, "30% of the points"),
        ({"coverage": 0.1}, "10% of the face"),
        ({"seen_through": 0.5}, "behind the head"),
        ({"speed_m_s": 5.0}, "moves"),
        ({"turn_rad_s": 31.0}, "moves"),
        ({"facing": -0.6}, "away"),
        ({"code": 2.0}, "looks like that"),
    ],
)
def test_each_piece_of_evidence_alone_can_speak_against_a_fit(bad: dict[str, float], told: str) -> None:
    verdict = judge(replace(GOOD, **bad), OWN_M)
    assert verdict.confidence == 0
    assert told in verdict.weakest


def test_landmarks_alone_cannot() -> None:
    assert landmark_trust(1.0) == landmark_trust(0.03) == pytest.approx(0.35)
    assert "landmarks are 30 mm" in judge(replace(GOOD, landmarks_m=0.03), OWN_M).weakest
