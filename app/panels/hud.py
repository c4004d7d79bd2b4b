"""The line under the view: state, advice or reason, then rates, latency, residual, confidence and lost frames."""

from __future__ import annotations

import math

from PyQt5.QtCore import QSize, Qt
from PyQt5.QtGui import QPainter, QPaintEvent, QPalette, QResizeEvent
from PyQt5.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from dphm_core.frames import TrackedFrame, TrackStatus
from dphm_core.pipeline import PipelineState, PipelineStatus

from ..late_tracker import came_while_loading
from .state_badge import StateBadge
from .throttle import Throttle

UNKNOWN = "–"
WRITE_EVERY_MS = 100
"""Figures that change faster cannot be read."""
EDGE, GAP = 10, 14
"""Pixels at both ends, and between figures."""
LEAST_TEXT = 120
"""Pixels kept for the reason before figures give way to it."""
ADVICE_SIGN = "⚠"


class Hud(QWidget):
    """How tracking goes, in one line. Lives on the GUI thread.

    In a narrow window the reason is cut short first, then figures are left out, those of least weight first. Advice to
    the person before the camera takes the reason's place and is not cut short: figures give way to it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.state, self.text = StateBadge(), ElidedText()
        self.source = Figure("Source", "999 fps", "Frames per second that the camera or the recording delivers.")
        self.tracker = Figure("Tracker", "999 fps", "Frames per second that the tracker finishes.")
        self.view = Figure("View", "999 fps", "Frames per second that are drawn here.")
        self.latency = Figure("Latency", "9999 ms", "Time from a frame's coming in to its head being drawn.")
        self.residual = Figure("Residual", "99.99 mm", "How far the depth points lie from the head, on average.")
        self.confidence = Figure("Confidence", "100 %", "How sure the tracker is that the head is where it is drawn.")
        self.dropped = Figure(
            "Dropped",
            "9999 + 99",
            "Left out, as the tracker was busy with an earlier frame; behind the +, those the camera lost or spoiled.",
        )
        figures = (
            self.source, self.tracker, self.view, self.latency, self.residual, self.confidence, self.dropped,
        )  # fmt: skip
        self._by_weight = (
            self.residual, self.tracker, self.confidence, self.latency, self.source, self.view, self.dropped,
        )  # fmt: skip
        layout = QHBoxLayout(self)
        layout.setContentsMargins(EDGE, 3, EDGE, 3)
        layout.setSpacing(GAP)
        layout.addWidget(self.state)
        layout.addWidget(self.text, stretch=1)
        for figure in figures:
            layout.addWidget(figure)
        self._newest: tuple[TrackedFrame, PipelineStatus, float, float | None] | None = None
        self._kept = LEAST_TEXT  # pixels for the text
        self._writer = Throttle(self, self._write, WRITE_EVERY_MS)
        self.show_message("")

    def show_message(self, text: str) -> None:
        """Show plain text instead of state and figures."""
        self._newest = None
        self.state.hide()
        self._tell(text)
        for figure in self._by_weight:
            figure.set_text(UNKNOWN)

    def show_status(
        self, tracked: TrackedFrame, status: PipelineStatus, view_fps: float, latency_ms: float | None
    ) -> None:
        """Show the newest frame's state and how fast all goes; None where the latency is not known."""
        self._newest = tracked, status, view_fps, latency_ms
        self._writer.ask()

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Room for the state and a little text: figures give way."""
        return QSize(self.state.sizeHint().width() + LEAST_TEXT, self.state.sizeHint().height() + 6)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Leave out the figures that do not fit."""
        super().resizeEvent(event)
        self._make_room()

    def _tell(self, text: str, advice: str = "", whole: bool = False) -> None:
        """Write advice, or the text where there is none; what is told `whole` is not cut short, and advice never is.

        For those the room only grows, or figures would flicker.
        """
        self.text.set_text(f"{ADVICE_SIGN} {advice}" if advice else text)
        kept = max(self._kept, self.text.sizeHint().width()) if advice or whole else LEAST_TEXT
        if kept != self._kept:
            self._kept = kept
            self._make_room()

    def _make_room(self) -> None:
        room = self.width() - 2 * EDGE - self.state.sizeHint().width() - GAP - self._kept
        for figure in self._by_weight:
            room -= figure.sizeHint().width() + GAP
            figure.setVisible(room >= 0)

    def _write(self) -> None:
        if self._newest is None:
            return
        tracked, status, view_fps, latency_ms = self._newest
        waits, loads = status.waiting is not None, came_while_loading(tracked)
        state = "Loading" if loads else tracked.status
        self.state.show_state("Waiting" if waits else state if status.tracking else "Off")
        self.state.show()
        if waits:
            self._tell("The camera sends nothing.")
        elif not status.tracking:
            self._tell("Tracking is stopped.")
        else:
            rests = status.state is PipelineState.PAUSED and tracked.status is TrackStatus.CALIBRATING
            text = f"{tracked.reason} – paused" if rests else tracked.reason
            self._tell(text, tracked.observation.advice, whole=loads)  # there are no figures yet
        # Figures of what went on before are none of what stands still.
        plays = status.state is PipelineState.PLAYING and not waits
        rates = (self.source, status.source_fps), (self.tracker, status.tracker_fps), (self.view, view_fps)
        for figure, fps in rates:
            figure.set_text(fps_text(fps if plays else 0.0))
        self.latency.set_text(f"{latency_ms:.0f} ms" if plays and latency_ms is not None else UNKNOWN)
        self.residual.set_text(UNKNOWN if math.isnan(tracked.residual_mm) else f"{tracked.residual_mm:.2f} mm")
        self.confidence.set_text(UNKNOWN if loads else f"{tracked.confidence:.0%}".replace("%", " %"))
        missed = f" + {status.frames_missed}" if status.frames_missed else ""
        self.dropped.set_text(f"{status.frames_dropped}{missed}")


