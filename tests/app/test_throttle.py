"""Things asked for often are done seldom, but never left undone."""

from __future__ import annotations

from PyQt5.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.panels.throttle import Throttle


def owner(qtbot: QtBot) -> QWidget:
    widget = QWidget()
    qtbot.addWidget(widget)
    widget.show()
    return widget


def test_the_first_comes_at_once_and_the_rest_together_at_the_end(qtbot: QtBot) -> None:
    widget, state, seen = owner(qtbot), [0], []
    throttle = Throttle(widget, lambda: seen.append(state[0]), 50)
    for value in range(1, 30):
        state[0] = value
        throttle.ask()
    assert seen == [1]
    qtbot.waitUntil(lambda: len(seen) == 2)
    assert seen == [1, 29]
    qtbot.wait(80)
    assert seen == [1, 29]


def test_hiding_the_owner_does_what_is_pending_and_stops_the_timer(qtbot: QtBot) -> None:
    widget, seen = owner(qtbot), []
    throttle = Throttle(widget, lambda: seen.append(1), 60_000)
    throttle.ask()
    throttle.ask()
    widget.hide()
    assert seen == [1, 1]
    assert not throttle._timer.isActive()
