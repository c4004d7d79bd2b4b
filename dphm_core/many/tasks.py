"""One recording of many to be tracked, and what became of it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dphm_core.errors import Cancelled, DphmError
from dphm_core.jobs import Tell
from dphm_core.output.options import BatchOptions
from dphm_core.sources.selection import Selection
from dphm_core.tracking.config import TrackerConfig

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Task:
    """A recording to be tracked."""

    name: str
    source: str
    """What `open_source` takes."""
    out: Path
    """Folder for the results."""
    overwrite: bool
    """Whether what lies there may be replaced."""


@dataclass(frozen=True)
class Outcome:
    """What became of a task."""

    report: dict[str, Any] | None = None
    """Of the run; None where there is none."""
    error: str = ""
    """Why there is none."""
    interrupted: bool = False
    """Whether the run was ended by the user before its end."""


TrackOne = Callable[[Task, Tell | None], dict[str, Any]]
"""Tracks a recording and returns the report; raises DphmError where that fails, `Cancelled` among them. For other
processes it has to be picklable."""


@dataclass(frozen=True)
class Tracking:
    """Tracks recordings by the real-time method, all with the same settings; in any process."""

    selection: Selection = field(default_factory=Selection)
    model: str = "default"
    device: str = "cpu"
    tracker: TrackerConfig = field(default_factory=TrackerConfig)
    subject: Path | None = None
    options: BatchOptions = field(default_factory=BatchOptions)

    def __call__(self, task: Task, tell: Tell | None) -> dict[str, Any]:
        """Track one; raises what `track_recording` does."""
        from dphm_core.batch import make_stages, track_recording

        stages = make_stages(task.source, self.selection, self.model, self.device, self.tracker, self.subject)
        return track_recording(stages, task.out, replace(self.options, overwrite=task.overwrite), tell=tell)


def attempt(track_one: TrackOne, task: Task, tell: Tell | None) -> Outcome:
    """Track a recording; whatever goes wrong is told, and keeps no other from being tracked."""
    try:
        report = track_one(task, tell)
    except (KeyboardInterrupt, Cancelled):  # before there was anything to keep
        return Outcome(interrupted=True)
    except DphmError as error:
        return Outcome(error=" ".join(str(error).split()))
    except Exception as error:  # a fault of ours, in one of perhaps hundreds of recordings
        log.exception("%s could not be tracked", task.name)
        return Outcome(error=f"{type(error).__name__}: {error}")
    return Outcome(report, interrupted=bool(report.get("interrupted")))
