"""What the colours of the residual mean."""

from __future__ import annotations

import numpy as np
from PyQt5.QtCore import QRectF, Qt
from PyQt5.QtGui import QColor, QLinearGradient, QPainter, QPaintEvent
from PyQt5.QtWidgets import QWidget

from .color_map import LIMIT_MM, STOPS, UNKNOWN

TITLE = "Depth image from mesh, mm"
CORNER = 12
"""Pixels between the scale bar and the view's edges."""
NUMBERS = (-LIMIT_MM, 0.0, LIMIT_MM)


class ScaleBar(QWidget):
    """A bar of colours with numbers, in a corner of the 3-D view; painted once. Lives on the GUI thread."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WA_TransparentForMouseEvents)
        self.hide()

    def put_in_corner(self) -> None:
        """Take the size that the font asks for, in the lower left corner of the view."""
        self.ensurePolished()
        line = self.fontMetrics().height()
        self.resize(self.fontMetrics().horizontalAdvance(TITLE) + 2 * line, 5 * line)
        self.move(CORNER, self.parentWidget().height() - self.height() - CORNER)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Paint title, bar, numbers, and what grey means."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.Antialiasing)
        back = QColor(self.palette().window().color())
        back.setAlpha(225)
        painter.setPen(Qt.NoPen)
        painter.setBrush(back)
        painter.drawRoundedRect(self.rect(), 5, 5)
        line = self.fontMetrics().height()
        inner = QRectF(self.rect()).adjusted(line, 0.4 * line, -line, -0.4 * line)
        painter.setPen(self.palette().windowText().color())
        painter.drawText(inner, Qt.AlignTop | Qt.AlignLeft, TITLE)
        bar = QRectF(inner.left(), inner.top() + 1.3 * line, inner.width(), 0.7 * line)
        painter.fillRect(bar, _gradient(bar))
        self._paint_numbers(painter, bar, line)
        key = QRectF(inner.left(), inner.bottom() - 0.85 * line, 0.7 * line, 0.7 * line)
        painter.fillRect(key, QColor.fromRgbF(*UNKNOWN))
        text = inner.adjusted(line, 0, 0, 0)
        painter.drawText(text, Qt.AlignBottom | Qt.AlignLeft, "nothing measured")

    def _paint_numbers(self, painter: QPainter, bar: QRectF, line: int) -> None:
        for number, alignment in zip(NUMBERS, (Qt.AlignLeft, Qt.AlignHCenter, Qt.AlignRight), strict=True):
            text = f"{number:+.0f}".replace("-", "−") if number else "0"
            below = QRectF(bar.left(), bar.bottom(), bar.width(), 1.2 * line)
            painter.drawText(below, alignment | Qt.AlignVCenter, text)


def _gradient(bar: QRectF) -> QLinearGradient:
    gradient = QLinearGradient(bar.topLeft(), bar.topRight())
    for place, color in zip(np.linspace(0, 1, len(STOPS)), STOPS, strict=True):
        gradient.setColorAt(float(place), QColor.fromRgbF(*color))
    return gradient
