"""When a head is lost, why, how soon, and how it is found again: the demo recording with things done to its frames."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from dphm_core.frames import FloatArray, Observation, Similarity, TrackedFrame, TrackStatus
from dphm_core.tracking.tracker import HeadTracker
from dphm_core.tracking.trust import PATIENCE

BEFORE, DURING, AFTER = 4, 6, 5
"""Frames as they are, with something done to them, and as they are again."""
Disturb = Callable[[Observation, Similarity], Observation]
"""Does something to a frame whose head is at a pose."""


@pytest.fixture
def tracker(first_pass: tuple[HeadTracker, list[TrackedFrame]]) -> HeadTracker:
    first_pass[0].restart()
    return first_pass[0]


def disturbed(
    tracker: HeadTracker, observations: list[Observation], disturb: Disturb
) -> tuple[list[TrackedFrame], list[TrackedFrame]]:
    """Track frames of which some in the middle are disturbed; those, and those after them."""
    frames = observations[: BEFORE + DURING + AFTER]
    clean = [tracker.track(observation) for observation in frames]
    assert all(frame.status is TrackStatus.TRACKING and frame.confidence > 0.8 for frame in clean)
    tracker.restart()
    seen = []
    for position, (observation, known) in enumerate(zip(frames, clean, strict=True)):
        assert known.head_to_cam is not None
        touched = BEFORE <= position < BEFORE + DURING
        seen.append(tracker.track(disturb(observation, known.head_to_cam) if touched else observation))
    return seen[BEFORE : BEFORE + DURING], seen[BEFORE + DURING :]


def frames_until(frames: list[TrackedFrame], status: TrackStatus) -> int:
    """Number of the first frame in a state, counted from 1; one more than there are where none is."""
    return next((n for n, frame in enumerate(frames, 1) if frame.status is status), len(frames) + 1)


def faceless(observation: Observation, points_cam: FloatArray) -> Observation:
    """The frame with other points, that face the camera, and without landmarks."""
    normals = -points_cam / np.linalg.norm(points_cam, axis=1, keepdims=True)
    return replace(observation, points_cam=points_cam, normals_cam=normals.astype(np.float32), landmarks=None)


def wall(observation: Observation, pose: Similarity) -> Observation:
    """A wall where the face was."""
    points = observation.points_cam.copy()
    points[:, 2] = pose.translation_m[2] - 0.05
    return faceless(observation, points)


def hand(observation: Observation, pose: Similarity) -> Observation:
    """A hand's back, 9 cm before the head, over all but the rim of the face."""
    points, normals = observation.points_cam.copy(), observation.normals_cam.copy()
    off = points - pose.translation_m
    over = (off[:, :2] ** 2).sum(axis=1) < 0.09**2
    points[over, 2] = pose.translation_m[2] - 0.17 + (off[over, :2] ** 2).sum(axis=1) * 3
    normals[over] = (0, 0, -1)
    return replace(observation, points_cam=points, normals_cam=normals, landmarks=None)


def nothing(observation: Observation, pose: Similarity) -> Observation:
    """Nobody there."""
    return faceless(observation, np.zeros((0, 3), np.float32))


def jumped(observation: Observation, pose: Similarity) -> Observation:
    """The head 15 cm further to the side, its face unseen."""
    return faceless(observation, observation.points_cam + np.float32([0.15, 0, 0]))


@pytest.mark.parametrize("disturb", [wall, hand, nothing, jumped])
def test_what_is_no_head_is_told_within_three_frames_and_the_head_found_again(
    tracker: HeadTracker, observations: list[Observation], disturb: Disturb
) -> None:
    during, after = disturbed(tracker, observations, disturb)
    gone = frames_until(during, TrackStatus.LOST)
    assert gone <= PATIENCE
    lost = during[gone - 1 :]
    assert {frame.status for frame in lost} == {TrackStatus.LOST}
    assert all(frame.reason and frame.confidence < 0.3 and frame.vertices_cam is None for frame in lost)
    assert frames_until(after, TrackStatus.TRACKING) <= 2
    assert after[-1].confidence > 0.8


