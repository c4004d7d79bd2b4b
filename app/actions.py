"""Menus and keyboard shortcuts of the window; Help lists the latter from the menus themselves."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PyQt5.QtGui import QKeySequence
from PyQt5.QtWidgets import (
    QAbstractButton,
    QAction,
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QLabel,
    QMenu,
    QMessageBox,
    QVBoxLayout,
)

from dphm_core import __version__

from .controls.video_control import VIEWS
from .key_guard import KeyGuard
from .source_choices import ask_for_file, ask_for_folder
from .theme import THEMES
from .view3d.options import Layer, MeshStyle

if TYPE_CHECKING:
    from .window import MainWindow

STYLE_KEYS = {MeshStyle.SHADED: "1", MeshStyle.WIREFRAME: "2", MeshStyle.TRANSLUCENT: "3", MeshStyle.RESIDUAL: "4"}
LAYER_KEYS = {Layer.POINTS: "P", Layer.MESH: "M", Layer.LANDMARKS: "L", Layer.AXES: "A", Layer.FRUSTUM: "U"}
LAST = 1 << 30
"""A frame beyond any recording's end."""


def add_actions(window: MainWindow) -> None:
    """Fill the menu bar, and have keys go where they belong."""
    _add_source_menu(window)
    _add_view_menu(window)
    _add_playback_menu(window)
    _add_tracking_menu(window)
    _add_window_menu(window)
    _add_help_menu(window)
    KeyGuard(window, *window.docks)
    window.pages.currentChanged.connect(lambda _page: _leave_keys_to_shortcuts(window))


def _leave_keys_to_shortcuts(window: MainWindow) -> None:
    """Where a source comes the view has the focus; Qt gives it to the first button, which Space would press."""
    if window.pages.currentWidget() is window.studio:
        window.view.widget.setFocus()


def _add(menu: QMenu, text: str, do: Callable[[], object], keys: str = "") -> QAction:
    action = menu.addAction(text)
    if keys:
        action.setShortcut(QKeySequence(keys))
    action.triggered.connect(lambda _checked: do())
    return action


def _mirror(menu: QMenu, text: str, button: QAbstractButton, keys: str = "") -> QAction:
    """Add an entry that presses a button, has its tick, and can be chosen where the button can be pressed."""
    action = _add(menu, text, button.click, keys)
    if button.isCheckable():
        action.setCheckable(True)
        action.setChecked(button.isChecked())
        button.toggled.connect(action.setChecked)
        action.triggered.connect(lambda _checked: action.setChecked(button.isChecked()))  # one disabled did not change
    menu.aboutToShow.connect(lambda: action.setEnabled(button.isEnabled()))
    menu.aboutToHide.connect(lambda: action.setEnabled(True))  # else its key would not be heard when it should be
    return action


def _add_source_menu(window: MainWindow) -> None:
    menu = window.menuBar().addMenu("&Source")
    sources = window.sources
    _add(menu, "Open recording folder…", partial(sources.ask, ask_for_folder), "Ctrl+O")
    _add(menu, "Open recording file…", partial(sources.ask, ask_for_file), "Ctrl+Shift+O")
    if window.places.demo.is_dir():
        _add(menu, "Open the demo recording", partial(sources.open, str(window.places.demo)), "Ctrl+D")
    _add(menu, "Simulated camera", partial(sources.open, "simulated"))
    _add(menu, "Close", window.desk.close, "Ctrl+W")
    menu.addSeparator()
    _mirror(menu, "Record / stop recording", window.record_bar.button, "Ctrl+R")
    _add(menu, "Folder for recordings…", window.recorder.choose_folder)
    menu.addSeparator()
    _add(menu, "Export…", window.exporter.show, "Ctrl+E")
    films = menu.addMenu("Make a video")
    for view, text in VIEWS.items():
        _add(films, text, partial(window.films.show, view))
    _add(menu, "Stream…", window.streams.show, "Ctrl+Shift+S")
    menu.addSeparator()
    _add(menu, "Quit", window.close, "Ctrl+Q")


def _add_view_menu(window: MainWindow) -> None:
    menu, options = window.menuBar().addMenu("&View"), window.options
    for button, key in ((options.reset, "R"), (options.camera_view, "C"), (options.through_camera, "T")):
        _mirror(menu, button.text(), button, key)
    menu.addSeparator()
    for style, key in STYLE_KEYS.items():
        _mirror(menu, f"{options.styles[style].text()} mesh", options.styles[style], key)
    menu.addSeparator()
    for layer, key in LAYER_KEYS.items():
        _mirror(menu, options.layers[layer].text(), options.layers[layer], key)
    _mirror(menu, options.follow.text(), options.follow, "F")


