"""The plot of the residual: what it keeps, its axis, its gaps."""

from __future__ import annotations

from math import nan

import numpy as np
import pytest
from PyQt5.QtCore import QRectF
from PyQt5.QtGui import QPalette
from pytestqt.qtbot import QtBot

from app.panels.residual_plot import COLUMNS, KEPT, SPAN_S, ResidualPlot, axis, columns, curves
from dphm_core.frames import TrackStatus

AREA = QRectF(0, 0, COLUMNS, 100)


@pytest.fixture
def plot(qtbot: QtBot) -> ResidualPlot:
    widget = ResidualPlot()
    qtbot.addWidget(widget)
    widget.resize(300, 140)
    return widget


def fill(plot: ResidualPlot, start_s: float, seconds: float, status=TrackStatus.TRACKING, fps: float = 30.0) -> None:
    for frame in range(round(seconds * fps)):
        plot.add(start_s + frame / fps, 1.0 if status is TrackStatus.TRACKING else nan, status)


def test_it_keeps_the_last_seconds_also_beyond_its_ring(plot: ResidualPlot) -> None:
    for frame in range(2 * KEPT):
        plot.add(frame / 30, frame, TrackStatus.TRACKING)
    times, residuals, _ = plot.series()
    assert times[-1] == (2 * KEPT - 1) / 30
    assert times[-1] - times[0] == pytest.approx(SPAN_S, abs=1 / 30)
    assert np.all(np.diff(residuals) == 1)


def test_going_back_in_time_starts_anew(plot: ResidualPlot) -> None:
    fill(plot, 10, 5)
    plot.add(3.0, 2.0, TrackStatus.TRACKING)
    assert plot.series()[0].tolist() == [3.0]


def test_a_frame_shown_again_is_there_once(plot: ResidualPlot) -> None:
    plot.add(3.0, 2.0, TrackStatus.TRACKING)
    plot.add(3.0, 2.5, TrackStatus.TRACKING)
    assert plot.series()[1].tolist() == [2.5]


def test_clear_forgets(plot: ResidualPlot) -> None:
    fill(plot, 0, 1)
    plot.clear()
    assert not len(plot.series()[0])
    assert not plot.grab().isNull()


@pytest.mark.parametrize(
    ("largest", "top", "tick"), [(0.0, 2.0, 1.0), (1.0, 2.0, 1.0), (2.3, 3.0, 1.0), (7.5, 8.0, 2.0), (240, 300, 100)]
)
def test_the_axis_has_a_few_tidy_ticks(largest: float, top: float, tick: float) -> None:
    assert axis(largest) == (pytest.approx(top), pytest.approx(tick))


def test_the_worst_frame_of_a_column_is_seen(plot: ResidualPlot) -> None:
    fill(plot, 0, 5, fps=200)
    plot.add(5.0, 9.0, TrackStatus.TRACKING)
    fill(plot, 5.005, 5, fps=200)
    assert np.nanmax(columns(*plot.series())[0]) == 9.0


def test_a_slow_steady_source_is_one_curve(plot: ResidualPlot) -> None:
    fill(plot, 100, 20, fps=5)
    assert len(curves(*columns(*plot.series()), AREA, 2.0)) == 1


def test_the_curve_has_gaps_where_the_head_was_lost_even_for_a_moment(plot: ResidualPlot) -> None:
    fill(plot, 0, 5)
    plot.add(5.0, nan, TrackStatus.LOST)
    fill(plot, 5 + 1 / 30, 5)
    fill(plot, 10 + 1 / 30, 2, TrackStatus.LOST)
    fill(plot, 12 + 1 / 30, 3)
    lines = [line for line in curves(*columns(*plot.series()), AREA, 2.0) if line.count() > 1]
    assert len(lines) == 3
    assert lines[1][lines[1].count() - 1].x() < lines[2][0].x() - 15


def test_what_was_not_tracked_is_shaded_and_the_rest_is_not(plot: ResidualPlot) -> None:
    fill(plot, 0, 10, TrackStatus.LOST)
    fill(plot, 10, 10)
    image, base = plot.grab().toImage(), plot.palette().color(QPalette.Base)
    y = image.height() // 2 - 12
    shaded = image.pixelColor(image.width() // 3, y)
    assert shaded.red() > shaded.blue() + 20  # vermilion
    assert image.pixelColor(image.width() * 3 // 4, y) == base


def test_a_frame_without_a_number_while_tracking_is_no_error(plot: ResidualPlot) -> None:
    plot.add(0.0, nan, TrackStatus.TRACKING)
    assert not plot.grab().isNull()
