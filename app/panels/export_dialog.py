"""The export dialog: what, how and where to; then progress, and what came out."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PyQt5.QtCore import QUrl
from PyQt5.QtGui import QDesktopServices, QShowEvent
from PyQt5.QtWidgets import QDialog, QDialogButtonBox, QLabel, QVBoxLayout, QWidget

from dphm_core.errors import Cancelled, DphmError

from .export_choices import ExportChoices
from .export_folder import ExportFolder
from .export_planner import ExportPlanner
from .export_run import ExportRun
from .job_bar import JobBar
from .message_bar import Kind, MessageBar

if TYPE_CHECKING:
    from dphm_core.export.export import ExportSummary
    from dphm_core.export.options import ExportOptions
    from dphm_core.export.plan import ExportPlan
    from dphm_core.jobs import Tell

log = logging.getLogger(__name__)


class ExportDialog(QDialog):
    """Asks what to export and has it done, while the window stays alive. Lives on the GUI thread.

    Parameters
    ----------
    export
        Writes to a folder; called on a thread of its own.
    parent
        The window.
    plan
        Tells what an export will come to, and looks at its folder; called on a thread of its own whenever a choice
        changes. Without it there is no estimate, and a folder in use is refused.
    """

    def __init__(
        self,
        export: Callable[[Path, ExportOptions, Tell], ExportSummary],
        parent: QWidget | None = None,
        plan: Callable[[Path, ExportOptions], ExportPlan] | None = None,
    ) -> None:
        super().__init__(parent)
        self._export, self._planner = export, None if plan is None else ExportPlanner(plan, self)
        self._run = ExportRun(self)
        self._closing = False
        self.choices, self.message, self.job_bar = ExportChoices(), MessageBar(), JobBar()
        self.folder, self.estimate = ExportFolder(), QLabel()
        self.buttons = QDialogButtonBox()
        self.go = self.buttons.addButton("Export", QDialogButtonBox.AcceptRole)
        self.leave = self.buttons.addButton("Close", QDialogButtonBox.RejectRole)
        self.go.setDefault(True)
        self._assemble()
        self._connect()

    @property
    def exporting(self) -> bool:
        """Whether an export is under way."""
        return self._run.busy

    def set_current(self, available: bool) -> None:
        """Say whether there is a mesh on screen."""
        self.choices.set_current(available)

    def set_saved(self, available: bool, first: int = 0, last: int | None = None) -> None:
        """Say whether there is a track of all frames, and from which frame to which it goes."""
        self.choices.set_saved(available, first, last)

    def set_folder(self, folder: Path) -> None:
        """Suggest a folder."""
        self.folder.line.setText(str(folder))

    def state(self) -> dict[str, Any]:
        """Return the choices, as JSON can hold them."""
        return {**self.choices.state(), "folder": self.folder.line.text()}

    def restore(self, state: dict[str, Any]) -> None:
        """Take choices of `state`; what makes no sense is passed over."""
        if not isinstance(state, dict):
            return
        self.choices.restore(state)
        if isinstance(folder := state.get("folder"), str) and folder.strip():
            self.folder.line.setText(folder)

    def start(self) -> None:
        """Begin to export what is chosen."""
        try:
            options = self.choices.options(self.folder.overwrite)
        except DphmError as error:
            self.message.tell(_sentence(error))
            return
        folder = self.folder.settle()
        if folder is None:
            return
        self.message.hide()
        unanswered = self._planner is not None and self._planner.busy and not options.overwrite
        planner = self._planner if unanswered else None
        if self._planner is not None:
            self._planner.forget()  # what it says would be of the folder before this export

        def export(tell: Tell) -> ExportSummary:
            out = folder if planner is None else planner.unused(folder, options)
            return self._export(out, options, tell)

        self._run.start(export)
        self._show_busy(True)

    def stop(self) -> None:
        """Cancel and wait, which takes as long as one file: for a window that closes."""
        self._run.stop()
        if self._planner is not None:
            self._planner.stop()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Work out what the choices come to."""
        super().showEvent(event)
        self._closing = False
        self._changed()

    def reject(self) -> None:
        """Close; an export that is under way is cancelled first."""
        if self._run.busy:
            self._closing = True
            self._run.cancel()
            return
        super().reject()

    def done(self, result: int) -> None:
        """Close, with nothing left running but a look at a folder, which ends by itself."""
        self._forget_plan()
        super().done(result)

    def _assemble(self) -> None:
        self.setWindowTitle("Export")
        self.form = QWidget()
        form = QVBoxLayout(self.form)
        form.setContentsMargins(0, 0, 0, 0)
        form.setSpacing(12)
        form.addWidget(self.choices)
        form.addWidget(self.folder)
        self.estimate.setObjectName("faint")
        self.estimate.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setSpacing(10)
        layout.addWidget(self.form)
        layout.addStretch()
        layout.addWidget(self.estimate)
        layout.addWidget(self.job_bar)
        layout.addWidget(self.message)
        layout.addWidget(self.buttons)

    def _connect(self) -> None:
        for part in (self.choices, self.folder):
            part.changed.connect(self.message.hide_error)
            part.changed.connect(self._changed)
        self.job_bar.cancel_requested.connect(self._run.cancel)
        self._run.progressed.connect(self.job_bar.show_job)
        self._run.done.connect(self._tell_result)
        self._run.failed.connect(self._tell_failure)
        self.buttons.accepted.connect(self.start)
        self.buttons.rejected.connect(self.reject)
        if self._planner is not None:
            self._planner.planned.connect(self._take_plan)
            self._planner.refused.connect(self._refuse)

    def _changed(self) -> None:
        """A choice changed: what comes of it is worked out again."""
        possible = self.choices.ready and self.folder.path is not None
        self.go.setEnabled(possible and not self._run.busy)
        if self._planner is None or not possible:
            self._forget_plan()
            unchosen = self.choices.possible and not self.choices.ready
            self._estimate("Choose meshes, or codes and poses." if unchosen else "")
        elif self.isVisible():
            try:
                self._planner.ask(self.folder.path, self.choices.options())
            except DphmError as error:
                self._refuse(error)

    def _forget_plan(self) -> None:
        """Nothing is known of what is chosen now."""
        if self._planner is not None:
            self._planner.forget()
        self.folder.ask(None)

    def _take_plan(self, plan: ExportPlan) -> None:
        self.folder.ask(plan)
        self._estimate(f"{plan.words}.")

    def _estimate(self, text: str) -> None:
        """Tell what the choices come to, with room for all of its lines: Qt lets wrapped text squeeze the rest."""
        self.estimate.setText(text)
        layout = self.layout()
        layout.activate()
        self.resize(self.width(), max(self.height(), layout.totalHeightForWidth(self.width())))

    def _refuse(self, error: Exception) -> None:
        """Say why this cannot be exported, where an estimate would stand."""
        self._forget_plan()
        self._estimate(f"✕ {_sentence(error)}")
        self.go.setEnabled(False)

    def _tell_result(self, summary: ExportSummary) -> None:
        self._show_busy(False)
        url = QUrl.fromLocalFile(str(summary.folder))
        told = "\n".join((summary.words, *summary.notes))
        self.message.tell(told, Kind.INFO, ("Show folder", lambda: QDesktopServices.openUrl(url)))
        self.folder.take(summary.folder)
        self.estimate.clear()
        self.go.setEnabled(False)  # until a choice changes: it is exported
        self._close_at_last()

    def _tell_failure(self, error: Exception) -> None:
        self._show_busy(False)
        if isinstance(error, Cancelled):
            self.message.tell("Cancelled. The folder is as it was before.", Kind.INFO)
        elif isinstance(error, DphmError):
            self.message.tell(_sentence(error))
        else:
            log.error("exporting", exc_info=error)
            self.message.tell("Exporting failed for a reason that nobody expected.", details=repr(error))
        self._changed()  # the folder may be another's by now
        self._close_at_last()

    def _close_at_last(self) -> None:
        """Close, where that was wanted while an export was under way."""
        if self._closing:
            self.reject()

    def _show_busy(self, busy: bool) -> None:
        self.form.setEnabled(not busy)
        self.go.setEnabled(not busy)
        self.estimate.setVisible(not busy)
        if not busy:
            self.job_bar.hide_job()


def _sentence(error: Exception) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
