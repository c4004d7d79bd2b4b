"""The tracker's state as a coloured badge with a sign and a word."""

from __future__ import annotations

from PyQt5.QtCore import QSize, Qt
from PyQt5.QtGui import QColor, QFont, QFontMetrics, QPainter, QPaintEvent, QPalette
from PyQt5.QtWidgets import QSizePolicy, QWidget

from dphm_core.frames import TrackStatus

from ..theme import STATUS_COLORS, STATUS_SIGNS

ON_STATUS = "#000000"
"""Text on the states' colours: at least 5 : 1 on each of them, which are the same in every theme."""
PADDING = 8
CORNER = 4.0


class StateBadge(QWidget):
    """Sign and name of the tracker's state on its colour. Lives on the GUI thread.

    As wide as the longest state, so that what is beside it stays where it is.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Fixed, QSizePolicy.Fixed)
        self._shown: TrackStatus | str = ""

    def show_state(self, state: TrackStatus | str) -> None:
        """Show a state of the tracker, or a plain word in the window's own colours."""
        if state != self._shown:
            self._shown = state
            self.setAccessibleName(f"State: {self.text()}")
            self.update()

    def text(self) -> str:
        """What it says: "● Tracking"."""
        return label_of(self._shown) if isinstance(self._shown, TrackStatus) else self._shown

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Room for every state."""
        metrics = QFontMetrics(self._bold())
        longest = max(metrics.horizontalAdvance(label_of(state)) for state in TrackStatus)
        return QSize(longest + 2 * PADDING, metrics.height() + 6)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Draw the badge."""
        back, text = self.palette().color(QPalette.Base), self.palette().color(QPalette.Text)
        if isinstance(self._shown, TrackStatus):
            back, text = QColor(STATUS_COLORS[self._shown]), QColor(ON_STATUS)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.Antialiasing)
        painter.setPen(Qt.NoPen)
        painter.setBrush(back)
        painter.drawRoundedRect(self.rect(), CORNER, CORNER)
        painter.setPen(text)
        painter.setFont(self._bold())
        painter.drawText(self.rect(), Qt.AlignCenter, self.text())

    def _bold(self) -> QFont:
        font = QFont(self.font())
        font.setWeight(QFont.DemiBold)
        return font


def label_of(status: TrackStatus) -> str:
    """Sign and name: "● Tracking"."""
    return f"{STATUS_SIGNS[status]} {status.value.capitalize()}"
