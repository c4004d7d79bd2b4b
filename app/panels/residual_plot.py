"""How far the depth points lie from the head, over the last seconds."""

from __future__ import annotations

from itertools import pairwise
from math import floor, isfinite, log10

import numpy as np
from numpy.typing import NDArray
from PyQt5.QtCore import QPointF, QRectF, QSize, Qt
from PyQt5.QtGui import QColor, QFont, QPainter, QPaintEvent, QPalette, QPen, QPolygonF
from PyQt5.QtWidgets import QSizePolicy, QWidget

from dphm_core.frames import FloatArray, TrackStatus

from ..theme import STATUS_COLORS, STATUS_SIGNS
from .throttle import Throttle

SPAN_S = 20.0
TICK_S = 5.0
KEPT = 4096
"""Frames kept: a span at 200 frames a second."""
COLUMNS = 200
"""The span is drawn as so many columns, each as high as its worst frame, so that none is lost."""
LEAST_TOP_MM = 2.0
"""The axis reaches this high at least: less is the sensor's noise and needs no magnifying glass."""
PAINT_EVERY_MS = 66
STATES = tuple(TrackStatus)
TRACKED = STATES.index(TrackStatus.TRACKING)
ABSENT = -1
"""In place of a state: no frame there."""
SHADE = 70
"""Opacity of a state's colour behind the curve, of 255."""


class ResidualPlot(QWidget):
    """Curve of the residual, with the time that was not tracked shaded. Lives on the GUI thread."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Expanding, QSizePolicy.Preferred)
        signs = ", ".join(
            f"{STATUS_SIGNS[state]} {state.value}" for state in STATES if state is not TrackStatus.TRACKING
        )
        self.setToolTip(
            "How far the depth points lie from the head's surface, on average, over the last 20 seconds.\n"
            f"Shaded: not tracked then ({signs})."
        )
        self.setAccessibleName("Residual over time")
        self._times_s = np.zeros(KEPT)
        self._residuals_mm = np.zeros(KEPT, dtype=np.float32)
        self._states = np.zeros(KEPT, dtype=np.int8)
        self._count = 0  # ever added: the newest is at (count − 1) mod KEPT
        self._painter = Throttle(self, self.update, PAINT_EVERY_MS)

    def add(self, time_s: float, residual_mm: float, status: TrackStatus) -> None:
        """Add a frame; one earlier than the last, as after going back in a recording, starts the plot anew.

        Parameters
        ----------
        time_s
            The frame's own time, seconds.
        residual_mm
            Millimetres; NaN where there is none.
        status
            State of the tracker.
        """
        newest_s = self._newest_s
        if newest_s is not None and time_s < newest_s:
            self._count = 0
        if time_s != newest_s:
            self._count += 1
        place = (self._count - 1) % KEPT
        self._times_s[place], self._residuals_mm[place] = time_s, residual_mm
        self._states[place] = STATES.index(status)
        self._painter.ask()

    def clear(self) -> None:
        """Forget all frames."""
        self._count = 0
        self._painter.ask()

    def series(self) -> tuple[NDArray[np.float64], FloatArray, NDArray[np.int8]]:
        """What is kept of the last seconds, oldest first: times (N,), residuals in mm (N,), indices of states (N,)."""
        newest_s = self._newest_s
        if newest_s is None:
            return self._times_s[:0], self._residuals_mm[:0], self._states[:0]
        order = np.arange(self._count - min(self._count, KEPT), self._count) % KEPT
        order = order[self._times_s[order] >= newest_s - SPAN_S]
        return self._times_s[order], self._residuals_mm[order], self._states[order]

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Wide and low."""
        return QSize(260, 120)

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Room for the axes and a little curve."""
        return QSize(160, 84)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Draw axes, shades and curve."""
        painter = QPainter(self)
        worst, states = columns(*self.series())
        top_mm, tick_mm = axis(float(np.nanmax(worst)) if np.isfinite(worst).any() else 0.0)
        self._paint_title(painter)
        painter.setFont(self._small())
        plot = self._plot_rect(painter)
        self._paint_axes(painter, plot, top_mm, tick_mm)
        self._paint_states(painter, plot, states)
        painter.setRenderHint(QPainter.Antialiasing)
        painter.setClipRect(plot.adjusted(0, -1, 0, 1))
        painter.setPen(QPen(self.palette().color(QPalette.Highlight), 1.5))
        for curve in curves(worst, states, plot, top_mm):
            painter.drawPolyline(curve)

    def _paint_title(self, painter: QPainter) -> None:
        painter.setPen(self.palette().color(QPalette.WindowText))
        painter.drawText(self.rect(), Qt.AlignLeft | Qt.AlignTop, "Residual, mm")
        newest = (self._count - 1) % KEPT
        if self._count and isfinite(self._residuals_mm[newest]):
            painter.drawText(self.rect(), Qt.AlignRight | Qt.AlignTop, f"{self._residuals_mm[newest]:.2f}")

    def _plot_rect(self, painter: QPainter) -> QRectF:
        metrics = painter.fontMetrics()
        left, below = metrics.horizontalAdvance("0.00") + 6, metrics.height() + 4
        above = self.fontMetrics().height() + 8
        return QRectF(left, above, max(self.width() - left - 2, 1), max(self.height() - above - below, 1))

    def _paint_axes(self, painter: QPainter, plot: QRectF, top_mm: float, tick_mm: float) -> None:
        lines, faint = self.palette().color(QPalette.Mid), self.palette().color(QPalette.PlaceholderText)
        height = painter.fontMetrics().height()
        painter.fillRect(plot, self.palette().color(QPalette.Base))
        for tick in range(round(top_mm / tick_mm) + 1):
            y = plot.bottom() - plot.height() * tick * tick_mm / top_mm
            painter.setPen(lines)
            painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y))
            painter.setPen(faint)
            label = QRectF(0, y - height / 2, plot.left() - 4, height)
            painter.drawText(label, Qt.AlignRight | Qt.AlignVCenter, f"{tick * tick_mm:g}")
        for tick in range(int(SPAN_S / TICK_S) + 1):
            x = plot.right() - plot.width() * tick * TICK_S / SPAN_S
            label = QRectF(x - 30, plot.bottom() + 3, 60, height)
            where = Qt.AlignRight if tick == 0 else Qt.AlignHCenter
            if tick == 0:
                label.moveRight(plot.right())
            painter.drawText(label, where, f"−{tick * TICK_S:.0f} s" if tick else "now")

    def _paint_states(self, painter: QPainter, plot: QRectF, states: NDArray[np.int8]) -> None:
        """Shade the time that was not tracked, with the state's sign where it fits: colour alone tells too little."""
        column, sign_width = plot.width() / COLUMNS, painter.fontMetrics().horizontalAdvance("●") + 2
        for start, end in pairwise([0, *(np.flatnonzero(np.diff(states)) + 1).tolist(), COLUMNS]):
            if states[start] in (TRACKED, ABSENT):
                continue
            state = STATES[states[start]]
            shade = QColor(STATUS_COLORS[state])
            shade.setAlpha(SHADE)
            area = QRectF(plot.left() + start * column, plot.top(), (end - start) * column, plot.height())
            painter.fillRect(area, shade)
            if area.width() >= sign_width:
                painter.setPen(self.palette().color(QPalette.Text))
                painter.drawText(area.adjusted(0, 1, 0, 0), Qt.AlignHCenter | Qt.AlignTop, STATUS_SIGNS[state])

    def _small(self) -> QFont:
        """The window's font, a little smaller; its size may be in pixels or in points."""
        font = QFont(self.font())
        if font.pixelSize() > 0:
            font.setPixelSize(font.pixelSize() - 2)
        else:
            font.setPointSizeF(font.pointSizeF() - 1.5)
        return font

    @property
    def _newest_s(self) -> float | None:
        return float(self._times_s[(self._count - 1) % KEPT]) if self._count else None


