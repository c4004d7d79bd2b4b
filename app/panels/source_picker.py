"""The toolbar's button that says what is open, with a menu of what else could be."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from PyQt5.QtCore import Qt, pyqtSignal
from PyQt5.QtWidgets import QAction, QMenu, QToolButton, QWidget

from dphm_core.sources import KINECT, scheme_of

from ..recent import path_of
from ..source_choices import Choice, SourceChoices, ask_for_file, ask_for_folder

NOTHING = "Open"
MAX_WIDTH_EM = 24
"""A longer name is cut in the middle, in widths of an "m"."""
MENU_WIDTH_EM = 36


class SourcePicker(QToolButton):
    """Shows the source's name and lets another one be chosen. Lives on the GUI thread.

    Parameters
    ----------
    demo
        Folder of the demo recording, offered where it exists.
    choices
        What can be opened, where another panel shows it, too.
    """

    chosen = pyqtSignal(str)
    """Path or name of a source."""
    close_requested = pyqtSignal()
    """The source shall be closed."""
    settings_requested = pyqtSignal(str)
    """This camera shall be set."""

    def __init__(self, demo: Path, choices: SourceChoices | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.choices = choices or SourceChoices(demo, self)
        self._current = self._uri = ""
        self.setPopupMode(QToolButton.InstantPopup)
        self.setToolButtonStyle(Qt.ToolButtonTextOnly)
        self.setFocusPolicy(Qt.TabFocus)
        self.setMenu(QMenu(self))
        self.menu().setToolTipsVisible(True)
        self.menu().aboutToShow.connect(self._fill)
        self.set_current("")

    def set_current(self, name: str, uri: str = "") -> None:
        """Show what is open; nothing where the name is empty."""
        self._current, self._uri = name, uri
        width = MAX_WIDTH_EM * self.fontMetrics().horizontalAdvance("m")
        self.setText(self.fontMetrics().elidedText(name, Qt.ElideMiddle, width) or NOTHING)
        self.setToolTip(f"{name}\nClick to open something else." if name else "Open a camera or a recording.")

    def _fill(self) -> None:
        """Make the menu anew from what there is now; it stays as it is while it is open."""
        menu = self.menu()
        menu.clear()
        self._add_heading("Cameras")
        self._add_choices(self.choices.cameras)
        if not self.choices.cameras:
            hint = self._add(self.choices.camera_hint.partition(". ")[0].rstrip("."), None)
            hint.setToolTip(self.choices.camera_hint)
        if self.choices.demo is not None:
            self._add("Simulated camera", lambda: self.chosen.emit("simulated"))
        camera = self._settable
        entry = self._add("Camera settings…", self._setter(camera) if camera else None)
        entry.setToolTip("Resolution, frame rate, exposure and white balance of an Azure Kinect")
        self._add_heading("Recordings")
        self._add_choices(self.choices.recent)
        if self.choices.demo is not None:
            self._add("Demo recording", lambda: self.chosen.emit(str(self.choices.demo)))
        menu.addSeparator()
        self._add("Open recording folder…", lambda: self._ask(ask_for_folder))
        self._add("Open recording file…", lambda: self._ask(ask_for_file))
        menu.addSeparator()
        self._add("Close", self.close_requested.emit if self._current else None)

    @property
    def _settable(self) -> str | None:
        """The camera that can be set: the one that is open, or else the first that is connected."""
        uris = [self._uri, *(choice.uri for choice in self.choices.cameras if choice.usable)]
        return next((uri for uri in uris if scheme_of(uri) == KINECT), None)

    def _setter(self, uri: str) -> Callable[[], None]:
        return lambda: self.settings_requested.emit(uri)

    def _add_choices(self, choices: Iterable[Choice]) -> None:
        for choice in choices:
            detail = choice.detail.partition(":")[0] if not choice.usable else choice.detail
            # A camera that was busy may be free by now, and if not, the error tells more.
            may_open = choice.usable or path_of(choice.uri) is None
            action = self._add(f"{choice.title}   ({detail})", self._opener(choice) if may_open else None)
            action.setToolTip(choice.uri)

    def _opener(self, choice: Choice) -> Callable[[], None]:
        return lambda: self.chosen.emit(choice.uri)

    def _add(self, text: str, do: Callable[[], None] | None) -> QAction:
        """Add an entry; one that cannot be chosen where there is nothing to do."""
        width = MENU_WIDTH_EM * self.fontMetrics().horizontalAdvance("m")
        shown = self.fontMetrics().elidedText(text, Qt.ElideMiddle, width).replace("&", "&&")
        action = self.menu().addAction(shown)
        action.setEnabled(do is not None)
        if do is not None:
            action.triggered.connect(lambda _checked: do())
        return action

    def _add_heading(self, text: str) -> None:
        self.menu().addSection(text)

    def _ask(self, dialog: Callable[[QWidget], str | None]) -> None:
        if path := dialog(self.window()):
            self.chosen.emit(path)
