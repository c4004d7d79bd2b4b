"""The switches of the 3-D view: what they emit, by hand and when set."""

from __future__ import annotations

import pytest
from PyQt5.QtCore import Qt
from PyQt5.QtGui import QColor
from PyQt5.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.panels.view_options import ViewOptions
from app.theme import THEMES, apply_theme
from app.view3d.options import DEFAULT_STYLE, Layer, MeshStyle


@pytest.fixture
def options(qtbot: QtBot) -> ViewOptions:
    widget = ViewOptions()
    qtbot.addWidget(widget)
    widget.show()
    return widget


@pytest.mark.parametrize("style", [style for style in MeshStyle if style is not DEFAULT_STYLE])
def test_one_style_at_a_time(options: ViewOptions, qtbot: QtBot, style: MeshStyle) -> None:
    with qtbot.waitSignal(options.style_changed) as told:
        qtbot.mouseClick(options.styles[style], Qt.LeftButton)
    assert told.args == [style]
    assert [other for other, button in options.styles.items() if button.isChecked()] == [style]
    with qtbot.waitSignal(options.style_changed) as told:
        options.set_style(DEFAULT_STYLE)
    assert told.args == [DEFAULT_STYLE]


@pytest.mark.parametrize("layer", list(Layer))
def test_layers_are_switched_one_by_one(options: ViewOptions, qtbot: QtBot, layer: Layer) -> None:
    on = options.layers[layer].isChecked()
    for wanted in (not on, on):
        with qtbot.waitSignal(options.layer_toggled) as told:
            options.set_layer(layer, wanted)
        assert told.args == [layer, wanted]
    assert options.layers[Layer.POINTS].isChecked()
    assert options.layers[Layer.MESH].isChecked()


def test_the_view_is_aimed_followed_and_looked_through(options: ViewOptions, qtbot: QtBot) -> None:
    with qtbot.waitSignal(options.reset_requested):
        qtbot.mouseClick(options.reset, Qt.LeftButton)
    with qtbot.waitSignal(options.camera_view_requested):
        qtbot.mouseClick(options.camera_view, Qt.LeftButton)
    with qtbot.waitSignal(options.follow_toggled) as told:
        qtbot.mouseClick(options.follow, Qt.LeftButton)
    assert told.args == [True]
    with qtbot.waitSignal(options.through_camera_toggled) as told:
        options.set_through_camera(True)
    assert told.args == [True]
    assert not options.reset.isEnabled()
    assert not options.layers[Layer.POINTS].isEnabled() and options.layers[Layer.POINTS].isChecked()
    assert options.layers[Layer.MESH].isEnabled()
    qtbot.mouseClick(options.through_camera, Qt.LeftButton)
    assert options.reset.isEnabled() and options.layers[Layer.POINTS].isEnabled()


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
def test_an_empty_box_can_be_seen(options: ViewOptions, theme) -> None:
    apply_theme(QApplication.instance(), theme)
    box = options.layers[Layer.AXES]
    picture = box.grab().toImage()
    middle = picture.height() // 2
    found = {picture.pixelColor(x, middle).name() for x in range(picture.height())}
    assert QColor(theme.faint).name() in found  # its outline


@pytest.mark.parametrize("turn", ["before it", "after it"])
def test_a_theme_is_of_one_test_only(qapp: QApplication, turn: str) -> None:
    """What the first turn puts on, the second does not find."""
    assert qapp.styleSheet() == ""
    assert qapp.palette().window().color().name() not in {theme.window for theme in THEMES.values()}
    apply_theme(qapp, next(iter(THEMES.values())))
    assert qapp.styleSheet() != ""