class Figure(QWidget):
    """A faint name and a number of fixed width. Lives on the GUI thread.

    Parameters
    ----------
    name
        What the number is of.
    widest
        A text as wide as any that will be shown.
    tip
        What it means, in a sentence.
    """

    def __init__(self, name: str, widest: str, tip: str) -> None:
        super().__init__()
        self.name, self._widest, self._text = name, widest, UNKNOWN
        self.setToolTip(tip)
        self.setSizePolicy(QSizePolicy.Fixed, QSizePolicy.Preferred)

    def text(self) -> str:
        """The number as it is written."""
        return self._text

    def set_text(self, text: str) -> None:
        """Write a number."""
        if text != self._text:
            self._text = text
            self.setAccessibleName(f"{self.name}: {text}")
            self.update()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Room for the widest number."""
        metrics = self.fontMetrics()
        return QSize(metrics.horizontalAdvance(f"{self.name} {self._widest}") + 2, metrics.height())

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Draw the name and the number."""
        painter = QPainter(self)
        painter.setPen(self.palette().color(QPalette.PlaceholderText))
        painter.drawText(self.rect(), Qt.AlignLeft | Qt.AlignVCenter, self.name)
        painter.setPen(self.palette().color(QPalette.WindowText))
        number = self.rect().adjusted(self.fontMetrics().horizontalAdvance(f"{self.name} "), 0, 0, 0)
        painter.drawText(number, Qt.AlignLeft | Qt.AlignVCenter, self._text)


class ElidedText(QWidget):
    """A line that ends in … where there is no room; the tip tells all of it. Lives on the GUI thread."""

    def __init__(self) -> None:
        super().__init__()
        self._text = ""
        self.setSizePolicy(QSizePolicy.Expanding, QSizePolicy.Preferred)

    def text(self) -> str:
        """All of the text."""
        return self._text

    def set_text(self, text: str) -> None:
        """Show a text."""
        if text != self._text:
            self._text = text
            self.setToolTip(text)
            self.setAccessibleName(text)
            self.update()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """As long as the text."""
        return QSize(self.fontMetrics().horizontalAdvance(self._text), self.fontMetrics().height())

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Nothing but the height."""
        return QSize(0, self.fontMetrics().height())

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Draw as much as there is room for."""
        painter = QPainter(self)
        painter.setPen(self.palette().color(QPalette.WindowText))
        fitting = self.fontMetrics().elidedText(self._text, Qt.ElideRight, self.width())
        painter.drawText(self.rect(), Qt.AlignLeft | Qt.AlignVCenter, fitting)


def fps_text(fps: float) -> str:
    """Frames per second; none while nothing runs."""
    return f"{fps:.0f} fps" if fps > 0 else UNKNOWN
