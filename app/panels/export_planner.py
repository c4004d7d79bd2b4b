"""Works out, beside the window, what an export will come to."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PyQt5.QtCore import QObject, QTimer, pyqtSignal

from dphm_core.errors import DphmError
from dphm_core.jobs import Job

if TYPE_CHECKING:
    from dphm_core.export.options import ExportOptions
    from dphm_core.export.plan import ExportPlan

log = logging.getLogger(__name__)

POLL_MS = 50


class ExportPlanner(QObject):
    """Runs one job at a time, and of choices that change meanwhile only the newest. Lives on the GUI thread.

    Its timer runs only while a job does.

    Parameters
    ----------
    plan
        Tells what an export will come to, and looks at its folder; called on a thread of its own.
    parent
        The dialog.
    """

    planned = pyqtSignal(object)
    """An `ExportPlan` of what was asked last."""
    refused = pyqtSignal(Exception)
    """That cannot be exported."""

    def __init__(self, plan: Callable[[Path, ExportOptions], ExportPlan], parent: QObject) -> None:
        super().__init__(parent)
        self._plan = plan
        self._job: Job[ExportPlan] | None = None
        self._next: tuple[Path, ExportOptions] | None = None
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._poll)

    @property
    def busy(self) -> bool:
        """Whether an answer is to come."""
        return self._job is not None

    def unused(self, folder: Path, options: ExportOptions) -> Path:
        """Return the folder, or one beside it where something lies in it: for a user who did not wait for the answer.

        For a thread of its own.

        Raises
        ------
        Exception
            What planning raises.
        """
        return self._plan(folder, options).other_folder or folder

    def ask(self, folder: Path, options: ExportOptions) -> None:
        """Begin; a signal has the answer."""
        if self._job is None:
            self._job = Job(lambda _tell: self._plan(folder, options), "Planning")
            self._timer.start(POLL_MS)
        else:
            self._next = folder, options

    def forget(self) -> None:
        """Want no answer any more; what is under way ends by itself, soon."""
        self._timer.stop()
        self._job = self._next = None

    def stop(self) -> None:
        """Wait for what is under way: for a window that closes."""
        if self._job is not None:
            self._job.join()
        self.forget()

    def _poll(self) -> None:
        job = self._job
        if job is None or job.running:
            return
        asked = self._next
        self.forget()
        if asked is None:
            self._answer(job)
        else:
            self.ask(*asked)

    def _answer(self, job: Job[ExportPlan]) -> None:
        try:
            plan = job.poll()
        except Exception as error:
            if not isinstance(error, DphmError):
                log.exception("planning an export")
            self.refused.emit(error)
        else:
            self.planned.emit(plan)
