"""A slider with its number, and its way back to the usual value."""

from __future__ import annotations

import pytest
from PyQt5.QtCore import QPoint, QPointF, Qt
from PyQt5.QtGui import QWheelEvent
from PyQt5.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.panels.number_slider import NumberSlider, Scale


@pytest.fixture
def slider(qtbot: QtBot) -> NumberSlider:
    widget = NumberSlider("Smoothness", Scale(0, 3, 0.1, 1.0, "{:.1f}"), "How much is smoothed.")
    qtbot.addWidget(widget)
    widget.show()
    return widget


def turn_wheel(slider: NumberSlider) -> None:
    middle = QPointF(slider.slider.rect().center())
    up = QPoint(0, 120)
    turn = QWheelEvent(middle, middle, up, up, Qt.NoButton, Qt.NoModifier, Qt.NoScrollPhase, False)
    QApplication.sendEvent(slider.slider, turn)


def test_it_starts_at_the_usual_value_and_tells_what_the_user_sets(slider: NumberSlider, qtbot: QtBot) -> None:
    assert (slider.value, slider.number.text()) == (1.0, "1.0")
    with qtbot.waitSignal(slider.changed) as told:
        qtbot.keyClick(slider.slider, Qt.Key_Right)
    assert told.args == [pytest.approx(1.1)]
    assert slider.number.text() == "1.1"


def test_what_it_is_told_is_shown_without_a_signal_and_within_reach(slider: NumberSlider, qtbot: QtBot) -> None:
    with qtbot.assertNotEmitted(slider.changed):
        slider.set_value(7.0)
    assert slider.number.text() == "3.0"


@pytest.mark.parametrize("where", ["slider", "number"])
def test_a_double_click_brings_the_usual_value_back(slider: NumberSlider, qtbot: QtBot, where: str) -> None:
    slider.set_value(2.5)
    with qtbot.waitSignal(slider.changed) as told:
        qtbot.mouseDClick(getattr(slider, where), Qt.LeftButton)
    assert told.args == [pytest.approx(1.0)]


def test_scrolling_past_it_changes_nothing(slider: NumberSlider) -> None:
    slider.slider.clearFocus()
    turn_wheel(slider)
    assert slider.value == 1.0
    slider.activateWindow()
    slider.slider.setFocus()
    if slider.slider.hasFocus():  # not so where no window manager gives it
        turn_wheel(slider)
        assert slider.value > 1.0


def test_large_numbers_are_written_in_groups() -> None:
    assert Scale(200, 5000, 100, 1500, "{:,.0f}").text(1500) == "1\u2009500"
