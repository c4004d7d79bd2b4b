"""Settings changed while a head is followed: from the next frame on, from any thread, without losing the head."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from dphm_core.diffusion.prior import LatentPrior
from dphm_core.errors import SettingError
from dphm_core.frames import Observation, TrackedFrame, TrackStatus
from dphm_core.heads.latent_prior import load_model_prior
from dphm_core.heads.subject import Subject
from dphm_core.tracking import frame_solver
from dphm_core.tracking.config import TrackerConfig
from dphm_core.tracking.fit_state import FitState
from dphm_core.tracking.follower import Follower
from dphm_core.tracking.frame_solver import FrameSolver
from dphm_core.tracking.identity import GENERIC_POINTS, generic_identity
from dphm_core.tracking.live_settings import LiveSettings
from dphm_core.tracking.on_device.solver import DeviceSolver
from dphm_core.tracking.sampling import face_points
from dphm_core.tracking.solver import Solver, SolverMaker
from dphm_core.tracking.tracker import HeadTracker

FirstPass = tuple[HeadTracker, list[TrackedFrame]]
CONFIG = TrackerConfig(refinements=0, personal=False)


@pytest.fixture(scope="module")
def prior(first_pass: FirstPass) -> LatentPrior:
    return load_model_prior("default", "expression", first_pass[0].model)


def known_tracker(
    first_pass: FirstPass, config: TrackerConfig = CONFIG, prior: LatentPrior | None = None,
    make_solver: SolverMaker = FrameSolver,
) -> HeadTracker:  # fmt: skip
    """Tracks whom the first pass got to know."""
    known = first_pass[0].known
    assert known is not None
    tracker = HeadTracker(first_pass[0].model, config, prior, make_solver)
    tracker.use_subject(known)
    return tracker


def on_device(subject: Subject, config: TrackerConfig, prior: LatentPrior | None) -> Solver:
    return DeviceSolver(subject, config, prior, torch.device("cpu"))


def on_another_thread(do: Callable[[], object]) -> None:
    thread = threading.Thread(target=do)
    thread.start()
    thread.join(5)
    assert not thread.is_alive()


@pytest.fixture
def sampled(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many points each fit took."""
    counts: list[int] = []

    def counted(*arguments: object) -> object:
        chosen = face_points(*arguments)  # type: ignore[arg-type]
        counts.append(len(chosen[0]))
        return chosen

    monkeypatch.setattr(frame_solver, "face_points", counted)
    return counts


def test_they_keep_to_the_trackers_limits() -> None:
    config = TrackerConfig(points=700, smoothness=0.5, prior_spread=0)
    assert LiveSettings.of(config) == LiveSettings(700, 0.5, 0)
    assert LiveSettings().put_into(config) == replace(config, points=1500, smoothness=1, prior_spread=0.2)
    assert LiveSettings() == LiveSettings.of(TrackerConfig())
    with pytest.raises(SettingError, match="points must be 50"):
        LiveSettings(points=10)


def test_points_change_with_the_next_frame(
    first_pass: FirstPass, observations: list[Observation], sampled: list[int]
) -> None:
    tracker = known_tracker(first_pass)
    tracker.track(observations[8])
    sampled.clear()
    for count, observation in zip((1500, 600, 2000), observations[9:12], strict=True):
        on_another_thread(lambda count=count: tracker.adjust(LiveSettings(points=count)))  # type: ignore[misc]
        assert tracker.track(observation).reason == "following the frame before"
    assert sampled == [1500, 600, 2000]


def test_they_hold_for_the_next_identity_too(
    first_pass: FirstPass, observations: list[Observation], sampled: list[int]
) -> None:
    tracker, known = known_tracker(first_pass), first_pass[0].known
    assert known is not None
    tracker.adjust(LiveSettings(points=600))
    tracker.track(observations[8])
    tracker.use_subject(known)
    sampled.clear()
    tracker.track(observations[9])
    assert sampled == [600]


def test_the_mean_head_is_not_worth_all_points(
    first_pass: FirstPass, observations: list[Observation], sampled: list[int]
) -> None:
    follower = Follower(generic_identity(first_pass[0].model), CONFIG, None, FrameSolver)
    for points in (1500, 1000, 300):
        follower.adjust(replace(CONFIG, points=points))
        follower.follow(observations[8])
    assert sampled == [GENERIC_POINTS, GENERIC_POINTS, 300]


