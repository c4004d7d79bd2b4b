"""The panels beside the view: each has a name, and once only."""

from __future__ import annotations

import pytest
from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import QDockWidget, QLabel, QMainWindow, QWidget
from pytestqt.qtbot import QtBot

from app.docks import add_docks


@pytest.fixture
def studio(qtbot: QtBot) -> QMainWindow:
    window = QMainWindow()
    window.setCentralWidget(QLabel("view"))
    qtbot.addWidget(window)
    add_docks(window, QLabel("picture"), {name: QLabel(name) for name in ("Tracking", "View", "Residual")})
    with qtbot.waitExposed(window):
        window.show()
    return window


def titled(studio: QMainWindow) -> set[str]:
    return {dock.objectName() for dock in studio.findChildren(QDockWidget) if dock.titleBarWidget() is None}


def test_tabs_have_no_title_besides(studio: QMainWindow) -> None:
    assert titled(studio) == {"picture"}


def test_a_panel_without_a_tab_has_a_title_to_drag_it_by(studio: QMainWindow, qtbot: QtBot) -> None:
    docks = {dock.objectName(): dock for dock in studio.findChildren(QDockWidget)}
    docks["residual"].setFloating(True)
    qtbot.waitUntil(lambda: titled(studio) == {"picture", "residual"})
    docks["residual"].setFloating(False)
    qtbot.waitUntil(lambda: titled(studio) == {"picture"})
    studio.addDockWidget(Qt.LeftDockWidgetArea, docks["residual"])
    docks["view"].hide()
    qtbot.waitUntil(lambda: titled(studio) >= {"picture", "residual", "tracking"})
    docks["view"].show()
    qtbot.waitUntil(lambda: titled(studio) == {"picture", "residual"})


def test_a_title_that_comes_and_goes_leaves_nothing_behind(studio: QMainWindow, qtbot: QtBot) -> None:
    dock = studio.findChild(QDockWidget, "residual")

    def parts() -> int:
        return len(dock.findChildren(QWidget, options=Qt.FindDirectChildrenOnly))

    before = parts()
    for floating in (True, False) * 3:
        dock.setFloating(floating)
        qtbot.waitUntil(lambda floating=floating: ("residual" in titled(studio)) == floating)
    qtbot.waitUntil(lambda: parts() == before, timeout=2000)