def test_a_head_that_jumps_is_found_by_its_face(tracker: HeadTracker, observations: list[Observation]) -> None:
    shift = np.float32([0.15, 0, 0])

    def moved(observation: Observation, pose: Similarity) -> Observation:
        assert observation.landmarks is not None
        camera, points = observation.frame.intrinsics, observation.landmarks.points_cam + shift
        pixels = points[:, :2] / points[:, 2:] * (camera.fx, camera.fy) + (camera.cx, camera.cy)
        pixels = np.where(np.isfinite(pixels), pixels, 0).astype(np.float32)
        landmarks = replace(observation.landmarks, points_cam=points, pixels=pixels)
        return replace(observation, points_cam=observation.points_cam + shift, landmarks=landmarks)

    during, after = disturbed(tracker, observations, moved)
    assert {frame.status for frame in [*during, *after]} == {TrackStatus.TRACKING}
    there, back = during[-1].head_to_cam, after[0].head_to_cam
    assert there is not None and back is not None
    assert np.abs(there.translation_m - back.translation_m - shift).max() < 0.01
    assert "landmarks" in during[0].reason


def test_another_person_in_the_same_place_is_not_followed(
    tracker: HeadTracker, observations: list[Observation]
) -> None:
    def widened(observation: Observation, pose: Similarity) -> Observation:
        """Somebody with a wider and flatter face."""

        def other(points: FloatArray) -> FloatArray:
            return pose.to_camera(pose.to_head(points) * np.float32([1.12, 0.97, 0.85]))

        assert observation.landmarks is not None
        landmarks = replace(observation.landmarks, points_cam=other(observation.landmarks.points_cam))
        return replace(observation, points_cam=other(observation.points_cam), landmarks=landmarks)

    during, after = disturbed(tracker, observations, widened)
    gone = frames_until(during, TrackStatus.LOST)
    assert gone <= PATIENCE
    assert {frame.status for frame in during[gone - 1 :]} == {TrackStatus.LOST}
    assert any("another head" in frame.reason for frame in during)
    assert frames_until(after, TrackStatus.TRACKING) <= 2


def misplaced(observation: Observation) -> Observation:
    """The landmarks 6 cm off."""
    assert observation.landmarks is not None
    pixels = observation.landmarks.pixels + np.float32([60, 0])
    points = observation.landmarks.points_cam + np.float32([0.06, 0, 0])
    return replace(observation, landmarks=replace(observation.landmarks, pixels=pixels, points_cam=points))


def test_wrong_landmarks_cost_trust_but_not_a_head_that_depth_shows(
    tracker: HeadTracker, observations: list[Observation]
) -> None:
    during, after = disturbed(tracker, observations, lambda observation, _: misplaced(observation))
    assert {frame.status for frame in during} == {TrackStatus.TRACKING}
    assert all(frame.confidence < 0.5 for frame in during)
    assert after[0].confidence > 0.8


def test_wrong_landmarks_lose_a_head_that_depth_shows_in_part(
    tracker: HeadTracker, observations: list[Observation]
) -> None:
    def half(observation: Observation, pose: Similarity) -> Observation:
        left = pose.to_head(observation.points_cam)[:, 0] > 0.02
        shown = replace(observation, points_cam=observation.points_cam[left], normals_cam=observation.normals_cam[left])
        return misplaced(shown)

    during, after = disturbed(tracker, observations, half)
    assert frames_until(during, TrackStatus.LOST) <= PATIENCE
    assert any("landmarks" in frame.reason for frame in during if frame.status is TrackStatus.LOST)
    assert frames_until(after, TrackStatus.TRACKING) <= 2


def test_half_a_face_is_still_followed(tracker: HeadTracker, observations: list[Observation]) -> None:
    def half(observation: Observation, pose: Similarity) -> Observation:
        left = pose.to_head(observation.points_cam)[:, 0] > 0.02
        shown = replace(observation, points_cam=observation.points_cam[left], normals_cam=observation.normals_cam[left])
        return replace(shown, landmarks=None)

    during, _ = disturbed(tracker, observations, half)
    assert {frame.status for frame in during} == {TrackStatus.TRACKING}
    assert all(0.3 < frame.confidence < 0.9 for frame in during)
