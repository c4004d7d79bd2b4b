"""The tracker on the demo recording with the default model: states, errors against ground truth, re-acquisition."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from demo_recording import CALIBRATION_FRAMES, DEMO, LAST

from dphm_core.evaluation.ground_truth import GroundTruth
from dphm_core.evaluation.metrics import closest_on_mesh
from dphm_core.frames import Observation, TrackedFrame, TrackStatus
from dphm_core.heads.model import load_model
from dphm_core.tracking.config import TrackerConfig
from dphm_core.tracking.subject_file import load_subject_of, save_subject
from dphm_core.tracking.tracker import HeadTracker


def test_it_calibrates_on_the_first_faces_and_then_tracks(first_pass: tuple[HeadTracker, list[TrackedFrame]]) -> None:
    _, frames = first_pass
    states = [frame.status for frame in frames]
    assert states[:CALIBRATION_FRAMES] == [TrackStatus.CALIBRATING] * CALIBRATION_FRAMES
    assert states[CALIBRATION_FRAMES:] == [TrackStatus.TRACKING] * (LAST + 1 - CALIBRATION_FRAMES)
    assert all(frame.reason for frame in frames)


def test_the_mesh_is_the_subjects_face(first_pass: tuple[HeadTracker, list[TrackedFrame]]) -> None:
    tracker, frames = first_pass
    truth = GroundTruth.load(DEMO / "ground_truth.npz")
    last = frames[-1]
    assert last.vertices_cam is not None
    skin = truth.vertices_cam(last.index)[truth.face_vertices]
    distance = closest_on_mesh(skin, last.vertices_cam, tracker.faces)[0]
    assert float(distance.mean()) < 0.0013


def test_the_fields_warp_the_mesh_as_the_template_does(first_pass: tuple[HeadTracker, list[TrackedFrame]]) -> None:
    tracker, frames = first_pass
    subject, code = tracker.subject, frames[-1].expression_code
    assert subject is not None and code is not None and subject.model.template is not None
    skin = subject.model.template.tracked
    posed = subject.posed_vertices(code)[skin]
    warped = subject.inverse_warp(subject.vertices_canonical[skin], code, posed)
    millimetres = np.linalg.norm(warped - posed, axis=1) * 250
    assert float(np.median(millimetres)) < 1.0


def test_a_lost_head_is_told_and_found_again(
    first_pass: tuple[HeadTracker, list[TrackedFrame]], observations: list[Observation]
) -> None:
    tracker, _ = first_pass
    none = np.zeros((0, 3), dtype=np.float32)
    blind = replace(observations[-1], points_cam=none, normals_cam=none, landmarks=None)
    lost = [tracker.track(blind) for _ in range(4)]
    assert {frame.status for frame in lost} == {TrackStatus.LOST}
    assert "depth" in lost[-1].reason
    assert lost[-1].vertices_cam is None
    assert tracker.track(observations[-1]).status is TrackStatus.TRACKING


def test_somebody_else_is_not_taken_for_the_subject(
    first_pass: tuple[HeadTracker, list[TrackedFrame]], observations: list[Observation]
) -> None:
    tracker, _ = first_pass
    assert tracker.known is not None
    other = np.random.default_rng(3).standard_normal(len(tracker.known.coefficients)).astype(np.float32)
    expecting_another = HeadTracker(tracker.model, tracker.config)
    expecting_another.use_subject(replace(tracker.known, coefficients=other))
    refused = [expecting_another.track(observation) for observation in observations[:3]]
    assert {frame.status for frame in refused} == {TrackStatus.SEARCHING}
    assert all("another head" in frame.reason for frame in refused)
    assert all(frame.vertices_cam is None and frame.confidence == 0 for frame in refused)


def test_a_person_who_comes_back_is_tracked_from_the_first_frame_on(
    first_pass: tuple[HeadTracker, list[TrackedFrame]], observations: list[Observation], tmp_path: Path
) -> None:
    tracker, _ = first_pass
    assert tracker.known is not None
    save_subject(tracker.known, tmp_path / "me")
    again = HeadTracker(tracker.model, tracker.config)
    again.use_subject(load_subject_of(tmp_path / "me", again.model))
    assert again.status is TrackStatus.SEARCHING
    frames = [again.track(observation) for observation in observations[:3]]
    assert [frame.status for frame in frames] == [TrackStatus.TRACKING] * 3
    truth = GroundTruth.load(DEMO / "ground_truth.npz")
    skin = truth.vertices_cam(frames[-1].index)[truth.face_vertices]
    assert frames[-1].vertices_cam is not None
    assert float(closest_on_mesh(skin, frames[-1].vertices_cam, again.faces)[0].mean()) < 0.0013


def test_a_model_without_a_template_is_tracked_through_its_fields_alone(observations: list[Observation]) -> None:
    model = replace(load_model("default"), template=None)
    config = TrackerConfig(calibration_frames=CALIBRATION_FRAMES, calibration_keyframes=3, calibration_iterations=7)
    tracker = HeadTracker(model, config)
    frames = [tracker.track(observation) for observation in observations[: CALIBRATION_FRAMES + 2]]
    last = frames[-1]
    assert last.status is TrackStatus.TRACKING
    assert last.vertices_cam is not None
    assert last.vertices_cam.shape == frames[-2].vertices_cam.shape  # type: ignore[union-attr]
    truth = GroundTruth.load(DEMO / "ground_truth.npz")
    skin = truth.vertices_cam(last.index)[truth.face_vertices]
    assert float(closest_on_mesh(skin, last.vertices_cam, tracker.faces)[0].mean()) < 0.0013
