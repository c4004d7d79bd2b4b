"""The personal offset within the tracker: learnt beside it or at the end, and left out on request."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from tracked_keyframes import keyframes_of

from dphm_core.frames import MM_PER_UNIT, Observation, TrackedFrame, TrackStatus
from dphm_core.heads.model import HeadModel
from dphm_core.heads.offset import SHAPE, SurfaceOffset, node_positions
from dphm_core.output.retrack import RetrackingTracker
from dphm_core.tracking import identity_worker
from dphm_core.tracking.config import TrackerConfig
from dphm_core.tracking.identity import Identity, IdentityFinder
from dphm_core.tracking.keyframes import Keyframe
from dphm_core.tracking.subject_file import KnownSubject
from dphm_core.tracking.tracker import HeadTracker

FirstPass = tuple[HeadTracker, list[TrackedFrame]]
FOREHEAD = np.array([0.0, 0.189, 0.197], np.float32)
HEIGHT_MM = 2.0
QUICK = TrackerConfig(
    points=600, refinements=0, calibration_points=300, calibration_iterations=8, refinement_keyframes=8
)


@pytest.fixture(scope="module")
def model(first_pass: FirstPass) -> HeadModel:
    return first_pass[0].model


@pytest.fixture(scope="module")
def swollen(first_pass: FirstPass) -> KnownSubject:
    """The demo's head with a bump on the forehead that it does not have."""
    known = first_pass[0].known
    assert known is not None
    away = np.linalg.norm(node_positions() - FOREHEAD, axis=1)
    height = HEIGHT_MM / MM_PER_UNIT * np.exp(-0.5 * (away / 0.08) ** 2)
    return replace(known, offset=SurfaceOffset(height.reshape(SHAPE).astype(np.float32)), shape_error_m=0.002)


@pytest.fixture(scope="module")
def keyframes(first_pass: FirstPass) -> list[Keyframe]:
    return keyframes_of(first_pass[1][-9:])


def swelling_mm(known: KnownSubject | None) -> float:
    assert known is not None and known.offset is not None
    return float(known.offset(FOREHEAD[None])[0]) * MM_PER_UNIT


def test_what_frames_show_is_learnt(model: HeadModel, swollen: KnownSubject, keyframes: list[Keyframe]) -> None:
    present = Identity(swollen, swollen.subject(model))
    found = IdentityFinder(model, QUICK, None).personalise(keyframes, present, lambda: None)
    assert found is not None and found.subject.offset is found.known.offset
    assert abs(swelling_mm(found.known)) < 0.6 * swelling_mm(swollen)
    assert found.known.shape_error_m < 0.0006 and found.known.residual_m < 0.002
    assert found.subject.faces is present.subject.faces
    assert found.subject.vertices_canonical.shape == present.subject.vertices_canonical.shape


def test_it_comes_beside_a_live_picture_and_ends_with_it(
    model: HeadModel, swollen: KnownSubject, observations: list[Observation], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity_worker, "PERSONAL_FRAMES", (9, 18))
    tracker = HeadTracker(model, QUICK, background=True)
    tracker.use_subject(swollen)
    old, faces, frames, deadline = tracker.subject, tracker.faces, [], time.monotonic() + 60
    while tracker.subject is old and time.monotonic() < deadline:
        frames.append(tracker.track(observations[len(frames) % len(observations)]))
        time.sleep(0.02)
    assert abs(swelling_mm(tracker.known)) < 0.6 * swelling_mm(swollen)
    assert tracker.faces is faces and {frame.status for frame in frames[1:]} == {TrackStatus.TRACKING}
    while not any(thread.name == "dphm-identity" for thread in threading.enumerate()):
        assert not tracker.settled
        tracker.track(observations[0])
    tracker.cancel()
    assert not any(thread.name == "dphm-identity" for thread in threading.enumerate())


def test_in_a_recording_it_comes_at_the_end_and_counts_from_the_beginning(
    model: HeadModel, swollen: KnownSubject, observations: list[Observation]
) -> None:
    tracker = HeadTracker(model, QUICK)
    tracker.use_subject(swollen)
    retracking = RetrackingTracker(tracker)
    first = [retracking.track(observation) for observation in observations[:10]]
    assert {frame.status for frame in first} == {TrackStatus.TRACKING}
    assert tracker.known is swollen and not tracker.settled
    retracking.take_retracked()
    tracker.cancel()  # as a pipeline does at the end
    retracking.finish()
    assert tracker.settled and abs(swelling_mm(tracker.known)) < 0.6 * swelling_mm(swollen)
    again = retracking.take_retracked()
    assert [frame.index for frame in again] == list(range(10))
    assert {frame.status for frame in again} == {TrackStatus.TRACKING}
    bump = np.argmin(np.linalg.norm(swollen.subject(model).vertices_canonical - FOREHEAD, axis=1))
    before, after = first[-1].vertices_cam, again[-1].vertices_cam
    assert before is not None and after is not None
    assert np.linalg.norm(before[bump] - after[bump]) > 0.0005


def test_it_is_left_out_on_request(model: HeadModel, first_pass: FirstPass, observations: list[Observation]) -> None:
    known = first_pass[0].known
    assert known is not None
    tracker = HeadTracker(model, replace(QUICK, personal=False))
    tracker.use_subject(known)
    assert tracker.settled
    for observation in observations[:9]:
        tracker.track(observation)
    tracker.conclude()
    assert tracker.known is known
