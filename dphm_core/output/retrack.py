"""One identity for a whole finite recording: frames tracked before it was known, or known so well, get its mesh too."""

from __future__ import annotations

import threading
from collections import Counter, deque
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dphm_core.errors import Cancelled
from dphm_core.frames import Observation, TrackedFrame
from dphm_core.heads.model import HeadModel
from dphm_core.heads.subject import Subject
from dphm_core.tracking.subject_file import KnownSubject
from dphm_core.tracking.tracker import HeadTracker

MAX_EARLY = 900
"""Frames before the calibration that are kept: half a minute, up to 400 MB. Older ones are followed backwards."""
MAX_UNSETTLED = 300
"""Frames after which the identity stays as it is: ten seconds, which are tracked twice where it became a better one."""


class Whose(NamedTuple):
    """Whose head frames show; None while that is not known."""

    subject: Subject | None
    known: KnownSubject | None


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
        self._identities: list[Whose] = []  # until it is settled: all that there were
        self._made_with: dict[int, int] = {}  # and, of each frame with a mesh, which of them that was made with
        self._settled = tracker.settled
        self._retracked: deque[TrackedFrame] = deque()
        self.final = self._settled
        """Whether no frame is tracked once more from here on, and `take_retracked` has those that were."""
        self.frames_with_color = 0
        self.frames_with_face = 0

    @property
    def model(self) -> HeadModel:
        """The head model."""
        return self._tracker.model

    @property
    def faces(self) -> NDArray[np.int32]:
        """Triangles (F, 3) of every mesh."""
        return self._tracker.faces

    @property
    def whose(self) -> Whose:
        """Identity that the results belong to: after `cancel`, the one that most frames were tracked with."""
        if not self._made_with:
            return Whose(self._tracker.subject, self._tracker.known)
        return self._identities[self._most_used]

    @property
    def subject(self) -> Subject | None:
        """The subject of `whose`."""
        return self.whose.subject

    @property
    def of_others(self) -> list[int]:
        """Frames whose mesh was made with another identity, as some are after `cancel`: head frames of two differ."""
        kept = self._most_used if self._made_with else None
        return [index for index, used in self._made_with.items() if used != kept]

    @property
    def _most_used(self) -> int:
        return Counter(self._made_with.values()).most_common(1)[0][0]

    def track(self, observation: Observation) -> TrackedFrame:
        """Advance by one observation; where that settles the identity, track it and the frames before it once more.

        Raises
        ------
        Cancelled
            After `cancel`, or because of it; frames have been tracked once more until then only where they had no
            head before, and `take_retracked` has them.
        """
        self._check()
        self.frames_with_color += observation.frame.color is not None
        self.frames_with_face += observation.landmarks is not None
        observation = observation.without_images()
        if self._settled:
            return self._tracker.track(observation)
        tracked = self._track_noted(observation)
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
        settled, tracked, subject = tracker.settled, [], tracker.subject
        if self._tracked_with is None:
            tracked = self._track_first()
        elif settled and self._tracked_with is not subject:
            tracked = self._track_last()
        self._settled, self._tracked_with = settled, self._tracked_with or subject
        if settled:
            self._early.clear()
            self._made_with.clear()
            self._identities.clear()
        return tracked

    def _track_first(self) -> list[TrackedFrame]:
        """Track the early frames, which have no head yet; those that were done before it was given up are kept."""
        self._tracker.restart()
        tracked = []
        try:
            for observation in self._early:
                self._check()
                tracked.append(self._track_noted(observation))
        except Cancelled:
            self._retracked.extend(tracked)
            raise
        return tracked

    def _track_last(self) -> list[TrackedFrame]:
        """Track the early frames again; all of them or none, as those before are of another identity."""
        self._tracker.restart()
        tracked = []
        for observation in self._early:
            self._check()
            tracked.append(self._tracker.track(observation))
        return tracked

    def _track_noted(self, observation: Observation) -> TrackedFrame:
        """Track, and note whose head it was taken for: another identity is followed from the next frame on."""
        whose = Whose(self._tracker.subject, self._tracker.known)
        tracked = self._tracker.track(observation)
        if whose.subject is not None and tracked.vertices_cam is not None:
            if not self._identities or self._identities[-1].subject is not whose.subject:
                self._identities.append(whose)
            self._made_with[tracked.index] = len(self._identities) - 1
        return tracked

    def _check(self) -> None:
        if self._cancelled.is_set():
            raise Cancelled("the tracking was given up")
