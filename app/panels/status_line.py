"""The line under the view: state and reason, confidence, residual, frame rates."""

from __future__ import annotations

import math

from PyQt5.QtWidgets import QHBoxLayout, QLabel, QWidget

from app.theme import STATUS_COLORS
from dphm_core.frames import TrackedFrame
from dphm_core.pipeline import PipelineStatus


class StatusLine(QWidget):
    """How tracking goes, in one line. Lives on the GUI thread."""

    def __init__(self) -> None:
        super().__init__()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(10, 2, 10, 6)
        self.state, self.figures = QLabel(), QLabel()
        layout.addWidget(self.state)
        layout.addStretch()
        layout.addWidget(self.figures)

    def show_message(self, text: str) -> None:
        """Show plain text instead of figures."""
        self.state.setText(text)
        self.figures.clear()

    def show_status(self, tracked: TrackedFrame, status: PipelineStatus, view_fps: float) -> None:
        """Show the newest frame's state and the rates."""
        color = STATUS_COLORS[tracked.status]
        self.state.setText(f'<b style="color:{color}">{tracked.status.value.capitalize()}</b> – {tracked.reason}')
        self.figures.setText(figures(tracked, status, view_fps))


def figures(tracked: TrackedFrame, status: PipelineStatus, view_fps: float) -> str:
    """Confidence, residual and rates as text."""
    residual = "–" if math.isnan(tracked.residual_mm) else f"{tracked.residual_mm:.2f} mm"
    rates = f"source {status.source_fps:.0f} · tracker {status.tracker_fps:.0f} · view {view_fps:.0f} frames/s"
    return f"confidence {tracked.confidence:.0%}   residual {residual}   {rates}   {status.frames_dropped} dropped"
