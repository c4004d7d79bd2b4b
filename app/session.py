"""What the window shows: a pipeline and its tracker; opened from a source's name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dphm_core.pipeline import Pace, Pipeline

OpenSession = Callable[[str], "Session"]
"""Opens a recording or camera by name or path; slow, so called away from the GUI thread."""


class MeshTracker(Protocol):
    """What the window asks of a tracker."""

    @property
    def faces(self) -> NDArray[np.int32]:
        """(F, 3) int32 vertex indices; empty until there is a mesh."""


@dataclass(frozen=True)
class Session:
    """One opened source with its tracker."""

    pipeline: Pipeline
    """Live: newest frame wins. Not started yet when opened."""
    tracker: MeshTracker
    """Knows the topology of the meshes, once it has found an identity."""


def open_session(uri: str, model: str = "default", subject: Path | None = None, device: str = "cpu") -> Session:
    """Open a source and build its pipeline; nothing stays open where a part fails.

    With the `subject` file of a person who was calibrated before, tracking starts at once.

    Raises
    ------
    DphmError
        The source, the landmark detector, the head model, the device or the subject file cannot be opened.
    """
    from dphm_core.sources import open_source

    source = open_source(uri)  # first, because a missing camera should not take seconds to tell
    try:
        from app.view3d.prepare import prepare_view
        from dphm_core.landmarks.observe import Observer
        from dphm_core.tracking import create_tracker
        from dphm_core.tracking.config import LONGEST_FRAME_S, TrackerConfig

        config = TrackerConfig(frame_s=min(1 / source.info.fps, LONGEST_FRAME_S) if source.info.fps > 0 else 0.0)
        tracker = create_tracker(model, device, config, subject, background=True)
        prepare_view(source.info.intrinsics)
        pace = Pace.FASTEST if source.info.length is None else Pace.SOURCE
        pipeline = Pipeline(source, Observer(), tracker, every_frame=False, pace=pace)
    except BaseException:
        source.close()
        raise
    return Session(pipeline, tracker)
