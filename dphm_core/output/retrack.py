"""One identity for a whole finite recording: frames tracked before it was known, or known so well, get its mesh too."""

from __future__ import annotations

import threading
from collections import deque

from dphm_core.errors import Cancelled
from dphm_core.frames import Observation, TrackedFrame
from dphm_core.heads.subject import Subject
from dphm_core.tracking.tracker import HeadTracker

MAX_EARLY = 900
"""Frames before the calibration that are kept: half a minute, up to 400 MB. Older ones are followed backwards."""
MAX_UNSETTLED = 300
"""Frames after which the identity stays as it is: ten seconds, which are tracked twice where it became a better one."""


class RetrackingTracker:
    """A tracker that goes back to the frames before its identity was settled; lives on the tracking thread.

    `take_retracked` is for the thread that collects the results: the frames change hands through a deque.

    It drops the images of what it is given: a tracker needs points and landmarks only, and calibration holds many.
    """

    def __init__(self, tracker: HeadTracker) -> None:
        self._tracker = tracker
        self._early: deque[Observation] = deque(maxlen=MAX_EARLY)
        self._cancelled = threading.Event()
        self._since_known = 0  # frames with a mesh, since there is a subject
        self._tracked_with: Subject | None = None  # the identity of the early frames' results
        self._settled = tracker.settled
        self._retracked: deque[TrackedFrame] = deque()
        self.final = self._settled
        """Whether no frame is tracked once more from here on, and `take_retracked` has those that were."""
        self.frames_with_color = 0
        self.frames_with_face = 0

    def track(self, observation: Observation) -> TrackedFrame:
        """Advance by one observation; where that settles the identity, track it and the frames before it once more.

        Raises
        ------
        Cancelled
            After `cancel`, or because of it.
        """
        self._check()
        self.frames_with_color += observation.frame.color is not None
        self.frames_with_face += observation.landmarks is not None
        observation = observation.without_images()
        tracked = self._tracker.track(observation)
        if self._settled:
            return tracked
        self._since_known += self._tracker.subject is not None and tracked.vertices_cam is not None
        # Before the first pose there is nothing to go on from: such frames are followed backwards, later.
        if self._early or tracked.head_to_cam is not None:
            self._early.append(observation)
        *before, tracked = self._track_early() or [tracked]
        self._retracked.extend(before)
        self.final = self._settled
        return tracked

    def restart(self) -> None:
        """Forget where the head was."""
        self._tracker.restart()

    def cancel(self) -> None:
        """Give up what is under way, however long it would take; may be called from any thread."""
        self._cancelled.set()
        self._tracker.cancel()

    def finish(self) -> None:
        """Calibrate on what there was, at the end of a recording that was too short for it, and settle the identity."""
        self._cancelled.clear()
        self._tracker.finish_calibration()
        self._retracked.extend(self._track_early())  # only tracked with an identity do frames tell more of it
        self._since_known = MAX_UNSETTLED + 1
        self._retracked.extend(self._track_early())

    def take_retracked(self) -> list[TrackedFrame]:
        """Hand the frames that were tracked once more over, once."""
        return [self._retracked.popleft() for _ in range(len(self._retracked))]

    def _track_early(self) -> list[TrackedFrame]:
        """Track the early frames, once there is a subject, and again once there is no better one to come.

        Empty while neither is so, and where the early frames are of this subject already.
        """
        tracker = self._tracker
        if tracker.subject is None or self._settled:
            return []
        if self._since_known > MAX_UNSETTLED or (self._tracked_with is not None and len(self._early) == MAX_EARLY):
            tracker.conclude()
        self._settled = tracker.settled
        tracked = []
        if self._tracked_with is None or (self._settled and self._tracked_with is not tracker.subject):
            self._tracked_with = tracker.subject
            tracker.restart()
            for observation in self._early:
                self._check()
                tracked.append(tracker.track(observation))
        if self._settled:
            self._early.clear()
        return tracked

    def _check(self) -> None:
        if self._cancelled.is_set():
            raise Cancelled("the tracking was given up")
