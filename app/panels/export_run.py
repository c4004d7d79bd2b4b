"""One export under way, beside the window: how far it is, and how it ended."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from PyQt5.QtCore import QObject, QTimer, pyqtSignal

from dphm_core.jobs import Job

if TYPE_CHECKING:
    from dphm_core.export.export import ExportSummary
    from dphm_core.jobs import Tell

log = logging.getLogger(__name__)

NAME = "Exporting"
POLL_MS = 50


class ExportRun(QObject):
    """Runs one export at a time. Lives on the GUI thread.

    Its timer runs only while an export does.

    Parameters
    ----------
    parent
        The dialog.
    """

    progressed = pyqtSignal(str, object)
    """What is done, for the user, and its `Progress`; at the beginning, and some times a second."""
    done = pyqtSignal(object)
    """The `ExportSummary`."""
    failed = pyqtSignal(Exception)
    """Why there is none; `Cancelled` where it was asked to end."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._job: Job[ExportSummary] | None = None
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._poll)

    @property
    def busy(self) -> bool:
        """Whether an export is under way."""
        return self._job is not None

    def start(self, export: Callable[[Tell], ExportSummary]) -> None:
        """Begin; a signal has the outcome. `export` is called on a thread of its own."""
        self._job = Job(export, NAME)
        self._timer.start(POLL_MS)
        self.progressed.emit(NAME, self._job.progress)

    def cancel(self) -> None:
        """Ask it to end; the folder will be as it was before."""
        if self._job is not None:
            self._job.cancel()

    def stop(self) -> None:
        """Cancel and wait, which takes as long as one file, without a signal: for a window that closes."""
        job = self._forget()
        if job is None:
            return
        job.cancel()
        try:
            job.wait()
        except Exception as error:
            log.info("export, while the window was closed: %s", error)

    def _forget(self) -> Job[ExportSummary] | None:
        self._timer.stop()
        job, self._job = self._job, None
        return job

    def _poll(self) -> None:
        job = self._job
        if job is None:
            return
        if job.running:
            self.progressed.emit(NAME, job.progress)
            return
        self._forget()
        try:
            summary = job.poll()
        except Exception as error:
            self.failed.emit(error)
        else:
            self.done.emit(summary)
