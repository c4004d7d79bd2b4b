"""A line that tells an error, a warning or a result, offers what to do about it, and goes away when dismissed.

A note that asks for nothing goes away by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from PyQt5.QtCore import QPointF, QRectF, QSize, Qt, QTimer
from PyQt5.QtGui import QColor, QGuiApplication, QHideEvent, QPainter, QPaintEvent, QPalette, QPen
from PyQt5.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QWidget

from dphm_core.frames import TrackStatus

from ..theme import STATUS_COLORS

LONG_TEXT = 240
"""Characters; longer ones are shown in part, and can be copied whole."""
NOTE_MS = 12_000
"""So long a note is shown: time to read it twice."""


class Kind(Enum):
    """What a message is; each has a sign, so that none is told by its colour alone."""

    ERROR = "Error"
    WARNING = "Warning"
    INFO = "Note"


COLORS = {Kind.ERROR: STATUS_COLORS[TrackStatus.LOST], Kind.WARNING: STATUS_COLORS[TrackStatus.SEARCHING]}
"""Others have the palette's accent."""


class MessageBar(QWidget):
    """Shows one message, the newest. Lives on the GUI thread."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._do: Callable[[], object] = lambda: None
        self._details = ""
        self.kind = Kind.ERROR
        self.sign, self.text = _Sign(), QLabel()
        self.text.setWordWrap(True)
        self.text.setTextFormat(Qt.PlainText)  # messages name files, which may look like HTML
        self.text.setTextInteractionFlags(Qt.TextSelectableByMouse)
        self.text.setSizePolicy(QSizePolicy.Ignored, QSizePolicy.Preferred)
        self.action, self.copy, self.dismiss = QPushButton(), QPushButton(), QPushButton("Dismiss")
        self.action.clicked.connect(lambda: self._do())
        self.copy.clicked.connect(self._copy)
        self.copy.setToolTip("Copy the whole text, to send it to somebody")
        self.dismiss.clicked.connect(self.hide)
        self._note = QTimer(self)
        self._note.setSingleShot(True)
        self._note.timeout.connect(self.hide)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(16, 7, 8, 7)
        layout.setSpacing(8)
        layout.addWidget(self.sign)
        layout.addWidget(self.text, stretch=1)
        for button in (self.action, self.copy, self.dismiss):
            layout.addWidget(button)
        self.hide()

    def tell(
        self,
        text: str,
        kind: Kind = Kind.ERROR,
        action: tuple[str, Callable[[], object]] | None = None,
        details: str = "",
    ) -> None:
        """Show a message until it is dismissed, hidden, or another one comes; a note without an action, for a while.

        Parameters
        ----------
        text
            What is the matter, and what to do; where it is very long, the rest becomes part of the details.
        kind
            What it is.
        action
            Text and effect of a button beside it.
        details
            Technical text that can be copied, and is not shown.
        """
        self.kind = kind
        long = len(text) > LONG_TEXT
        self._details = "\n\n".join(part for part in (text, details) if part)
        self.text.setText(f"{text[:LONG_TEXT].rstrip()} …" if long else text)
        self.sign.show_kind(kind)
        self.action.setVisible(action is not None)
        if action is not None:
            self.action.setText(action[0])
            self._do = action[1]
        self.copy.setText("Copy details")
        self.copy.setVisible(long or bool(details))
        self._note.stop()
        if kind is Kind.INFO and action is None:
            self._note.start(NOTE_MS)
        self.show()
        self.update()

    def hide_error(self) -> None:
        """Hide an error, where the newest message is one: what it was of is changed."""
        if self.kind is Kind.ERROR:
            self.hide()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802 - Qt's name
        """Leave nothing to be done later; a window that is minimised keeps its note, and the note its end."""
        super().hideEvent(event)
        if self.isHidden():
            self._note.stop()

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Paint the ground, and a strip at the left in the kind's colour."""
        painter, palette = QPainter(self), self.palette()
        painter.fillRect(self.rect(), palette.color(QPalette.Base))
        painter.fillRect(0, 0, 5, self.height(), color_of(self.kind, palette))
        painter.setPen(palette.color(QPalette.Mid))
        painter.drawLine(0, self.height() - 1, self.width(), self.height() - 1)

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self._details)
        self.copy.setText("Copied")


class _Sign(QWidget):
    """A disk with a cross, an exclamation mark or an "i"."""

    def __init__(self) -> None:
        super().__init__()
        self._kind = Kind.ERROR

    def show_kind(self, kind: Kind) -> None:
        self._kind = kind
        self.setAccessibleName(kind.value)
        self.setToolTip(kind.value)
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        side = self.fontMetrics().height() + 4
        return QSize(side, side)

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return self.sizeHint()

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        painter, palette = QPainter(self), self.palette()
        painter.setRenderHint(QPainter.Antialiasing)
        side = self.sizeHint().width() - 2.0
        disk = QRectF((self.width() - side) / 2, (self.height() - side) / 2, side, side)
        painter.setPen(Qt.NoPen)
        painter.setBrush(color_of(self._kind, palette))
        painter.drawEllipse(disk)
        middle, unit = disk.center(), side / 16
        ink = QPen(palette.color(QPalette.Base), 2 * unit, Qt.SolidLine, Qt.RoundCap)
        painter.setPen(ink)
        strokes = {
            Kind.ERROR: [((-3, -3), (3, 3)), ((-3, 3), (3, -3))],
            Kind.WARNING: [((0, -4), (0, 1))],
            Kind.INFO: [((0, -1), (0, 4))],
        }
        dots = {Kind.ERROR: [], Kind.WARNING: [(0, 4)], Kind.INFO: [(0, -4)]}
        for begin, end in strokes[self._kind]:
            painter.drawLine(middle + QPointF(*begin) * unit, middle + QPointF(*end) * unit)
        for dot in dots[self._kind]:
            painter.drawPoint(middle + QPointF(*dot) * unit)


def color_of(kind: Kind, palette: QPalette) -> QColor:
    """Colour of a kind of message."""
    return QColor(COLORS[kind]) if kind in COLORS else palette.color(QPalette.Highlight)
