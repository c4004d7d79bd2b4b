"""Menus and keyboard shortcuts of the window; Help lists the latter from the menus themselves."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PyQt5.QtGui import QKeySequence
from PyQt5.QtWidgets import QAction, QDialog, QDialogButtonBox, QGridLayout, QLabel, QMenu, QMessageBox, QVBoxLayout

from app.panels.view_options import LAYERS, STYLES
from app.source_choices import ask_for_file, ask_for_folder
from app.theme import THEMES
from app.view3d.options import Layer, MeshStyle
from dphm_core import __version__

if TYPE_CHECKING:
    from app.window import MainWindow

STYLE_KEYS = {MeshStyle.SHADED: "1", MeshStyle.WIREFRAME: "2", MeshStyle.TRANSLUCENT: "3", MeshStyle.RESIDUAL: "4"}
LAYER_KEYS = {Layer.POINTS: "P", Layer.MESH: "M", Layer.LANDMARKS: "L", Layer.AXES: "A", Layer.FRUSTUM: "U"}
LAST = 1 << 30
"""A frame beyond any recording's end."""


def add_actions(window: MainWindow) -> None:
    """Fill the menu bar."""
    _add_source_menu(window)
    _add_view_menu(window)
    _add_playback_menu(window)
    _add_tracking_menu(window)
    _add_window_menu(window)
    _add_help_menu(window)


def _add(menu: QMenu, text: str, do: Callable[[], object], keys: str = "") -> QAction:
    action = menu.addAction(text)
    if keys:
        action.setShortcut(QKeySequence(keys))
    action.triggered.connect(lambda _checked: do())
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
    _add(menu, "Record / stop recording", window.recorder.toggle, "Ctrl+R")
    _add(menu, "Folder for recordings…", window.recorder.choose_folder)
    menu.addSeparator()
    _add(menu, "Export…", window.exporter.show, "Ctrl+E")
    menu.addSeparator()
    _add(menu, "Quit", window.close, "Ctrl+Q")


def _add_view_menu(window: MainWindow) -> None:
    menu = window.menuBar().addMenu("&View")
    _add(menu, "Reset view", window.view.reset, "R")
    _add(menu, "View from the camera", window.view.look_from_camera, "C")
    _add(menu, "Through the camera", window.options.through_camera.toggle, "T")
    menu.addSeparator()
    for style, key in STYLE_KEYS.items():
        _add(menu, f"{STYLES[style][0]} mesh", partial(window.options.set_style, style), key)
    menu.addSeparator()
    for layer, key in LAYER_KEYS.items():
        _add(menu, LAYERS[layer][0], window.options.layers[layer].toggle, key)
    _add(menu, "Follow the head", window.options.follow.toggle, "F")


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
    _add(menu, "Start / stop tracking", window.tracker.toggle, "Ctrl+Space")
    _add(menu, "Find the head again", panel.find_again_requested.emit, "Ctrl+F")
    _add(menu, "Calibrate again", panel.calibrate_requested.emit, "Ctrl+K")
    menu.addSeparator()
    _add(menu, "Load subject…", panel.load_subject_requested.emit)
    _add(menu, "Save subject…", panel.save_subject_requested.emit)


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
