"""Records what is open: a button, how the recording goes, and what to do with it afterwards."""

from __future__ import annotations

from enum import Enum
from pathlib import Path

from PyQt5.QtCore import QPointF, QRectF, Qt, pyqtSignal
from PyQt5.QtGui import QColor, QIcon, QPainter, QPixmap
from PyQt5.QtWidgets import QHBoxLayout, QPushButton, QWidget

from dphm_core.sources.recording_status import RecordingStatus, SpaceLimit

from .glyph_button import Glyph, GlyphButton
from .hud import UNKNOWN, ElidedText, Figure

RED = "#e5484d"
"""The sign of recording everywhere; it is always beside a word."""
ICON_SIDE, SHARPNESS = 14, 4
"""Of the button's sign, and how many times finer it is drawn, for screens of high density."""
WAITING_TIP = "Write colour and depth to a folder while you watch."
GB, MB = 10**9, 10**6


class _Mode(Enum):
    """What the bar tells beside its button."""

    WAITING = "waiting"
    RECORDING = "recording"
    SAVED = "saved"


class RecordBar(QWidget):
    """Begins and ends recordings, and shows how one goes. Lives on the GUI thread.

    A finished recording stays on show, with what can be done with it, until it is dismissed or the next one begins.
    """

    record_requested = pyqtSignal()
    stop_requested = pyqtSignal()
    open_recorded = pyqtSignal(str)
    """Path of the recording that shall be opened."""
    convert_requested = pyqtSignal(str)
    """Path of the recording that shall become a folder of images."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.button = QPushButton()
        self.button.clicked.connect(self._clicked)
        self.time = Figure("Time", "9:59:59", "Length of the recording.")
        self.size = Figure("Size", "999.9 MB", "Size of the recording so far.")
        self.free = Figure("Free", "9999 GB", "Room that is left on this disk.")
        self.text = ElidedText()
        self.open_it, self.convert = QPushButton("Open it"), QPushButton("Convert to PNG")
        self.dismiss = GlyphButton(Glyph.CLEAR, "Dismiss", "Show this no longer; the recording stays.")
        self.open_it.setToolTip("Play this recording here.")
        self.convert.setToolTip("Write every frame as PNG images that other programs read.")
        self.open_it.clicked.connect(lambda: self.open_recorded.emit(str(self._path)))
        self.convert.clicked.connect(lambda: self.convert_requested.emit(str(self._path)))
        self.dismiss.clicked.connect(self.forget)
        for button in (self.button, self.open_it, self.convert):
            button.setFocusPolicy(Qt.TabFocus)  # a click leaves Space to playing
        layout = QHBoxLayout(self)
        layout.setContentsMargins(8, 3, 8, 3)
        layout.setSpacing(12)
        for widget in (self.button, self.time, self.size, self.free):
            layout.addWidget(widget)
        layout.addWidget(self.text, stretch=1)
        for button in (self.open_it, self.convert, self.dismiss):
            layout.addWidget(button)
        self._path, self._why = Path(), ""
        self._show_mode(_Mode.WAITING)
        self.button.setMinimumWidth(self.button.sizeHint().width())  # the same for the shorter "Stop"

    def set_available(self, available: bool, why: str) -> None:
        """Offer recording, or tell by the button's tip why there is none; a finished recording stays on show."""
        self._why = why
        self.button.setEnabled(available)
        ends = self._mode is _Mode.RECORDING and not available
        self._show_mode(_Mode.WAITING if ends else self._mode)

    def forget(self) -> None:
        """Show a finished recording no longer: it was dismissed, or something else was opened."""
        if self._mode is _Mode.SAVED:
            self._show_mode(_Mode.WAITING)

    def show_status(self, status: RecordingStatus | None) -> None:
        """Show how a recording goes; None where there is none."""
        if status is None:
            if self._mode is _Mode.RECORDING:
                self._show_mode(_Mode.WAITING)
            return
        self._show_mode(_Mode.RECORDING)
        self.time.set_text(clock_text(status.seconds))
        self.size.set_text(size_text(status.bytes))
        self.free.set_text(UNKNOWN if status.free_bytes is None else size_text(status.free_bytes))
        self.free.setToolTip(_room(status))
        lost = f"{_frames(status.dropped)} lost: this computer or its disk is too busy — " if status.dropped else ""
        self.text.set_text(f"{lost}{status.path.name}")

    def show_saved(self, path: Path, status: RecordingStatus | None = None) -> None:
        """Show a recording that is over: where it is, why it ended, what is missing."""
        self._path = path
        self._show_mode(_Mode.SAVED)
        empty = status is not None and not status.frames
        for button in (self.open_it, self.convert):
            button.setVisible(not empty)
        self.text.set_text(saved_text(path, status))

    def _clicked(self) -> None:
        if self._mode is _Mode.RECORDING:
            self.stop_requested.emit()
        else:
            self._show_mode(_Mode.WAITING)
            self.record_requested.emit()

    def _show_mode(self, mode: _Mode) -> None:
        self._mode = mode
        recording = mode is _Mode.RECORDING
        self.button.setText("Stop" if recording else "Record")
        self.button.setIcon(_sign(square=recording))
        self.button.setToolTip("End the recording." if recording else self._why or WAITING_TIP)
        for figure in (self.time, self.size, self.free):
            figure.setVisible(recording)
        for button in (self.open_it, self.convert, self.dismiss):
            button.setVisible(mode is _Mode.SAVED)
        if mode is _Mode.WAITING:
            self.text.set_text("")


