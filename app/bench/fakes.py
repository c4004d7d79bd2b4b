"""A source and a tracker that are as slow as they are told, to see that the window does not mind."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dphm_core.frames import Observation, RGBDFrame, TrackedFrame, TrackStatus
from dphm_core.output.saved_track import PlainObserver
from dphm_core.pipeline import Pipeline
from dphm_core.sources import open_source
from dphm_core.sources.base import SourceInfo

from ..session import Request, Session

FRAMES_UNTIL_END = 20


class SlowSource:
    """One frame again and again, each after some seconds, as from a live camera; lives on the reading thread.

    Parameters
    ----------
    uri
        Recording whose first frame it is.
    seconds
        Between two frames.
    end
        What happens to it after some frames.
    """

    def __init__(self, uri: str, seconds: float, end: Exception | None = None) -> None:
        with open_source(uri) as source:
            self._frame, info = next(source), source.info
        self._seconds, self._index, self._end = seconds, 0, end
        self.info = SourceInfo("slow", "slow source", info.intrinsics, 1 / max(seconds, 1 / 30), None)

    def __iter__(self) -> Iterator[RGBDFrame]:
        while True:
            time.sleep(self._seconds)
            self._index += 1
            if self._end is not None and self._index > FRAMES_UNTIL_END:
                raise self._end
            yield replace(self._frame, index=self._index, timestamp_s=self._index * self._seconds)

    def seek(self, index: int) -> None:
        """It is live: there is nowhere to go."""

    def close(self) -> None:
        """Nothing is held."""


class SlowTracker:
    """Finds nothing, and takes some seconds for it; lives on the tracking thread."""

    faces: NDArray[np.int32] = np.zeros((0, 3), np.int32)

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def track(self, observation: Observation) -> TrackedFrame:
        """Wait."""
        time.sleep(self._seconds)
        return TrackedFrame(observation, TrackStatus.SEARCHING, "a slow tracker, looking")

    def cancel(self) -> None:
        """It cannot be hurried."""

    def restart(self) -> None:
        """It knows nothing to forget."""


def slow_session(request: Request, source_s: float, tracker_s: float, end: Exception | None = None) -> Session:
    """A session whose source and tracker take so many seconds per frame; the source may come to a bad end."""
    source, tracker = SlowSource(request.uri, source_s, end), SlowTracker(tracker_s)
    pipeline = Pipeline(source, PlainObserver(), tracker, every_frame=False)
    return Session(request, pipeline, tracker, source)
