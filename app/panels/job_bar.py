"""A slim bar for slow work: what it is, how far it is, how long it will take, and a button to end it."""

from __future__ import annotations

from PyQt5.QtCore import pyqtSignal
from PyQt5.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QWidget

from dphm_core.jobs import Progress

STEPS = 1000
"""Of the bar."""
LONGEST_NAME = 42
SURE_AFTER_S = 1.0
"""Earlier than this nothing can be said about how long it will take."""


class JobBar(QWidget):
    """Shows a job that is under way; hidden while there is none. Lives on the GUI thread."""

    cancel_requested = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._job = ""
        self.name, self.left, self.bar = QLabel(), QLabel(), QProgressBar()
        self.left.setObjectName("faint")
        self.bar.setTextVisible(False)
        self.bar.setMaximumHeight(10)
        self.cancel = QPushButton("Cancel")
        self.cancel.clicked.connect(self._cancel)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(10, 4, 8, 4)
        layout.setSpacing(10)
        layout.addWidget(self.name)
        layout.addWidget(self.bar, stretch=1)
        layout.addWidget(self.left)
        layout.addWidget(self.cancel)
        self.hide()

    def show_job(self, name: str, progress: Progress) -> None:
        """Show how far a job is; to be called again and again while it runs.

        Parameters
        ----------
        name
            What it does: "Exporting".
        progress
            How far it is; a bar that runs to and fro where that is not known.
        """
        if self.isHidden() or name != self._job:
            self._begin(name)
        known = progress.share is not None
        self.bar.setRange(0, STEPS if known else 0)
        if progress.share is not None:
            self.bar.setValue(round(STEPS * progress.share))
        self.left.setText(time_left(progress))

    def hide_job(self) -> None:
        """Hide: no job is under way."""
        self.hide()

    def _begin(self, name: str) -> None:
        self._job = name
        self.name.setText(shortened(name))
        self.cancel.setEnabled(True)
        self.show()

    def _cancel(self) -> None:
        self.cancel.setEnabled(False)  # once is enough; it ends at the work's next step
        self.name.setText("Cancelling …")
        self.cancel_requested.emit()


def shortened(name: str) -> str:
    """Return a name without its middle, where it is long: a window cannot be narrower than its labels."""
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME // 2]}…{name[-LONGEST_NAME // 3 :]}"


def time_left(progress: Progress) -> str:
    """Return how long it will take, in words; nothing where that is not known yet."""
    seconds = progress.left_s
    if seconds is None or progress.elapsed_s < SURE_AFTER_S:
        return ""
    if seconds < 60:
        return f"about {max(1, round(seconds))} s left"
    return f"about {round(seconds / 60)} min left" if seconds < 3600 else f"about {seconds / 3600:.1f} h left"
