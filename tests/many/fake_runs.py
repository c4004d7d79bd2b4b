"""Recordings of single colours, and what tracks them: in a module, so that other processes find it."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from batch_parts import stages

from dphm_core.batch import track_recording
from dphm_core.jobs import Tell
from dphm_core.many.tasks import Task
from dphm_core.output.options import BatchOptions

LOADING_S = 40.0


@dataclass(frozen=True)
class Red:
    """Sees heads in red images; some recordings, by their names, end otherwise."""

    killed: str = ""
    """Its process is killed."""
    faulty: str = ""
    """Raises what is no error of a user's."""
    endless: str = ""
    """Is busy until it is given up."""
    loading: str = ""
    """Loads for so long that nobody waits for it, and tells of nothing meanwhile."""

    def __call__(self, task: Task, tell: Tell | None) -> dict[str, Any]:
        if task.name == self.killed:
            (task.out / "meshes").mkdir(parents=True)
            (task.out / "meshes/00000.ply").write_bytes(b"half of a run")
            os.kill(os.getpid(), signal.SIGKILL)
        if task.name == self.faulty:
            raise ZeroDivisionError(f"in {task.name}")
        ends = time.monotonic() + LOADING_S
        while task.name == self.loading and time.monotonic() < ends:
            time.sleep(0.01)
        while task.name == self.endless:
            assert tell is not None
            tell(0, None)
            time.sleep(0.01)
        options = BatchOptions(contact_sheet=False, overwrite=task.overwrite)
        return track_recording(stages(Path(task.source)), task.out, options, tell=tell)