def columns(
    times_s: NDArray[np.float64], residuals_mm: FloatArray, states: NDArray[np.int8]
) -> tuple[FloatArray, NDArray[np.int8]]:
    """Sum up frames in equal stretches of the span, the newest in the last one.

    They are cut by the frames' own time, not by the newest's, so that the curve glides and does not flicker.

    Returns
    -------
    worst : (COLUMNS,) float32
        Largest residual of the tracked frames in each, mm; NaN where there is none.
    states : (COLUMNS,) int8
        Index of the state in each, the last frame's; where a frame was not tracked, that one's. ABSENT: no frame, and
        none within a second before.
    """
    worst = np.full(COLUMNS, np.nan, dtype=np.float32)
    found = np.full(COLUMNS, ABSENT, dtype=np.int8)
    if not len(times_s):
        return worst, found
    slot = np.floor(times_s * (COLUMNS / SPAN_S)).astype(np.int64)
    slot += COLUMNS - 1 - slot[-1]
    inside = slot >= 0
    slot, residuals_mm, states = slot[inside], residuals_mm[inside], states[inside]
    tracked = (states == TRACKED) & np.isfinite(residuals_mm)
    np.fmax.at(worst, slot[tracked], residuals_mm[tracked])
    found[slot] = states
    found[slot[states != TRACKED]] = states[states != TRACKED]
    return worst, _without_gaps(found)


def _without_gaps(states: NDArray[np.int8]) -> NDArray[np.int8]:
    """Carry states over columns between two frames of a slow source: up to a second."""
    longest = round(COLUMNS / SPAN_S)
    known = np.flatnonzero(states != ABSENT)
    for before, after in pairwise(known.tolist()):
        if 1 < after - before <= longest:
            states[before + 1 : after] = states[before]
    return states


def curves(worst: FloatArray, states: NDArray[np.int8], plot: QRectF, top_mm: float) -> list[QPolygonF]:
    """Lines through the columns that have a residual, broken where the head was not tracked or nothing is known."""
    known = np.flatnonzero(np.isfinite(worst))
    if not len(known):
        return []
    x = plot.left() + (known + 0.5) * (plot.width() / COLUMNS)
    y = plot.bottom() - np.minimum(worst[known] / top_mm, 1.0) * plot.height()
    points = [QPointF(*point) for point in zip(x.tolist(), y.tolist(), strict=True)]
    breaks = np.cumsum(states != TRACKED)[known]
    cuts = [0, *(np.flatnonzero(np.diff(breaks)) + 1).tolist(), len(points)]
    return [QPolygonF(points[start:end]) for start, end in pairwise(cuts)]


def axis(largest_mm: float) -> tuple[float, float]:
    """Top of an axis from 0 that holds a value, and the step of its tidy ticks: 1, 2 or 5 times a power of ten."""
    top = max(largest_mm * 1.05, LEAST_TOP_MM)
    power = 10.0 ** floor(log10(top / 2))
    tick = next(step * power for step in (1, 2, 5, 10) if top / (step * power) <= 4)
    return tick * -(-top // tick), tick
