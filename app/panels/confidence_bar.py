"""How sure the tracker is, as a bar and a number."""

from __future__ import annotations

from PyQt5.QtCore import QRectF, QSize, Qt
from PyQt5.QtGui import QPainter, QPaintEvent, QPalette
from PyQt5.QtWidgets import QSizePolicy, QWidget

THICKNESS = 6.0
"""Of the bar, pixels."""


class ConfidenceBar(QWidget):
    """Bar and per cent. Lives on the GUI thread."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Expanding, QSizePolicy.Fixed)
        self.setToolTip("How sure the tracker is that the head is where it is drawn.")
        self._per_cent: int | None = None
        self.show_share(None)

    def show_share(self, share: float | None) -> None:
        """Show a confidence, 0..1; None where there is none to tell."""
        per_cent = None if share is None else round(100 * min(max(share, 0.0), 1.0))
        if per_cent != self._per_cent:
            self._per_cent = per_cent
            self.update()

    def text(self) -> str:
        """The number as it is written."""
        return "–" if self._per_cent is None else f"{self._per_cent} %"

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """One line of text."""
        return QSize(160, self.fontMetrics().height() + 2)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Draw name, bar and number."""
        palette, metrics = self.palette(), self.fontMetrics()
        name, number = metrics.horizontalAdvance("Confidence") + 8, metrics.horizontalAdvance("100 %") + 8
        groove = QRectF(name, (self.height() - THICKNESS) / 2, max(self.width() - name - number, 0), THICKNESS)
        filled = QRectF(groove)
        filled.setWidth(groove.width() * (self._per_cent or 0) / 100)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.Antialiasing)
        painter.setPen(palette.color(QPalette.WindowText))
        painter.drawText(self.rect(), Qt.AlignLeft | Qt.AlignVCenter, "Confidence")
        painter.drawText(self.rect(), Qt.AlignRight | Qt.AlignVCenter, self.text())
        painter.setPen(Qt.NoPen)
        for rect, role in ((groove, QPalette.Mid), (filled, QPalette.Highlight)):
            painter.setBrush(palette.color(role))
            painter.drawRoundedRect(rect, THICKNESS / 2, THICKNESS / 2)
