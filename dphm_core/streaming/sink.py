"""Where tracked frames go while tracking goes on, and the tracker that gives them away."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from dphm_core.frames import Observation, TrackedFrame
from dphm_core.stages import FrameTracker


class FrameSink(Protocol):
    """Takes tracked frames, on the tracking thread."""

    def send(self, tracked: TrackedFrame, expression_names: Sequence[str]) -> None:
        """Take a frame and the names of its expression weights, if they have any; never waits, never raises."""


class TappedTracker:
    """A tracker whose results a sink gets, too; used as the tracker that it wraps.

    Parameters
    ----------
    tracker
        Tracks.
    names
        Tells the names of its model's expression weights; cheap, called for every frame.
    sink
        Gets every result; None: nobody does. May be set at any time, from any thread.
    """

    def __init__(
        self, tracker: FrameTracker, names: Callable[[], Sequence[str]], sink: FrameSink | None = None
    ) -> None:
        self._tracker, self._names = tracker, names
        self.sink = sink

    def track(self, observation: Observation) -> TrackedFrame:
        """Advance by one observation."""
        tracked = self._tracker.track(observation)
        sink = self.sink
        if sink is not None:
            sink.send(tracked, self._names())
        return tracked

    def cancel(self) -> None:
        """Give up what takes long. May be called from any thread."""
        self._tracker.cancel()

    def restart(self) -> None:
        """Forget where the head was."""
        self._tracker.restart()