@pytest.mark.parametrize("make_solver", [FrameSolver, on_device])
def test_without_smoothness_the_fit_is_shown_and_the_head_not_let_go(
    first_pass: FirstPass, observations: list[Observation], make_solver: SolverMaker
) -> None:
    smooth, raw = (known_tracker(first_pass, make_solver=make_solver) for _ in range(2))
    for observation in observations[8:11]:
        before = smooth.track(observation)
        raw.track(observation)
    raw.adjust(LiveSettings(smoothness=0))
    states, shown = [], []
    for tracker in (smooth, raw):
        shown.append(tracker.track(observations[11]))
        assert tracker._follower is not None and tracker._follower.state is not None
        states.append(tracker._follower.state)
    codes = [frame.expression_code for frame in shown]
    assert codes[0] is not None and codes[1] is not None and before.expression_code is not None
    np.testing.assert_array_equal(states[1].expression, states[0].expression)  # what is fitted does not know of it
    np.testing.assert_array_equal(codes[1], states[1].expression)
    assert np.abs(codes[0] - states[0].expression).max() > 1e-3


@pytest.mark.parametrize("solver", [FrameSolver, on_device])
def test_the_prior_can_be_left_out_and_taken_in_again(
    first_pass: FirstPass, observations: list[Observation], prior: LatentPrior, solver: SolverMaker
) -> None:
    subject = first_pass[0].subject
    assert subject is not None
    start = state_of(first_pass[1][10])
    with_it, never = solver(subject, CONFIG, prior), solver(subject, CONFIG, None)
    fits = [one.solve(observations[11], start) for one in (with_it, never)]
    assert np.abs(fits[0].state.expression - fits[1].state.expression).max() > 1e-3
    with_it.adjust(replace(CONFIG, prior_spread=0))
    # What the frame before left is the camera's noise, told from the fit: the same state makes them equal from here on.
    for one in (with_it, never):
        one.solve(observations[12], start)
    after = [one.solve(observations[13], start) for one in (with_it, never)]
    np.testing.assert_allclose(after[0].state.expression, after[1].state.expression, atol=1e-6)
    with_it.adjust(CONFIG)
    fresh = solver(subject, CONFIG, prior)
    again = [one.solve(observations[14], start, 3) for one in (with_it, fresh)]
    assert np.abs(again[0].state.expression - after[1].state.expression).max() > 1e-3
    assert abs(again[0].residual_m - again[1].residual_m) < 1e-4


@pytest.mark.parametrize("solver", [FrameSolver, on_device])
def test_the_prior_pulls_as_it_would_have_from_the_start(
    first_pass: FirstPass, observations: list[Observation], prior: LatentPrior, solver: SolverMaker
) -> None:
    subject, start = first_pass[0].subject, state_of(first_pass[1][10])
    assert subject is not None
    tight = replace(CONFIG, prior_spread=0.05, points=900)
    adjusted, made = solver(subject, CONFIG, prior), solver(subject, tight, prior)
    adjusted.adjust(tight)
    fits = [one.solve(observations[11], start) for one in (adjusted, made)]
    np.testing.assert_allclose(fits[0].state.expression, fits[1].state.expression, atol=1e-6)


def state_of(frame: TrackedFrame) -> FitState:
    assert frame.head_to_cam is not None and frame.expression_code is not None
    return FitState(frame.head_to_cam, frame.expression_code)


@pytest.mark.parametrize("wish", ["restart", "recalibrate", "adjust"])
def test_nobody_waits_for_the_frame_in_progress(
    first_pass: FirstPass, observations: list[Observation], wish: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes on undisturbed, and what was wished for is done right after it."""
    tracker, follow = known_tracker(first_pass), Follower.follow
    tracker.track(observations[8])
    wishes: dict[str, Callable[[], None]] = {
        "restart": tracker.restart,
        "recalibrate": tracker.recalibrate,
        "adjust": lambda: tracker.adjust(LiveSettings(points=600)),
    }

    def interrupted(follower: Follower, observation: Observation) -> TrackedFrame:
        on_another_thread(wishes[wish])
        return follow(follower, observation)

    with monkeypatch.context() as patch:
        patch.setattr(Follower, "follow", interrupted)
        frame = tracker.track(observations[9])
    assert frame.status is TrackStatus.TRACKING and frame.reason == "following the frame before"
    after = {"restart": TrackStatus.LOST, "recalibrate": TrackStatus.SEARCHING, "adjust": TrackStatus.TRACKING}
    assert tracker.status is after[wish]
    assert (tracker.subject is None) is (wish == "recalibrate")
    reasons = {"restart": "found by its landmarks", "adjust": "following the frame before"}
    if wish in reasons:
        assert tracker.track(observations[10]).reason == reasons[wish]
