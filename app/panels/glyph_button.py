"""Small buttons whose signs are drawn rather than written: fonts and styles differ in what they have."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from PyQt5.QtCore import QPointF, QRectF, QSize, Qt
from PyQt5.QtGui import QPainter, QPainterPath, QPainterPathStroker, QPaintEvent, QPalette, QPen, QPolygonF, QTransform
from PyQt5.QtWidgets import QStyle, QStyleOptionToolButton, QStylePainter, QToolButton

SIDE, WIDTH, HEIGHT = 14, 32, 28
"""Of the sign and of the button."""


def _bar(x: float) -> QPainterPath:
    path = QPainterPath()
    path.addRect(QRectF(x, 0.08, 0.18, 0.84))
    return path


def _triangle(base: float, tip: float) -> QPainterPath:
    path = QPainterPath()
    path.addPolygon(QPolygonF([QPointF(base, 0.05), QPointF(tip, 0.5), QPointF(base, 0.95), QPointF(base, 0.05)]))
    return path


def _bracket(spine: float, arm: float) -> QPainterPath:
    path = QPainterPath(QPointF(arm, 0.05))
    for x, y in ((spine, 0.05), (spine, 0.95), (arm, 0.95)):
        path.lineTo(x, y)
    return path


def _cross() -> QPainterPath:
    path = QPainterPath(QPointF(0.2, 0.2))
    path.lineTo(0.8, 0.8)
    path.moveTo(0.8, 0.2)
    path.lineTo(0.2, 0.8)
    return path


def _round() -> QPainterPath:
    """An arrow that comes back to where it began."""
    arc, box = QPainterPath(), QRectF(0.06, 0.12, 0.8, 0.8)
    arc.arcMoveTo(box, 75)
    arc.arcTo(box, 75, 280)
    stroker = QPainterPathStroker()
    stroker.setWidth(0.14)
    stroker.setCurveThreshold(0.01)  # the usual one is meant for pixels, and this path is one unit wide
    x, y = arc.currentPosition().x(), arc.currentPosition().y()
    head = QPainterPath()
    head.addPolygon(QPolygonF([QPointF(x - 0.24, y), QPointF(x, y - 0.34), QPointF(x + 0.2, y), QPointF(x - 0.24, y)]))
    return stroker.createStroke(arc).united(head)


class Glyph(Enum):
    """Signs; those that are filled, and those that are drawn as lines."""

    PLAY = "play"
    PAUSE = "pause"
    FIRST = "first"
    BACK = "back"
    ON = "on"
    LAST = "last"
    LOOP = "loop"
    IN = "in"
    OUT = "out"
    CLEAR = "clear"


_LINES = {Glyph.IN, Glyph.OUT, Glyph.CLEAR}
_PATHS: dict[Glyph, Callable[[], QPainterPath]] = {
    Glyph.PLAY: lambda: _triangle(0.15, 0.95),
    Glyph.PAUSE: lambda: _bar(0.18).united(_bar(0.62)),
    Glyph.FIRST: lambda: _bar(0.0).united(_triangle(0.95, 0.25)),
    Glyph.BACK: lambda: _triangle(0.6, 0.0).united(_bar(0.72)),
    Glyph.ON: lambda: _bar(0.1).united(_triangle(0.4, 1.0)),
    Glyph.LAST: lambda: _triangle(0.05, 0.75).united(_bar(0.82)),
    Glyph.LOOP: _round,
    Glyph.IN: lambda: _bracket(0.3, 0.75),
    Glyph.OUT: lambda: _bracket(0.7, 0.25),
    Glyph.CLEAR: _cross,
}


class GlyphButton(QToolButton):
    """A button with a sign, named for its tool tip and for who cannot see it. Lives on the GUI thread.

    Parameters
    ----------
    glyph
        The sign.
    name
        What it does, in a word or two.
    tip
        The same in a sentence; the name where there is none.
    """

    def __init__(self, glyph: Glyph, name: str, tip: str = "") -> None:
        super().__init__()
        self.setFocusPolicy(Qt.TabFocus)
        self.setFixedSize(QSize(WIDTH, HEIGHT))
        self.show_as(glyph, name, tip)

    def show_as(self, glyph: Glyph, name: str, tip: str = "") -> None:
        """Change sign and name."""
        self._glyph = glyph
        self.setText(name)
        self.setAccessibleName(name)
        self.setToolTip(tip or name)
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Draw the button without its name, and the sign in its place."""
        option = QStyleOptionToolButton()
        self.initStyleOption(option)
        option.text = ""
        painter = QStylePainter(self)
        painter.drawComplexControl(QStyle.CC_ToolButton, option)
        painter.setRenderHint(QPainter.Antialiasing)
        group = QPalette.Active if self.isEnabled() else QPalette.Disabled
        color = self.palette().color(group, QPalette.Highlight if self.isChecked() else QPalette.ButtonText)
        corner = QPointF((self.width() - SIDE) / 2, (self.height() - SIDE) / 2)
        path = QTransform(SIDE, 0, 0, SIDE, corner.x(), corner.y()).map(_PATHS[self._glyph]())
        if self._glyph in _LINES:
            painter.setPen(QPen(color, 1.8, Qt.SolidLine, Qt.RoundCap, Qt.RoundJoin))
            painter.drawPath(path)
        else:
            painter.fillPath(path, color)
