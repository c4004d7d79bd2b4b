"""What the window shows: a source, the pipeline on it and its tracker; opened as a request says, which is slow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from dphm_core.pipeline import Pace, Pipeline, PipelineState
from dphm_core.stages import FrameSource
from dphm_core.streaming.sink import TappedTracker
from dphm_core.tracking.live_settings import LiveSettings

from .late_tracker import LateTracker, Parts

if TYPE_CHECKING:
    from dphm_core.sources import Source
    from dphm_core.tracking.tracker import HeadTracker


@dataclass(frozen=True)
class Request:
    """What to open, and how to track it."""

    uri: str
    """Recording or camera, as `open_source` takes it."""
    model: str = "default"
    """Head model: a name under models/ or a folder."""
    device: str = "cpu"
    """Where frames are fitted."""
    subject: Path | None = None
    """File of the person who is there."""
    live: LiveSettings = field(default_factory=LiveSettings)
    """The tracker's settings that the user may turn."""
    saved: Path | None = None
    """Results folder of a complete track, which is shown instead of tracking."""
    position: int = 0
    """Frame of a recording to begin with."""
    playing: bool = True
    """Whether a recording runs at once."""


class MeshTracker(Protocol):
    """What the window asks of whatever makes the meshes."""

    @property
    def faces(self) -> NDArray[np.int32]:
        """(F, 3) int32 vertex indices; empty until there is a mesh."""


@dataclass(frozen=True)
class Session:
    """One opened source with its tracker."""

    request: Request
    pipeline: Pipeline
    """Latest wins. Not started yet when opened."""
    tracker: MeshTracker
    """Knows the topology of the meshes, once it has found an identity."""
    source: FrameSource
    """Belongs to the pipeline; for what a source offers beyond frames."""
    tap: TappedTracker | None = None
    """Where what is tracked can be had as it comes."""

    @property
    def live(self) -> bool:
        """Whether frames come from a camera."""
        return self.pipeline.info.length is None

    @property
    def tracks(self) -> bool:
        """Whether frames are tracked, rather than shown as they were tracked before."""
        return self.request.saved is None

    @property
    def head_tracker(self) -> HeadTracker | None:
        """What tracks, once it is loaded; None where nothing does."""
        return self.tracker.head_tracker if isinstance(self.tracker, LateTracker) else None

    def start(self) -> None:
        """Let frames flow, from where the request says; a recording waits on its first picture for the tracker."""
        if not self.live:
            hold = isinstance(self.tracker, LateTracker) or not self.request.playing
            if hold:
                self.pipeline.pause()
            if hold or self.request.position:
                self.pipeline.seek(self.request.position)
        self.pipeline.start()
        if isinstance(self.tracker, LateTracker):
            self.tracker.hold = self.pipeline.player.commands
            self.tracker.start()

    def close(self) -> None:
        """Stop the threads and release the device; slow, and raises what went wrong."""
        self.pipeline.stop()

    @property
    def error(self) -> BaseException | None:
        """What ended it: in the pipeline, or in loading its tracker."""
        error = self.pipeline.status().error
        return self.tracker.error if error is None and isinstance(self.tracker, LateTracker) else error

    @property
    def loading(self) -> bool:
        """Whether its tracker is being loaded."""
        return isinstance(self.tracker, LateTracker) and self.tracker.loading

    def wait(self) -> None:
        """Once closed: wait for what could not be hurried, the loading of a tracker."""
        if isinstance(self.tracker, LateTracker):
            self.tracker.wait()

    def track_on(self) -> None:
        """Go on with a recording that waited for its tracker; any thread."""
        player, shown = self.pipeline.player, self.pipeline.latest()
        if self.live or shown is None or not isinstance(self.tracker, LateTracker):
            return
        untouched = player.commands == self.tracker.hold  # else the user wants something else by now
        if untouched and self.request.playing:
            self.pipeline.play()
        if untouched or not player.playing:
            self.pipeline.seek(shown.index)  # that picture was not tracked

    def track_still(self) -> None:
        """Track the frame on which a recording stands still: else nothing is seen of a change until it goes on."""
        shown, state = self.pipeline.latest(), self.pipeline.status().state
        if not self.live and shown is not None and state in (PipelineState.PAUSED, PipelineState.ENDED):
            self.pipeline.seek(shown.index)


OpenSession = Callable[[Request], Session]
"""Opens a session; slow, so called away from the GUI thread."""


def open_session(request: Request) -> Session:
    """Open a source and build its pipeline; the tracker loads once that is started. Nothing stays open where it fails.

    Raises
    ------
    DphmError
        The source, the device or the saved track cannot be opened.
    """
    from dphm_core.sources import open_source

    from .view3d.prepare import prepare_view

    source = open_source(request.uri)
    try:
        prepare_view(source.info.intrinsics)
        return _show_saved(source, request, request.saved) if request.saved else _track(source, request)
    except BaseException:
        source.close()
        raise


def _track(source: Source, request: Request) -> Session:
    late = LateTracker(lambda: load_parts(request, source.info.fps), lambda: session.track_on())
    pace = Pace.FASTEST if source.info.length is None else Pace.SOURCE
    tap = TappedTracker(late, lambda: late.expression_names)
    session = Session(request, Pipeline(source, late, tap, every_frame=False, pace=pace), late, source, tap)
    return session


def load_parts(request: Request, fps: float) -> Parts:
    """Load the landmark detector and the tracker, for so many frames per second (0: not known).

    Raises
    ------
    DphmError
        The landmark detector, the head model, the device or the subject file cannot be had.
    """
    from dphm_core.live import LiveSetup, load_live

    observer, tracker = load_live(LiveSetup(request.model, request.device, request.subject, fps))
    tracker.adjust(request.live)
    return Parts(observer, tracker)


def _show_saved(source: Source, request: Request, folder: Path) -> Session:
    from dphm_core.output.saved_track import PlainObserver, SavedTracker, load_saved_track

    tracker = SavedTracker(load_saved_track(folder))
    names = tuple(tracker.saved.track.expression_names.tolist())
    tap = TappedTracker(tracker, lambda: names)
    pipeline = Pipeline(source, PlainObserver(), tap, every_frame=False, pace=Pace.SOURCE)
    return Session(request, pipeline, tracker, source, tap)
