"""The landmark detector and the tracker take seconds to load: the picture is there meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dphm_core.frames import Observation, RGBDFrame, TrackedFrame, TrackStatus
from dphm_core.jobs import Job, Tell
from dphm_core.stages import FrameObserver

if TYPE_CHECKING:
    from dphm_core.tracking.tracker import HeadTracker

LOADING = "loading the head model"


@dataclass(frozen=True)
class Parts:
    """What is loaded."""

    observer: FrameObserver
    tracker: HeadTracker


class LateTracker:
    """Observer and tracker of one pipeline, which let frames through until they are loaded on a thread of their own.

    `observe`, `hint` and `close` are called on the observing thread, `track` and `restart` on the tracking thread.

    Parameters
    ----------
    load
        Loads them; what it raises ends the pipeline.
    loaded
        Called on the loading thread once they are there.
    """

    def __init__(self, load: Callable[[], Parts], loaded: Callable[[], object] = lambda: None) -> None:
        self._load, self._loaded = load, loaded
        self._parts: Parts | None = None
        self._closed = False
        self._job: Job[None] | None = None

    @property
    def head_tracker(self) -> HeadTracker | None:
        """The tracker, once it is loaded."""
        return None if self._parts is None else self._parts.tracker

    @property
    def faces(self) -> NDArray[np.int32]:
        """Triangles (F, 3) of every mesh; empty until there is one."""
        return np.zeros((0, 3), np.int32) if self._parts is None else self._parts.tracker.faces

    def start(self) -> None:
        """Begin to load."""
        self._job = Job(self._run, "Loading")

    def observe(self, frame: RGBDFrame) -> Observation:
        """Look for a head, once that is possible."""
        return Observation.unobserved(frame) if self._parts is None else self._parts.observer.observe(frame)

    def hint(self, region: tuple[int, int, int, int], depth_m: float) -> None:
        """Tell the observer where the head was."""
        if self._parts is not None:
            self._parts.observer.hint(region, depth_m)

    def track(self, observation: Observation) -> TrackedFrame:
        """Track, once that is possible; raises what loading raised."""
        if self._job is not None:
            self._job.poll()
        if self._parts is None:
            return TrackedFrame(observation, TrackStatus.SEARCHING, LOADING)
        return self._parts.tracker.track(observation)

    def restart(self) -> None:
        """Forget where the head was."""
        if self._parts is not None:
            self._parts.tracker.restart()

    def cancel(self) -> None:
        """Give up what takes long; loading itself ends in its own time, and leaves nothing open."""
        self._closed = True
        if self._parts is not None:
            self._parts.tracker.cancel()

    @property
    def loading(self) -> bool:
        """Whether they are being loaded."""
        return self._job is not None and self._job.running

    def wait(self) -> None:
        """Wait until nothing is being loaded: a program must not end in the midst of that. For any thread."""
        if self._job is not None:
            self._job.join()

    def close(self) -> None:
        """Release the landmark detector."""
        self._closed = True
        if self._parts is not None:
            self._parts.observer.close()

    def _run(self, _tell: Tell) -> None:
        parts = self._load()
        if self._closed:
            parts.observer.close()
            return
        self._parts = parts
        self._loaded()
