"""Has a whole recording tracked, with progress, and chooses between its saved track and tracking while it plays."""

from __future__ import annotations

from PyQt5.QtCore import Qt, pyqtSignal
from PyQt5.QtWidgets import QButtonGroup, QHBoxLayout, QProgressBar, QPushButton, QToolButton, QWidget

from dphm_core.jobs import Progress

from .glyph_button import HEIGHT

PROGRESS_WIDTH, SHORT_WIDTH = 210, 150
MINUTE_S = 60


class TrackAllBox(QWidget):
    """Shows what can be had of a recording or how far the tracking of all of it is. Lives on the GUI thread."""

    requested = pyqtSignal()
    """Every frame shall be tracked."""
    cancelled = pyqtSignal()
    saved_toggled = pyqtSignal(bool)
    """True: show the saved track; False: track while playing. By the user only."""

    def __init__(self) -> None:
        super().__init__()
        self.track_all = QPushButton()
        self.track_all.setToolTip("Track every frame once, and keep the result: it can be looked at without delay.")
        self.track_all.clicked.connect(self.requested)
        self.saved = _choice("Show what was tracked before, at once for every frame")
        self.live = _choice("Track the frames as they are played")
        self._choice = QButtonGroup(self)
        for button, saved in ((self.saved, True), (self.live, False)):
            self._choice.addButton(button)
            button.clicked.connect(lambda _on, saved=saved: self.saved_toggled.emit(saved))
        self.progress = QProgressBar()
        self.cancel = QPushButton("Cancel")
        self.cancel.clicked.connect(self.cancelled)
        for button in (self.track_all, self.cancel):
            button.setFocusPolicy(Qt.TabFocus)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        for widget in (self.saved, self.live, self.track_all, self.progress, self.cancel):
            widget.setFixedHeight(HEIGHT)
            row.addWidget(widget)
        self._available = self._busy = self._short = False
        self.set_saved(False, False)

    @property
    def busy(self) -> bool:
        """Whether it shows that all frames are being tracked."""
        return self._busy

    def set_short(self, short: bool) -> None:
        """Write what can be chosen in a word or two, where there is little room."""
        self._short = short
        all_frames = "Track all" if short else "Track all frames"
        self.track_all.setText("Track again" if self._available else all_frames)
        self.saved.setText("Saved" if short else "Saved track")
        self.live.setText("Live" if short else "Live tracking")
        self.progress.setFixedWidth(SHORT_WIDTH if short else PROGRESS_WIDTH)

    def set_saved(self, available: bool, shown: bool) -> None:
        """Tell whether there is a complete track, and whether it is what is shown."""
        self._available = available
        (self.saved if shown else self.live).setChecked(True)
        self.set_short(self._short)
        self._show_what_holds()

    def show_job(self, progress: Progress | None) -> None:
        """Show how far tracking all frames is; None: it is not under way."""
        self._busy = progress is not None
        if progress is not None:
            self.progress.setRange(0, progress.total or 0)  # 0 to 0 shows that something goes on
            self.progress.setValue(progress.done)
            self.progress.setFormat(in_words(progress).removeprefix("frame " if self._short else ""))
        self._show_what_holds()

    def _show_what_holds(self) -> None:
        self.saved.setVisible(self._available and not self._busy)
        self.live.setVisible(self._available and not self._busy)
        self.track_all.setVisible(not self._busy)
        self.progress.setVisible(self._busy)
        self.cancel.setVisible(self._busy)


def in_words(progress: Progress) -> str:
    """How far it is, in a few words."""
    if not progress.total:
        return "starting …"
    if progress.done >= progress.total:
        return "finishing …"
    frames = f"frame {progress.done} of {progress.total}"
    return frames if progress.left_s is None else f"{frames}, {duration(progress.left_s)} left"


def duration(seconds: float) -> str:
    """Seconds below a minute or so, else minutes."""
    return f"{seconds:.0f} s" if seconds < 1.5 * MINUTE_S else f"{seconds / MINUTE_S:.0f} min"


def _choice(tip: str) -> QToolButton:
    button = QToolButton()
    button.setToolTip(tip)
    button.setCheckable(True)
    button.setFocusPolicy(Qt.TabFocus)
    return button
