"""In a live picture: a provisional head from the first frames, and then the one that is worked out in full."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from tracked_keyframes import keyframes_of

from dphm_core.frames import Observation, TrackedFrame, TrackStatus
from dphm_core.tracking import identity_worker
from dphm_core.tracking.config import TrackerConfig
from dphm_core.tracking.identity import Identity, IdentityFinder
from dphm_core.tracking.tracker import HeadTracker

FirstPass = tuple[HeadTracker, list[TrackedFrame]]
QUICK = TrackerConfig(
    calibration_frames=6, calibration_keyframes=3, calibration_iterations=6, calibration_points=300, points=600,
    refinements=0, personal=False,
)  # fmt: skip
GLANCE_FRAMES = 3


@pytest.fixture
def live(first_pass: FirstPass, monkeypatch: pytest.MonkeyPatch) -> Iterator[HeadTracker]:
    monkeypatch.setattr(identity_worker, "GLANCE_FRAMES", GLANCE_FRAMES)
    tracker = HeadTracker(first_pass[0].model, QUICK, background=True)
    yield tracker
    tracker.cancel()


@pytest.fixture
def present(first_pass: FirstPass) -> Identity:
    """The head of the first pass, as if only glanced at."""
    tracker = first_pass[0]
    assert tracker.known is not None and tracker.subject is not None
    return Identity(tracker.known, tracker.subject, provisional=True)


def test_a_provisional_head_is_followed_until_the_full_one_takes_over(
    live: HeadTracker, observations: list[Observation]
) -> None:
    frames, provisional, deadline = [], None, time.monotonic() + 60
    while live.known is None and time.monotonic() < deadline:
        frames.append(live.track(observations[len(frames) % 4]))
        provisional = provisional or live.subject
        assert not live.settled or live.known is not None
        time.sleep(0.01)
    assert live.known is not None and live.settled
    assert provisional is not None and live.subject is not provisional
    assert live.faces is provisional.faces
    assert f"1 of {GLANCE_FRAMES}" in frames[0].reason
    states = [frame.status for frame in frames]
    assert states == sorted(states, key=[TrackStatus.CALIBRATING, TrackStatus.TRACKING].index)
    followed = [frame for frame in frames if frame.status is TrackStatus.TRACKING]
    assert followed and all(frame.confidence > 0.8 for frame in followed)
    assert live.track(observations[0]).reason == "following the frame before"


@pytest.mark.parametrize("good", [True, False])
def test_the_full_head_is_taken_where_it_is_nearer_to_other_frames(
    first_pass: FirstPass, present: Identity, good: bool
) -> None:
    keyframes = keyframes_of(first_pass[1][-8:])
    hasty = replace(QUICK, calibration_iterations=1, calibration_points=60)
    finder = IdentityFinder(first_pass[0].model, QUICK if good else hasty, None)
    if good:
        noise = np.random.default_rng(0).standard_normal(len(present.known.coefficients)).astype(np.float32)
        known = replace(present.known, coefficients=present.known.coefficients + 0.6 * noise)
        present = Identity(known, known.subject(first_pass[0].model), provisional=True)
    found = finder.complete(keyframes, present, lambda: None)
    assert found is not None and not found.provisional
    assert len(found.keyframes) == QUICK.calibration_keyframes and found.seconds > 0
    assert (found.known.coefficients is present.known.coefficients) is not good
    assert found.known.shape_error_m < 0.001


def test_a_glance_that_fails_is_made_up_for_by_more_frames(
    first_pass: FirstPass, observations: list[Observation], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise np.linalg.LinAlgError("singular")

    monkeypatch.setattr(identity_worker, "GLANCE_FRAMES", GLANCE_FRAMES)
    monkeypatch.setattr(IdentityFinder, "glance", fails)
    worker = identity_worker.IdentityWorker(first_pass[0].model, QUICK, None, background=False)
    worker.mean_head.shown, worker.mean_head.begin = True, lambda: None  # type: ignore[method-assign]
    found = None
    for position, frame in enumerate(keyframes_of(first_pass[1][-6:]), 1):
        assert found is None
        worker.see_face(frame.observation, frame.state.head_to_cam, 1.0)
        assert worker._work.busy is (position in (GLANCE_FRAMES, QUICK.calibration_frames))
        found = worker.take()
    assert found is not None and not found.provisional


def test_a_recording_is_not_glanced_at(
    first_pass: FirstPass, observations: list[Observation], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity_worker, "GLANCE_FRAMES", 1)
    tracker = HeadTracker(first_pass[0].model, QUICK)
    states = [tracker.track(observation).status for observation in observations[: QUICK.calibration_frames + 1]]
    assert states == [TrackStatus.CALIBRATING] * QUICK.calibration_frames + [TrackStatus.TRACKING]
    assert tracker.known is not None
