"""Frames from before the calibration are handed over tracked, each once."""

from __future__ import annotations

from typing import cast

import numpy as np
from batch_parts import CAMERA, FACE_RED, RedObserver, ScriptedTracker

from dphm_core.frames import RGBDFrame, TrackStatus
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


def test_a_recording_too_short_for_the_calibration_gets_all_its_frames_at_the_end() -> None:
    tracker = RetrackingTracker(cast(HeadTracker, ScriptedTracker()))
    for index in range(2):
        tracker.track(RedObserver().observe(red_frame(index)))
    assert tracker.take_retracked() == []
    tracker.finish()
    assert [early.index for early in tracker.take_retracked()] == [0, 1]
    tracker.finish()
    assert tracker.take_retracked() == []
