"""What is shown: steady where the fit trembles, at once where it moves."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from dphm_core.frames import Similarity
from dphm_core.tracking.fit_state import FitState
from dphm_core.tracking.smoothing import CODE_PART, POSE_PART, Smoother

SIZE = 20
SIGMA = 0.5
POINTS = np.random.default_rng(5).uniform(-0.3, 0.3, (50, 3)).astype(np.float32)


def state(turn: np.ndarray, shift_m: np.ndarray, code: np.ndarray, scale: float = 1.0) -> FitState:
    rotation = Rotation.from_rotvec(turn).as_matrix().astype(np.float32)
    return FitState(Similarity(rotation, shift_m.astype(np.float32), scale), code.astype(np.float32))


def shown(smoother: Smoother, states: list[FitState]) -> list[FitState]:
    result = []
    for one in states:
        result.append(smoother.towards(one))
        smoother.keep(result[-1])
    return result


def trembling(count: int) -> list[FitState]:
    rng = np.random.default_rng(0)
    return [
        state(rng.normal(0, 0.001, 3), rng.normal((0, 0, 0.6), 0.0001), rng.normal(0.3, 0.01, SIZE))
        for _ in range(count)
    ]


def spread(states: list[FitState]) -> tuple[float, float]:
    """Spread of vertices (metres) and of codes about their means."""
    places = np.array([one.head_to_cam.to_camera(POINTS) for one in states])
    codes = np.array([one.expression for one in states])
    return float((places - places.mean(axis=0)).std()), float((codes - codes.mean(axis=0)).std())


def test_a_still_head_trembles_less_than_half() -> None:
    fits = trembling(200)
    before, after = spread(fits[20:]), spread(shown(Smoother(1.0, SIGMA), fits)[20:])
    assert after[0] < 0.45 * before[0]
    assert after[1] < 0.45 * before[1]


def test_smoothness_is_adjustable_and_can_be_off() -> None:
    fits = trembling(30)
    assert all(a is b for a, b in zip(shown(Smoother(0.0, SIGMA), fits), fits, strict=True))
    assert spread(shown(Smoother(0.3, SIGMA), fits))[1] > spread(shown(Smoother(1.0, SIGMA), fits))[1]


def test_a_mouth_that_falls_open_is_followed_in_the_same_frame() -> None:
    fits = trembling(30)
    opening = [0.5, 0.7, 0.85, 1.0]
    for value in opening:
        code = fits[-1].expression.copy()
        code[3] = value
        fits.append(FitState(fits[-1].head_to_cam, code))
    seen = [one.expression[3] for one in shown(Smoother(1.0, SIGMA), fits)[-4:]]
    np.testing.assert_allclose(seen, opening, atol=0.01)


def test_a_turning_head_is_followed_in_the_same_frame() -> None:
    at = np.array([0, 0, 0.6])
    fits = [state(np.array([0, 0.02 * k, 0]), at, np.zeros(SIZE)) for k in range(20)]
    for fit, one in zip(fits, shown(Smoother(1.0, SIGMA), fits), strict=True):
        gap = one.head_to_cam.to_camera(POINTS) - fit.head_to_cam.to_camera(POINTS)
        assert np.abs(gap).max() < 1e-5


def test_a_small_change_that_lasts_is_arrived_at() -> None:
    first, second = (state(np.zeros(3), np.array([0, 0, z]), np.zeros(SIZE)) for z in (0.6, 0.6003))
    seen = shown(Smoother(1.0, SIGMA), [first] + [second] * 60)
    steps = np.diff([one.head_to_cam.translation_m[2] for one in seen])
    assert abs(steps[0] - POSE_PART * 0.0003) < 1e-6
    assert abs(seen[-1].head_to_cam.translation_m[2] - 0.6003) < 2e-6


def test_poses_from_noisier_depth_may_tremble_more() -> None:
    first, second = (state(np.zeros(3), np.array([0, 0, z]), np.zeros(SIZE)) for z in (0.6, 0.601))
    smoother = Smoother(1.0, SIGMA)
    smoother.keep(first)
    assert smoother.towards(second, 1.0).head_to_cam.translation_m[2] > 0.60099
    assert smoother.towards(second, 3.0).head_to_cam.translation_m[2] < 0.6003


def test_codes_from_noisier_depth_tremble_less_so_that_smaller_changes_are_motion() -> None:
    first, second = (state(np.zeros(3), np.array([0, 0, 0.6]), np.full(SIZE, w)) for w in (0.3, 0.315))
    smoother = Smoother(1.0, SIGMA)
    smoother.keep(first)
    np.testing.assert_allclose(smoother.towards(second, 1.0).expression, 0.3 + CODE_PART * 0.015, atol=1e-6)
    np.testing.assert_allclose(smoother.towards(second, 3.0).expression, 0.315, atol=1e-6)


def test_another_head_starts_anew() -> None:
    smoother = Smoother(1.0, SIGMA)
    first, other = (state(np.zeros(3), np.array([0, 0, 0.6]), np.zeros(SIZE), scale) for scale in (1.0, 1.02))
    smoother.keep(first)
    assert smoother.towards(other) is other
    smoother.restart()
    assert smoother.towards(first) is first
