"""A slider over the frames of a recording, with a selection and marks of how tracking went."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum

from PyQt5.QtCore import QPoint, QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt5.QtGui import QColor, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPalette, QPen
from PyQt5.QtWidgets import QAbstractSlider, QSizePolicy, QToolTip, QWidget

from dphm_core.frames import TrackStatus

from .frame_marks import FrameMarks

HEIGHT, MARGIN = 34, 10
GROOVE_Y, GROOVE = 11.0, 4.0
"""Middle and thickness of the line that the handle moves on."""
STRIP_Y, STRIP = 21.0, 7.0
"""Top and height of the strip of marks."""
TOP, BOTTOM = 1.5, STRIP_Y + STRIP + 2.5
"""Of the brackets and of what is selected."""
HANDLE, BRACKET = 7.0, 5.0
"""Radius of the handle; length of a bracket's arms."""
GRIP = 7
"""As near as this a bracket is taken hold of."""
SELECTED_ALPHA = 55


class _Part(Enum):
    """What is dragged."""

    POSITION = "position"
    FIRST = "first"
    LAST = "last"


class FrameSlider(QAbstractSlider):
    """Shows and changes a position among frames and a selection of them. Lives on the GUI thread.

    `valueChanged` is what the user, or `setValue`, moved the position to; `show_value` is silent. The brackets at both
    ends, or Shift and a drag, make a selection.
    """

    selection_changed = pyqtSignal(int, int)
    """First and last frame, both selected; by the user, or `select`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setOrientation(Qt.Horizontal)
        self.setRange(0, 0)
        self.setSizePolicy(QSizePolicy.Expanding, QSizePolicy.Fixed)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.TabFocus)
        self.setAccessibleName("Frame")
        self.setPageStep(10)
        self.describe: Callable[[int], str] = lambda index: f"frame {index + 1}"
        """What is told of a frame under the mouse."""
        self._marks = FrameMarks(1)
        self._first, self._last = 0, 0
        self._dragged: _Part | None = None
        self._anchor: int | None = None  # where a selection by Shift began

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Wide and low."""
        return QSize(400, HEIGHT)

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Wide enough to aim at something."""
        return QSize(120, HEIGHT)

    def set_length(self, length: int) -> None:
        """Begin with another recording: nothing selected, nothing marked."""
        self.blockSignals(True)
        self.setRange(0, max(0, length - 1))
        self.setValue(0)
        self.blockSignals(False)
        self._first, self._last = 0, self.maximum()
        self._marks = FrameMarks(length)
        self.update()

    def show_value(self, index: int) -> None:
        """Show a position, unless the user is dragging it."""
        if self._dragged is not _Part.POSITION:
            self.blockSignals(True)
            self.setValue(index)
            self.blockSignals(False)
            self.update()

    @property
    def selection(self) -> tuple[int, int] | None:
        """First and last selected frame; None where nothing in particular, and thus everything, is."""
        whole = (self._first, self._last) == (0, self.maximum())
        return None if whole else (self._first, self._last)

    def select(self, first: int, last: int) -> None:
        """Select frames `first` to `last`; the order and the ends are put right."""
        first, last = (min(max(index, 0), self.maximum()) for index in sorted((first, last)))
        if (first, last) != (self._first, self._last):
            self._first, self._last = first, last
            self.update()
            self.selection_changed.emit(first, last)

    def set_marks(self, indices: Iterable[int], statuses: Iterable[TrackStatus]) -> None:
        """Mark how tracking went in these frames, and in no others."""
        self._marks.set(indices, statuses)
        self.update()

    def mark(self, index: int, status: TrackStatus) -> None:
        """Mark how tracking went in one more frame."""
        if self._marks.add(index, status):
            self.update()

    def status(self, index: int) -> TrackStatus | None:
        """How tracking went in a frame; None where that is not known."""
        return self._marks.status(index)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Take hold of a bracket, or go where the mouse is."""
        if event.button() != Qt.LeftButton:
            return
        index = self._index_at(event.x())
        if event.modifiers() & Qt.ShiftModifier:
            self._anchor, self._dragged = index, _Part.LAST
            self.select(index, index)
            return
        self._dragged = self._part_at(event.pos())
        if self._dragged is _Part.POSITION:
            self.setSliderDown(True)
            self.setValue(index)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Drag what is held; tell of the frame under the mouse."""
        index = self._index_at(event.x())
        if self._dragged is not None:
            self._drag(self._dragged, index)
        else:
            held = self._part_at(event.pos())
            self.setCursor(Qt.ArrowCursor if held is _Part.POSITION else Qt.SizeHorCursor)
        QToolTip.showText(event.globalPos(), self.describe(index), self)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Let go."""
        if event.button() == Qt.LeftButton:
            self._dragged = self._anchor = None
            self.setSliderDown(False)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Draw groove, marks, selection and handle."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.Antialiasing)
        palette = self.palette()
        left, right = self._x(0), self._x(self.maximum())
        if self.selection is not None:
            self._shade_selection(painter, palette)
        painter.setPen(Qt.NoPen)
        painter.setBrush(palette.color(QPalette.Mid))
        painter.drawRoundedRect(QRectF(left, GROOVE_Y - GROOVE / 2, right - left, GROOVE), GROOVE / 2, GROOVE / 2)
        painter.setRenderHint(QPainter.Antialiasing, False)
        self._marks.paint(painter, QRectF(left, STRIP_Y, right - left, STRIP))
        painter.setRenderHint(QPainter.Antialiasing)
        self._paint_brackets(painter, palette)
        self._paint_handle(painter, palette)

    def _shade_selection(self, painter: QPainter, palette: QPalette) -> None:
        first, last = self._x(self._first), self._x(self._last)
        color = QColor(palette.color(QPalette.Highlight))
        color.setAlpha(SELECTED_ALPHA)
        painter.fillRect(QRectF(first, TOP, max(1.0, last - first), BOTTOM - TOP), color)

    def _paint_brackets(self, painter: QPainter, palette: QPalette) -> None:
        first, last = self._x(self._first), self._x(self._last)
        role = QPalette.PlaceholderText if self.selection is None else QPalette.Highlight
        painter.setPen(QPen(palette.color(role), 2.0))
        for x, arm in ((first - 2, BRACKET), (last + 2, -BRACKET)):
            painter.drawPolyline(*(QPointF(x + dx, y) for dx, y in ((arm, TOP), (0, TOP), (0, BOTTOM), (arm, BOTTOM))))

    def _paint_handle(self, painter: QPainter, palette: QPalette) -> None:
        x = self._x(self.value())
        painter.setPen(QPen(palette.color(QPalette.Highlight), 1.5))
        painter.drawLine(QPointF(x, GROOVE_Y), QPointF(x, STRIP_Y + STRIP))
        circle = QPainterPath()
        circle.addEllipse(QPointF(x, GROOVE_Y), HANDLE, HANDLE)
        outline = QPalette.Text if self.hasFocus() else QPalette.Window
        painter.setPen(QPen(palette.color(outline), 2.0))
        painter.setBrush(palette.color(QPalette.Highlight))
        painter.drawPath(circle)

    def _drag(self, part: _Part, index: int) -> None:
        if part is _Part.POSITION:
            self.setValue(index)
        elif self._anchor is not None:
            self.select(self._anchor, index)
        elif part is _Part.FIRST:
            self.select(min(index, self._last), self._last)
        else:
            self.select(self._first, max(index, self._first))

    def _part_at(self, place: QPoint) -> _Part:
        """What the mouse would take hold of: brackets only beneath the groove, so that every frame can be gone to."""
        if place.y() < GROOVE_Y + HANDLE:
            return _Part.POSITION
        to_first, to_last = abs(place.x() - self._x(self._first)), abs(place.x() - self._x(self._last))
        if min(to_first, to_last) > GRIP:
            return _Part.POSITION
        if self._first == self._last:  # both at one place: the side tells
            return _Part.FIRST if place.x() < self._x(self._first) else _Part.LAST
        return _Part.FIRST if to_first <= to_last else _Part.LAST

    def _x(self, index: int) -> float:
        return MARGIN + (self.width() - 2 * MARGIN) * index / max(1, self.maximum())

    def _index_at(self, x: float) -> int:
        share = (x - MARGIN) / max(1, self.width() - 2 * MARGIN)
        return min(max(round(share * self.maximum()), 0), self.maximum())