def saved_text(path: Path, status: RecordingStatus | None) -> str:
    """What to say of a recording that is over, in plain sentences."""
    if status is None:
        return f"Saved to {path.name}"
    ended = "The disk is nearly full. " if status.full else ""
    if status.error is not None:
        ended = f"The recording ended early: {status.error}. "
    if not status.frames:
        return f"{ended}Nothing was recorded."
    lost = f" {_frames(status.dropped)} were lost." if status.dropped > 1 else " One frame was lost." * status.dropped
    return f"{ended}Saved to {path.name} ({clock_text(status.seconds)}, {size_text(status.bytes)}).{lost}"


def clock_text(seconds: float) -> str:
    """Minutes and seconds, with hours where there are any: "0:07", "1:02:33"."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def size_text(count: int) -> str:
    """Bytes for people: "0.3 MB", "35 MB", "1.2 GB"."""
    number, unit = (count / GB, "GB") if count >= GB else (count / MB, "MB")
    return f"{number:.0f} {unit}" if number >= 10 else f"{number:.1f} {unit}"


def _frames(count: int) -> str:
    return "1 frame" if count == 1 else f"{count} frames"


def _room(status: RecordingStatus) -> str:
    """Tell how long the disk will do."""
    if status.free_bytes is None or status.seconds < 1 or not status.bytes:
        return "Room that is left on this disk."
    left_s = max(0.0, (status.free_bytes - SpaceLimit().min_free_bytes) * status.seconds / status.bytes)
    left = f"{left_s / 3600:.0f} hours" if left_s > 2 * 3600 else f"{left_s / 60:.0f} minutes"
    return f"Room for about {left} more; the recording ends by itself before the disk is full."


def _sign(square: bool) -> QIcon:
    """A red disc, or a square to stop with."""
    icon = QIcon()
    for mode in (QIcon.Normal, QIcon.Disabled):
        pixmap = QPixmap(ICON_SIDE * SHARPNESS, ICON_SIDE * SHARPNESS)
        pixmap.fill(Qt.transparent)
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.Antialiasing)
        painter.setOpacity(1.0 if mode is QIcon.Normal else 0.35)
        painter.scale(SHARPNESS, SHARPNESS)
        painter.setPen(Qt.NoPen)
        painter.setBrush(QColor(RED))
        middle, half = QPointF(ICON_SIDE / 2, ICON_SIDE / 2), 0.36 * ICON_SIDE
        if square:
            painter.drawRoundedRect(QRectF(middle.x() - half, middle.y() - half, 2 * half, 2 * half), 1.5, 1.5)
        else:
            painter.drawEllipse(middle, half + 0.5, half + 0.5)
        painter.end()
        icon.addPixmap(pixmap, mode)
    return icon
