"""The landmark detector and the tracker take seconds to load: the picture is there meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dphm_core.frames import Observation, RGBDFrame, TrackedFrame, TrackStatus
from dphm_core.jobs import Job, Tell
from dphm_core.stages import FrameObserver

if TYPE_CHECKING:
    from dphm_core.tracking.tracker import HeadTracker

LOADING = "loading the head model (some 20 s the first time)"
ONE_AT_A_TIME = threading.Lock()
"""Sources that are opened in quick succession do not load side by side: most are closed when it is their turn."""


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
        Loads them; what it raises is told by `error`.
    loaded
        Called on the loading thread once they are there.
    """

    def __init__(self, load: Callable[[], Parts], loaded: Callable[[], object] = lambda: None) -> None:
        self._load, self._loaded = load, loaded
        self._parts: Parts | None = None
        self._closed = False
        self.hold = 0
        """Commands that the player had got when loading began."""
        self._job: Job[None] | None = None

    @property
    def head_tracker(self) -> HeadTracker | None:
        """The tracker, once it is loaded and until it is closed."""
        parts = self._parts
        return None if parts is None else parts.tracker

    @property
    def faces(self) -> NDArray[np.int32]:
        """Triangles (F, 3) of every mesh; empty until there is one."""
        parts = self._parts
        return np.zeros((0, 3), np.int32) if parts is None else parts.tracker.faces

    @property
    def expression_names(self) -> tuple[str, ...]:
        """Names of the model's expression weights, where they have any; none until it is loaded."""
        parts = self._parts
        return () if parts is None else parts.tracker.model.expression_names

    @property
    def error(self) -> BaseException | None:
        """Why they could not be loaded."""
        return None if self._job is None else self._job.error

    @property
    def loading(self) -> bool:
        """Whether they are being loaded."""
        return self._job is not None and self._job.running

    def start(self) -> None:
        """Begin to load."""
        self._job = Job(self._run, "Loading")

    def wait(self) -> None:
        """Wait until nothing is being loaded: a program must not end in the midst of that. For any thread."""
        if self._job is not None:
            self._job.join()

    def observe(self, frame: RGBDFrame) -> Observation:
        """Look for a head, once that is possible."""
        parts = self._parts
        return Observation.unobserved(frame) if parts is None else parts.observer.observe(frame)

    def hint(self, region: tuple[int, int, int, int], depth_m: float) -> None:
        """Tell the observer where the head was."""
        parts = self._parts
        if parts is not None:
            parts.observer.hint(region, depth_m)

    def track(self, observation: Observation) -> TrackedFrame:
        """Track, once that is possible."""
        parts = self._parts
        if parts is None:
            return TrackedFrame(observation, TrackStatus.SEARCHING, LOADING)
        return parts.tracker.track(observation)

    def restart(self) -> None:
        """Forget where the head was."""
        parts = self._parts
        if parts is not None:
            parts.tracker.restart()

    def cancel(self) -> None:
        """Give up what takes long; loading itself ends in its own time, and leaves nothing open."""
        self._closed = True
        parts = self._parts
        if parts is not None:
            parts.tracker.cancel()

    def close(self) -> None:
        """Release the landmark detector, and let go of the model, which takes hundreds of megabytes."""
        self.cancel()
        parts, self._parts = self._parts, None
        self._load = self._loaded = _nothing
        if parts is not None:
            parts.observer.close()

    def _run(self, _tell: Tell) -> None:
        with ONE_AT_A_TIME:
            load, loaded = self._load, self._loaded
            if self._closed:
                return
            self._parts = load()
        if self._closed:
            self.close()
        else:
            loaded()


def came_while_loading(tracked: TrackedFrame) -> bool:
    """Whether a frame was let through because there was no tracker yet: then nobody looked for a head in it."""
    return tracked.reason == LOADING


def _nothing() -> Any:
    """What is done once it is closed."""