def _add_playback_menu(window: MainWindow) -> None:
    menu, player, bar = window.menuBar().addMenu("&Playback"), window.player, window.playback
    _add(menu, "Play / pause", player.toggle, "Space")
    _add(menu, "Next frame", partial(player.step, 1), "Right")
    _add(menu, "Frame before", partial(player.step, -1), "Left")
    _add(menu, "First frame", partial(player.jump, 0), "Home")
    _add(menu, "Last frame", partial(player.jump, LAST), "End")
    menu.addSeparator()
    _add(menu, "Selection begins here", bar.begin_selection, "I")
    _add(menu, "Selection ends here", bar.end_selection, "O")
    _add(menu, "Loop", bar.loop.click, "Ctrl+L")
    menu.addSeparator()
    _add(menu, "Track all frames", player.track_all, "Ctrl+T")


def _add_tracking_menu(window: MainWindow) -> None:
    menu, panel = window.menuBar().addMenu("&Tracking"), window.tracking
    _mirror(menu, "Start / stop tracking", panel.toggle, "Ctrl+Space")
    _mirror(menu, panel.find_again.text(), panel.find_again, "Ctrl+F")
    _mirror(menu, panel.calibrate.text(), panel.calibrate, "Ctrl+K")
    menu.addSeparator()
    _mirror(menu, panel.load.text(), panel.load)
    _mirror(menu, panel.save.text(), panel.save)


def _add_window_menu(window: MainWindow) -> None:
    menu = window.menuBar().addMenu("&Window")
    for dock in window.docks:
        menu.addAction(dock.toggleViewAction())
    menu.addSeparator()
    for theme in THEMES.values():
        _add(menu, f"{theme.name.capitalize()} colours", partial(window.set_theme, theme))
    _add(menu, "Full screen", partial(_toggle_full_screen, window), "F11")


def _toggle_full_screen(window: MainWindow) -> None:
    if window.isFullScreen():
        window.showNormal()
    else:
        window.showFullScreen()


def _add_help_menu(window: MainWindow) -> None:
    menu = window.menuBar().addMenu("&Help")
    _add(menu, "Keyboard shortcuts", partial(show_shortcuts, window), "F1")
    _add(menu, "About DPHM Live", partial(_show_about, window))


def shortcuts(window: MainWindow) -> list[tuple[str, str]]:
    """What each key does: pairs of keys and words, in the menus' order."""
    actions = [action for menu in window.menuBar().findChildren(QMenu) for action in menu.actions()]
    return [
        (action.shortcut().toString(QKeySequence.NativeText), action.text().replace("&", ""))
        for action in actions
        if not action.shortcut().isEmpty()
    ]


def show_shortcuts(window: MainWindow) -> QDialog:
    """Show the keys in a dialog that leaves the window usable."""
    dialog = QDialog(window)
    dialog.setWindowTitle("Keyboard shortcuts")
    grid = QGridLayout()
    pairs = shortcuts(window)
    half = (len(pairs) + 1) // 2
    for number, (keys, text) in enumerate(pairs):
        row, column = number % half, 2 * (number // half)
        grid.addWidget(QLabel(f"<b>{keys}</b>"), row, column)
        grid.addWidget(QLabel(text), row, column + 1)
    grid.setHorizontalSpacing(18)
    column_layout = QVBoxLayout(dialog)
    column_layout.addLayout(grid)
    column_layout.addWidget(QLabel("In the view: drag turns, Shift+drag moves, the wheel zooms."))
    buttons = QDialogButtonBox()
    buttons.addButton("Close", QDialogButtonBox.RejectRole)
    buttons.rejected.connect(dialog.close)
    column_layout.addWidget(buttons)
    dialog.show()
    return dialog


def _show_about(window: MainWindow) -> None:
    QMessageBox.about(
        window, "About DPHM Live",
        f"<b>DPHM Live {__version__}</b><p>Tracks heads in depth images with a neural parametric head model, "
        "after DPHM (Tang et al., CVPR 2024).</p><p>MIT licence. Pictures and tracks stay on this computer.</p>",
    )  # fmt: skip
