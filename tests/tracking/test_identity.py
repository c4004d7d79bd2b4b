"""Identities found beside the tracking: the mean head meanwhile, swaps, refusals, and no dependence on time."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from tracked_keyframes import keyframes_of

from dphm_core.frames import Observation, Similarity, TrackedFrame, TrackStatus
from dphm_core.heads.model import HeadModel
from dphm_core.heads.offset import LIMIT, SHAPE, SurfaceOffset
from dphm_core.tracking import calibration, identity_worker
from dphm_core.tracking.calibration import Calibrator
from dphm_core.tracking.config import TrackerConfig
from dphm_core.tracking.fit_state import FitState
from dphm_core.tracking.follower import Follower
from dphm_core.tracking.frame_solver import FrameSolver
from dphm_core.tracking.identity import Identity, IdentityFinder
from dphm_core.tracking.initial_pose import aligned_pose
from dphm_core.tracking.keyframes import Keyframe
from dphm_core.tracking.rigid import HEAD_SCALES
from dphm_core.tracking.subject_file import KnownSubject
from dphm_core.tracking.tracker import HeadTracker

QUICK = TrackerConfig(
    calibration_frames=4, calibration_keyframes=2, calibration_iterations=4, calibration_points=300, points=600,
    refinement_keyframes=4, refinements=1, personal=False,
)  # fmt: skip

REFINING = replace(QUICK, calibration_iterations=8, refinement_keyframes=8)


def identity_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "dphm-identity"]


@pytest.fixture
def live(first_pass: tuple[HeadTracker, list[TrackedFrame]]) -> Iterator[HeadTracker]:
    tracker = HeadTracker(first_pass[0].model, QUICK, background=True)
    yield tracker
    tracker.cancel()
    assert not identity_threads()


@pytest.fixture
def model(first_pass: tuple[HeadTracker, list[TrackedFrame]]) -> HeadModel:
    return first_pass[0].model


@pytest.fixture
def good(first_pass: tuple[HeadTracker, list[TrackedFrame]]) -> Identity:
    tracker = first_pass[0]
    assert tracker.known is not None and tracker.subject is not None
    return Identity(tracker.known, tracker.subject)


@pytest.fixture(scope="module")
def bad(first_pass: tuple[HeadTracker, list[TrackedFrame]]) -> Identity:
    """The same head, half forgotten."""
    tracker = first_pass[0]
    assert tracker.known is not None
    noise = np.random.default_rng(0).standard_normal(len(tracker.known.coefficients)).astype(np.float32)
    nothing = SurfaceOffset(np.zeros(SHAPE, np.float32))
    known = replace(
        tracker.known, coefficients=tracker.known.coefficients + 0.6 * noise, shape_error_m=0.002, offset=nothing
    )
    return Identity(known, known.subject(tracker.model))


@pytest.fixture
def keyframes(first_pass: tuple[HeadTracker, list[TrackedFrame]]) -> list[Keyframe]:
    return keyframes_of(first_pass[1][-8:])


def shown_until(tracker: HeadTracker, observations: list[Observation], done: object = None) -> list[TrackedFrame]:
    """Frames until the tracker has a subject (other than `done`), each observation as often as it takes."""
    frames: list[TrackedFrame] = []
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        frame = tracker.track(observations[len(frames) % 2])
        if tracker.subject is not done:  # before this frame or after it, which is a matter of time
            return frames
        frames.append(frame)
        time.sleep(0.01)
    raise AssertionError("nobody was recognised")


def test_the_mean_head_is_shown_until_it_is_known_whose_it_is(
    live: HeadTracker, model: HeadModel, observations: list[Observation]
) -> None:
    frames = shown_until(live, observations)
    after = live.track(observations[len(frames) % 2])
    assert {frame.status for frame in frames} == {TrackStatus.CALIBRATING}
    assert after.status is TrackStatus.TRACKING
    assert all(frame.head_to_cam is not None and frame.confidence > 0.3 for frame in frames)
    assert "2 of 4" in frames[1].reason and "whose head" in frames[-1].reason
    assert model.template is not None and live.faces is model.template.faces
    shown = [frame.vertices_cam for frame in frames if frame.vertices_cam is not None]
    assert shown and after.vertices_cam is not None
    assert {vertices.shape for vertices in [*shown, after.vertices_cam]} == {model.template.mean.shape}
    skin = model.template.tracked
    jump = np.linalg.norm(after.vertices_cam[skin] - shown[-2][skin], axis=1)
    assert float(np.median(jump)) < 0.008


def test_without_a_template_no_other_topology_is_shown(model: HeadModel, observations: list[Observation]) -> None:
    tracker = HeadTracker(replace(model, template=None), replace(QUICK, calibration_frames=50), background=True)
    frames = [tracker.track(observation) for observation in observations[:3]]
    assert not identity_threads()
    assert all(frame.vertices_cam is None and frame.head_to_cam is not None for frame in frames)
    assert len(tracker.faces) == 0


def test_stopping_ends_the_work_at_once(live: HeadTracker, observations: list[Observation]) -> None:
    live.track(observations[0])
    (making_the_mean_head,) = identity_threads()
    making_the_mean_head.join(20)
    for observation in observations[:4]:
        live.track(observation)
    assert identity_threads()
    live.cancel()
    assert not identity_threads()


def test_results_of_a_recording_do_not_depend_on_time(model: HeadModel, observations: list[Observation]) -> None:
    runs = []
    for pause_s in (0.0, 0.02):
        tracker, vertices = HeadTracker(model, QUICK), []
        for observation in observations[:7]:
            vertices.append(tracker.track(observation).vertices_cam)
            time.sleep(pause_s)
        assert [known is None for known in vertices] == [True] * 4 + [False] * 3
        runs.append(np.array(vertices[4:]))
    np.testing.assert_array_equal(*runs)


def test_a_bad_identity_is_refined_and_a_good_one_kept(
    model: HeadModel, good: Identity, bad: Identity, keyframes: list[Keyframe]
) -> None:
    """Also where the good one has a personal offset that makes it worse: offsets are not what is compared."""
    finder = IdentityFinder(model, REFINING, None)
    everywhere = SurfaceOffset(np.full(SHAPE, 0.4 * LIMIT, np.float32))
    known = replace(good.known, offset=everywhere)
    assert finder.refine(keyframes, Identity(known, known.subject(model)), (), lambda: None) is None
    better = finder.refine(keyframes, bad, (), lambda: None)
    assert better is not None and len(better.keyframes) == 6
    assert better.known.offset is None  # of no frames, none is made
    assert better.subject.faces is good.subject.faces
    assert model.template is not None
    skin = model.template.tracked
    off = [
        np.linalg.norm((head.subject.vertices_canonical - good.subject.vertices_canonical)[skin], axis=1).mean()
        for head in (bad, better)
    ]
    assert off[1] < 0.8 * off[0]


def test_a_better_identity_comes_between_two_frames(
    first_pass: tuple[HeadTracker, list[TrackedFrame]], bad: Identity, keyframes: list[Keyframe],
    observations: list[Observation], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    for name, value in (("NEW_VIEWS", 1), ("MIN_VIEWS", 1), ("PAUSE_S", 0.0)):
        monkeypatch.setattr(identity_worker, name, value)
    monkeypatch.setattr(identity_worker.KeyframePool, "frames", property(lambda _: keyframes))
    tracker = HeadTracker(first_pass[0].model, REFINING)
    tracker.use_subject(bad.known)
    faces, old, frames = tracker.faces, tracker.subject, []
    while tracker.subject is old:
        frames.append(tracker.track(observations[len(frames)]))
    assert tracker.settled  # once is all that is asked for
    frames.append(tracker.track(observations[len(frames)]))
    assert {frame.status for frame in frames[-2:]} == {TrackStatus.TRACKING}
    assert tracker.faces is faces and tracker.known is not None
    assert frames[-1].reason == "following the frame before"
    before, after = frames[-2].vertices_cam, frames[-1].vertices_cam
    assert before is not None and after is not None
    assert float(np.median(np.linalg.norm(before - after, axis=1))) < 0.003


def test_a_head_that_is_taken_over_stays_in_place(
    first_pass: tuple[HeadTracker, list[TrackedFrame]], bad: Identity, good: Identity
) -> None:
    tracker, last = first_pass[0], first_pass[1][-1]
    assert last.head_to_cam is not None and last.expression_code is not None
    assert good.subject.model.template is not None
    before = Follower(good, tracker.config, None, FrameSolver)
    before.resume(FitState(last.head_to_cam, last.expression_code))
    after = Follower(bad, tracker.config, None, FrameSolver)
    after.take_over(before)
    assert after.state is not None and after.status is TrackStatus.TRACKING
    np.testing.assert_array_equal(after.state.expression, last.expression_code)
    skin = good.subject.model.template.tracked
    faces = [
        state.head_to_cam.to_camera(head.subject.posed_vertices(state.expression))[skin]
        for head, state in ((good, before.state), (bad, after.state))
        if state is not None
    ]
    shift = (faces[1] - faces[0]).mean(axis=0)
    assert np.linalg.norm(shift) < 0.0005


def test_it_begins_again_when_asked_to(
    first_pass: tuple[HeadTracker, list[TrackedFrame]], observations: list[Observation]
) -> None:
    known: KnownSubject | None = first_pass[0].known
    assert known is not None
    tracker = HeadTracker(first_pass[0].model, QUICK)
    tracker.use_subject(known)
    assert tracker.track(observations[0]).status is TrackStatus.TRACKING
    asking = threading.Thread(target=tracker.recalibrate)
    asking.start()
    asking.join()
    assert tracker.subject is None and tracker.known is None and tracker.status is TrackStatus.SEARCHING
    frames = [tracker.track(observation) for observation in observations[1:6]]
    assert [frame.status for frame in frames] == [TrackStatus.CALIBRATING] * 4 + [TrackStatus.TRACKING]
    assert tracker.known is not None and tracker.known is not known


@pytest.mark.parametrize("factor", [0.6, 1.6])
def test_the_scale_stays_a_heads(
    model: HeadModel, observations: list[Observation], factor: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A camera that is wrong by more than heads differ."""
    monkeypatch.setattr(calibration, "SCALE_SIGMA", 100.0)
    seen = observations[0]
    assert seen.landmarks is not None
    landmarks = replace(seen.landmarks, points_cam=seen.landmarks.points_cam * factor)
    wrong = replace(seen, points_cam=seen.points_cam * factor, landmarks=landmarks)
    aligned = aligned_pose(model, wrong)
    assert aligned is not None
    pose: Similarity = aligned[0]
    start = FitState.at_rest(pose, model.config.expression_dim)
    found = Calibrator(model, QUICK).fit([wrong], [start])
    assert HEAD_SCALES[0] <= found.scale <= HEAD_SCALES[1]
    assert found.scale == pytest.approx(HEAD_SCALES[factor > 1], abs=0.05)


def test_a_refinement_that_fails_leaves_the_present_identity(
    model: HeadModel, good: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise np.linalg.LinAlgError("singular")

    monkeypatch.setattr(IdentityFinder, "refine", fails)
    worker = identity_worker.IdentityWorker(model, TrackerConfig(), None, background=False)
    worker.begin(good)
    worker._refine()
    assert worker.take() is None
    worker.begin(None)
    monkeypatch.setattr(IdentityFinder, "calibrate", fails)
    worker._calibrate()
    with pytest.raises(np.linalg.LinAlgError):  # of somebody unknown there is nothing to go on with
        worker.take()
