"""Stages of a pipeline with a stopwatch, and a tracker that does nothing."""

from __future__ import annotations

from collections import deque
from time import perf_counter

from dphm_core.frames import Observation, RGBDFrame, TrackedFrame, TrackStatus
from dphm_core.landmarks.observe import Observer
from dphm_core.sources import Source

LAST_TIMES = 3000
"""Frames whose times are kept: a run may last for hours."""


class TimedSource(Source):
    """Another source with a stopwatch; lives where that does."""

    def __init__(self, source: Source) -> None:
        self.info, self._source = source.info, source
        self.times_s: deque[float] = deque(maxlen=LAST_TIMES)
        """How long each of the newest frames took."""

    def seek(self, index: int) -> None:
        """Go to a frame."""
        self._source.seek(index)

    def close(self) -> None:
        """Close the source."""
        self._source.close()

    def _read_next(self) -> RGBDFrame:
        started = perf_counter()
        frame = next(self._source)
        self.times_s.append(perf_counter() - started)
        self.damaged = self._source.damaged
        return frame


class TimedObserver(Observer):
    """An observer with a stopwatch."""

    count = 0
    """Frames observed."""

    def __init__(self) -> None:
        super().__init__()
        self.times_s: deque[float] = deque(maxlen=LAST_TIMES)
        """How long each of the newest frames took."""

    def observe(self, frame: RGBDFrame) -> Observation:
        """Find the head's points and landmarks in one frame."""
        started = perf_counter()
        observation = super().observe(frame)
        self.times_s.append(perf_counter() - started)
        self.count += 1
        return observation


class NoTracker:
    """Stands where a tracker would, and lets observations through."""

    def track(self, observation: Observation) -> TrackedFrame:
        """Track nothing."""
        return TrackedFrame(observation, TrackStatus.SEARCHING, "not tracked")

    def cancel(self) -> None:
        """Nothing takes long."""

    def restart(self) -> None:
        """Nothing is known."""
