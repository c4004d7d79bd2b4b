"""Frames from before the calibration are handed over tracked, each once."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import numpy as np
import pytest
from batch_parts import CAMERA, FACE_RED, RedObserver, ScriptedTracker

from dphm_core.frames import Observation, RGBDFrame, TrackedFrame, TrackStatus
from dphm_core.output import retrack
from dphm_core.output.retrack import RetrackingTracker
from dphm_core.tracking.tracker import HeadTracker


def red_frame(index: int) -> RGBDFrame:
    color = np.full((CAMERA.height, CAMERA.width, 3), FACE_RED, np.uint8)
    return RGBDFrame(index, index / 30, color, np.ones((CAMERA.height, CAMERA.width), np.float32), CAMERA)


def test_the_frame_that_ends_the_calibration_comes_back_tracked() -> None:
    """Were it to come as "calibrating" too, that could arrive last and undo its mesh."""
    tracker = RetrackingTracker(cast(HeadTracker, ScriptedTracker()))
    observations = [RedObserver().observe(red_frame(index)) for index in range(5)]
    results = []
    for observation in observations:
        results.append((tracker.track(observation), [early.index for early in tracker.take_retracked()]))
    assert [(result.index, early) for result, early in results] == [(0, []), (1, []), (2, [0, 1]), (3, []), (4, [])]
    assert [result.status for result, _ in results] == [TrackStatus.CALIBRATING] * 2 + [TrackStatus.TRACKING] * 3


class Undecided(ScriptedTracker):
    """Sees a head in every frame but the first three, and never has enough."""

    calibration_faces = 10**9

    def track(self, observation: Observation) -> TrackedFrame:
        tracked = super().track(observation)
        return replace(tracked, head_to_cam=None) if observation.frame.index < 3 and not self.subject else tracked


def test_what_is_kept_for_later_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrack, "MAX_EARLY", 5)
    for count, kept in ((6, [3, 4, 5]), (20, [15, 16, 17, 18, 19])):
        tracker = RetrackingTracker(cast(HeadTracker, Undecided()))
        for index in range(count):
            tracker.track(RedObserver().observe(red_frame(index)))
        tracker.finish()
        assert [early.index for early in tracker.take_retracked()] == kept


def test_a_recording_too_short_for_the_calibration_gets_all_its_frames_at_the_end() -> None:
    tracker = RetrackingTracker(cast(HeadTracker, ScriptedTracker()))
    for index in range(2):
        tracker.track(RedObserver().observe(red_frame(index)))
    assert tracker.take_retracked() == []
    tracker.finish()
    assert [early.index for early in tracker.take_retracked()] == [0, 1]
    tracker.finish()
    assert tracker.take_retracked() == []
