"""Tracks a camera, or a recording at its own pace, without a window, and gives every tracked frame away."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from dphm_core.frames import TrackedFrame
from dphm_core.live import LiveSetup, load_live
from dphm_core.output.interrupt import StopOnInterrupt
from dphm_core.pipeline import Pace, Pipeline, PipelineState, PipelineStatus
from dphm_core.streaming.sink import FrameSink, TappedTracker
from dphm_core.tracking.config import TrackerConfig

LOOK_S = 0.05
"""How often the caller is told how it goes."""


@dataclass(frozen=True)
class LiveTracking:
    """What to track, and how."""

    uri: str
    """What `open_source` takes; a recording runs at its own frame rate, and what comes too fast is left out."""
    model: str = "default"
    device: str = "cpu"
    subject: Path | None = None
    """Subject file of the person who is there."""
    config: TrackerConfig = field(default_factory=TrackerConfig)


def stream_live(
    what: LiveTracking, sink: FrameSink, tell: Callable[[PipelineStatus, TrackedFrame | None], object]
) -> PipelineStatus:
    """Track until the recording ends or Ctrl-C is pressed; on the caller's thread, which waits.

    Parameters
    ----------
    what : LiveTracking
        Source and tracker.
    sink : FrameSink
        Gets every tracked frame, on the tracking thread.
    tell : callable
        Told many times a second how it goes, with the newest frame.

    Returns
    -------
    PipelineStatus
        How it went.

    Raises
    ------
    DphmError
        Something cannot be opened, or the source broke off.
    """
    pipeline = _open(what, sink)
    stop = threading.Event()
    with pipeline, StopOnInterrupt(stop.set, "stopping"):
        while not stop.wait(LOOK_S):
            status = pipeline.status()
            tell(status, pipeline.latest())
            if status.error is not None:
                raise status.error
            if status.state is PipelineState.ENDED and status.caught_up:
                break
    return pipeline.status()


def _open(what: LiveTracking, sink: FrameSink) -> Pipeline:
    """Open the source and load what follows a head in it."""
    from dphm_core.sources import open_source

    source = open_source(what.uri)
    try:
        info = source.info
        observer, tracker = load_live(LiveSetup(what.model, what.device, what.subject, info.fps, what.config))
        tapped = TappedTracker(tracker, lambda: tracker.model.expression_names, sink)
        pace = Pace.FASTEST if info.length is None else Pace.SOURCE
        return Pipeline(source, observer, tapped, every_frame=False, pace=pace)
    except BaseException:
        source.close()
        raise
