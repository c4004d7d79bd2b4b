"""Calibration within a finite recording: the frames it was made from get their final mesh too."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

import numpy as np

from dphm_core.frames import Observation, TrackedFrame
from dphm_core.tracking.tracker import HeadTracker

MAX_EARLY = 900
"""Frames before the calibration that are kept: half a minute, up to 400 MB. Older ones are followed backwards."""


class RetrackingTracker:
    """A tracker that goes back to the frames before its calibration; lives on the tracking thread.

    `take_retracked` is for the thread that collects the results: the frames change hands through a deque.

    It drops the images of what it is given: a tracker needs points and landmarks only, and calibration holds many.
    """

    def __init__(self, tracker: HeadTracker) -> None:
        self._tracker = tracker
        self._early: deque[Observation] = deque(maxlen=MAX_EARLY)
        self._retracked: deque[TrackedFrame] = deque()
        self.frames_with_color = 0
        self.frames_with_face = 0

    def track(self, observation: Observation) -> TrackedFrame:
        """Advance by one observation; where that ends the calibration, track it and the frames before it once more."""
        self.frames_with_color += observation.frame.color is not None
        self.frames_with_face += observation.landmarks is not None
        observation = without_images(observation)
        early = self._tracker.subject is None
        tracked = self._tracker.track(observation)
        if early:
            # Before the first pose there is nothing to go on from: such frames are followed backwards, later.
            if self._early or tracked.head_to_cam is not None:
                self._early.append(observation)
            *before, tracked = self._track_early() or [tracked]
            self._retracked.extend(before)
        return tracked

    def restart(self) -> None:
        """Forget where the head was."""
        self._tracker.restart()

    def cancel(self) -> None:
        """Give up what takes long; may be called from any thread."""
        self._tracker.cancel()

    def finish(self) -> None:
        """Calibrate on what there was, at the end of a recording that was too short for it."""
        self._tracker.finish_calibration()
        self._retracked.extend(self._track_early())

    def take_retracked(self) -> list[TrackedFrame]:
        """Hand the frames that were tracked once more over, once."""
        return [self._retracked.popleft() for _ in range(len(self._retracked))]

    def _track_early(self) -> list[TrackedFrame]:
        """Track the frames of the calibration, once there is a subject; empty before, and when that was done."""
        if self._tracker.subject is None or not self._early:
            return []
        early = list(self._early)
        self._early.clear()
        self._tracker.restart()
        return [self._tracker.track(observation) for observation in early]


def without_images(observation: Observation) -> Observation:
    """The same observation less its images, which take 6 MB at 720p."""
    bare = replace(observation.frame, color=None, depth_m=np.zeros((0, 0), dtype=np.float32))
    return replace(observation, frame=bare)
