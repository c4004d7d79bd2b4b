"""Frames take as many Gauss–Newton steps as gain something."""

from __future__ import annotations

import numpy as np
import pytest

from dphm_core.frames import Observation, TrackedFrame
from dphm_core.tracking import frame_solver
from dphm_core.tracking.config import TrackerConfig
from dphm_core.tracking.descent import Descent
from dphm_core.tracking.fit_state import FitState
from dphm_core.tracking.frame_solver import FrameSolver
from dphm_core.tracking.normal_equations import NormalEquations
from dphm_core.tracking.tracker import HeadTracker


def test_weights_narrow_in_the_first_steps_and_stay_narrow() -> None:
    config = TrackerConfig()
    descent = Descent.of(None, config)
    widths = [descent.width_m(step, config) for step in range(descent.most)]
    assert widths[0] == config.robust_start_m
    assert widths[descent.narrowing - 1 :] == [config.robust_end_m] * (descent.most - descent.narrowing + 1)
    found = [Descent.of(10, config).width_m(step, config) for step in range(10)]
    assert found[0] == config.robust_start_m and found[-1] == pytest.approx(config.robust_end_m)
    assert (np.diff(found) < 0).all() and not any(Descent.of(10, config).may_end(step) for step in range(9))


def test_the_gain_of_a_step_is_what_a_quadratic_loses() -> None:
    equations = NormalEquations(2)
    equations.add_diagonal(np.array([3.0, -1.0]), np.array([2.0, 4.0]), slice(0, 2))  # ½·2·(x+3)² + ½·4·(y−1)²
    unbounded = np.full(2, np.inf)
    step = equations.solve(-unbounded, unbounded)
    assert equations.gain(step) == pytest.approx(9 + 2, rel=1e-5)
    assert equations.gain(0 * step) == 0


def test_a_fast_face_gets_more_steps_and_comes_to_where_many_would_bring_it(
    first_pass: tuple[HeadTracker, list[TrackedFrame]], observations: list[Observation], monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker, frames = first_pass
    subject, pose, code, steps = tracker.subject, frames[12].head_to_cam, frames[12].expression_code, 0
    assert subject is not None and pose is not None and code is not None
    near = FitState(pose, code)
    far = near.moved(np.clip(code + 0.4, 0, 1).astype(np.float32), np.float32([0.1, 0.1, 0, 0.01, 0.01, 0]))
    real = frame_solver.distance_residuals

    sizes: list[int] = []

    def counted(*arguments: object) -> object:
        nonlocal steps
        steps += 1
        sizes.append(len(arguments[2]))  # type: ignore[arg-type]
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(frame_solver, "distance_residuals", counted)
    taken, fits = [], []
    for start in (near, far):
        for config in (TrackerConfig(), TrackerConfig(iterations=30)):
            steps = 0
            fits.append(FrameSolver(subject, config).solve(observations[12], start))
            taken.append(steps)
    assert taken[0] == taken[1] == Descent.of(None, TrackerConfig()).narrowing
    assert taken[2] > taken[0]
    every, half = max(sizes), -(-max(sizes) // 2)
    assert set(sizes) == {every, half} and sizes[:2] == [half, every]
    assert sizes[2 * taken[0] : 2 * taken[0] + 2] == [half, half] and sizes[-1] == every  # far off, it begins roughly
    points = subject.vertices_canonical[:9409:50]
    for got, expected in (fits[:2], fits[2:]):
        apart = got.state.head_to_cam.to_camera(points) - expected.state.head_to_cam.to_camera(points)
        assert np.linalg.norm(apart, axis=1).max() < 3e-4
