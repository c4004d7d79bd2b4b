"""What follows a head in a live picture, made ready for its first frame: everything that is live loads it here."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dphm_core.tracking.config import LONGEST_FRAME_S, TrackerConfig

if TYPE_CHECKING:
    from dphm_core.landmarks.observe import Observer
    from dphm_core.tracking.tracker import HeadTracker


@dataclass(frozen=True)
class LiveSetup:
    """Who tracks, and how fast frames come."""

    model: str = "default"
    """Head model: its name, or its folder."""
    device: str = "cpu"
    """Where frames are fitted."""
    subject: Path | None = None
    """Subject file of the person who is there."""
    fps: float = 0.0
    """Frames per second of the source; 0 where that is not known."""
    config: TrackerConfig = field(default_factory=TrackerConfig)
    """The tracker's settings, less its `frame_s`, which follows from the frame rate."""


def load_live(setup: LiveSetup) -> tuple[Observer, HeadTracker]:
    """Load landmark detector and tracker, and compute a made-up frame with them: takes seconds, the first time 20 s.

    Returns
    -------
    (Observer, HeadTracker)
        The tracker works identities out in the background; the observer has to be closed.

    Raises
    ------
    CheckpointError, SettingError, CalibrationError, LandmarkError
        The head model, the device, the subject file or the landmark detector cannot be had.
    """
    from dphm_core.landmarks.observe import Observer

    tracker = load_live_tracker(setup)
    return Observer(), tracker


def load_live_tracker(setup: LiveSetup) -> HeadTracker:
    """Load the tracker alone, as `load_live` does."""
    from dphm_core.tracking import create_tracker
    from dphm_core.warm_up import warm_up

    frame_s = min(1 / setup.fps, LONGEST_FRAME_S) if setup.fps > 0 else 0.0
    config = replace(setup.config, frame_s=frame_s)
    tracker = create_tracker(setup.model, setup.device, config, setup.subject, background=True)
    warm_up(tracker)
    return tracker
