"""Menus in step with the panels, and keys: to the focused control where it uses them, else to the shortcuts."""

from __future__ import annotations

import pytest
from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import QAction, QApplication, QLineEdit, QMenu

from app.session import Request
from app.view3d.options import Layer, MeshStyle
from dphm_core.errors import SourceError


def nothing(request: Request):
    raise SourceError("nothing is here")


@pytest.fixture
def window(make_window):
    """Return a window in which nothing is open, with its panels in sight."""
    window = make_window(nothing)
    QApplication.setActiveWindow(window)
    window.pages.setCurrentIndex(1)
    window.playback.set_length(75, 30.0)
    return window


def entries(window, title: str) -> dict[str, QAction]:
    menu = next(menu for menu in window.menuBar().findChildren(QMenu) if menu.title() == title)
    menu.aboutToShow.emit()
    return {action.text(): action for action in menu.actions() if action.text()}


def heard(window, text: str) -> list[bool]:
    """Collect how often a menu's entry is triggered."""
    told: list[bool] = []
    (action,) = (action for action in window.findChildren(QAction) if action.text() == text)
    action.triggered.connect(told.append)
    return told


def test_the_view_has_the_focus_where_a_source_comes(window) -> None:
    assert window.view.widget.hasFocus()


def test_a_click_on_a_button_leaves_space_to_playing(window, qtbot) -> None:
    played = heard(window, "Play / pause")
    options, panel = window.options, window.tracking
    buttons = (options.follow, options.camera_view, options.styles[MeshStyle.WIREFRAME], window.playback.loop)
    for number, button in enumerate(buttons, start=1):
        qtbot.mouseClick(button, Qt.LeftButton)
        qtbot.keyClick(QApplication.focusWidget(), Qt.Key_Space)
        assert len(played) == number
    buttons = (panel.toggle, panel.find_again, panel.load, panel.model, window.record_bar.button)
    assert not any(widget.focusPolicy() & Qt.ClickFocus & ~Qt.TabFocus for widget in buttons)


def test_a_focused_button_is_pressed_by_space(window, qtbot) -> None:
    played, stepped = heard(window, "Play / pause"), heard(window, "Next frame")
    window.docks[2].raise_()
    window.options.follow.setFocus(Qt.TabFocusReason)
    on = window.options.follow.isChecked()
    qtbot.keyClick(window.options.follow, Qt.Key_Space)
    assert window.options.follow.isChecked() != on
    assert played == []
    qtbot.keyClick(window.options.follow, Qt.Key_Right)  # which it has no use for
    assert len(stepped) == 1


def test_sliders_and_boxes_keep_the_keys_they_use(window, qtbot) -> None:
    told = [heard(window, text) for text in ("Play / pause", "Next frame", "First frame", "Last frame", "Shaded mesh")]
    slider, speeds, frame = window.tracking.sliders.smoothness.slider, window.playback.speeds, window.playback.frame
    slider.setFocus()
    before = slider.value()
    qtbot.keyClick(slider, Qt.Key_Right)
    assert slider.value() == before + 1
    qtbot.keyClick(slider, Qt.Key_Home)
    assert slider.value() == slider.minimum()
    speeds.setFocus()
    qtbot.keyClick(speeds, Qt.Key_End)
    assert speeds.currentText() == "Fastest"
    frame.setFocus()
    frame.selectAll()
    qtbot.keyClicks(frame, "51")
    qtbot.keyClick(frame, Qt.Key_Home)
    qtbot.keyClick(frame, Qt.Key_Right)
    assert frame.text() == "51"
    assert told == [[]] * 5
    qtbot.keyClick(frame, Qt.Key_Return)
    window.playback.slider.setFocus()
    qtbot.keyClick(window.playback.slider, Qt.Key_Right)
    assert len(told[1]) == 1


def test_what_is_written_stays_where_it_is_written(window, qtbot) -> None:
    told = [heard(window, text) for text in ("Play / pause", "Points", "Reset view")]
    line = QLineEdit(window.studio)
    line.show()
    line.setFocus()
    qtbot.keyClicks(line, "per 1")
    assert (line.text(), told) == ("per 1", [[]] * 3)


def test_the_view_menu_has_the_ticks_of_the_panel(window) -> None:
    options, menu = window.options, entries(window, "&View")
    for layer, box in options.layers.items():
        assert menu[box.text()].isChecked() == box.isChecked(), layer
    for style in MeshStyle:
        menu[f"{options.styles[style].text()} mesh"].trigger()
        assert options.styles[style].isChecked()
        assert [other for other in MeshStyle if menu[f"{options.styles[other].text()} mesh"].isChecked()] == [style]
        menu[f"{options.styles[style].text()} mesh"].trigger()  # once more: it stays chosen
        assert menu[f"{options.styles[style].text()} mesh"].isChecked()
    options.layers[Layer.AXES].click()
    assert menu["Head axes"].isChecked() == options.layers[Layer.AXES].isChecked()
    menu["Follow the head"].trigger()
    assert options.follow.isChecked() and menu["Follow the head"].isChecked()


def test_over_the_picture_there_is_nothing_to_aim(window, qtbot) -> None:
    menu = entries(window, "&View")
    menu["Head over the picture"].trigger()
    assert window.options.through_camera.isChecked()
    followed = window.options.follow.isChecked()
    menu["Follow the head"].trigger()  # by its key: nothing happens, and the tick says so
    assert menu["Follow the head"].isChecked() == window.options.follow.isChecked() == followed
    menu = entries(window, "&View")
    off = ("Reset view", "View from the camera", "Points", "Camera outline", "Follow the head")
    assert not any(menu[text].isEnabled() for text in off)
    assert menu["Head mesh"].isEnabled()
    menu["Head over the picture"].trigger()
    entries(window, "&View")
    assert all(menu[text].isEnabled() for text in off)


def test_tracking_entries_are_there_where_the_buttons_are(window) -> None:
    panel, menu = window.tracking, entries(window, "&Tracking")
    assert not any(action.isEnabled() for action in menu.values())
    next(menu for menu in window.menuBar().findChildren(QMenu) if menu.title() == "&Tracking").aboutToHide.emit()
    told: list[int] = []
    panel.calibrate_requested.connect(lambda: told.append(1))
    menu["Calibrate again"].trigger()
    assert told == []
    panel.set_missing(None)
    menu["Calibrate again"].trigger()
    assert told == [1]
    assert entries(window, "&Tracking")["Load subject…"].isEnabled()
    assert not menu["Save subject…"].isEnabled()
