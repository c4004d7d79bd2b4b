"""What the window shows while nothing is open: the cameras, the recordings, and why nothing is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PyQt5.QtCore import Qt, pyqtSignal
from PyQt5.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from ..icon import draw_icon
from ..source_choices import NO_RECENT, SourceChoices, ask_for_file, ask_for_folder
from .choice_list import ChoiceList

WIDTH = 860
"""The page is no wider than this, pixels."""
LIST_HEIGHTS = 150, 440
"""The lists are at least and at most so high, pixels."""
FRAME = "QFrame#choices { background: palette(base); border: 1px solid palette(mid); border-radius: 6px; }"
ICON_SIZE = 56
INSET = 5
"""Between a list and its frame, pixels."""


class StartPage(QWidget):
    """Offers cameras, recent recordings, files and the demo; emits the chosen source. Lives on the GUI thread.

    Parameters
    ----------
    demo
        Folder of the demo recording, offered where it exists.
    choices
        What can be opened, where another panel shows it, too.
    """

    chosen = pyqtSignal(str)
    """Path or name of a source."""
    remove_requested = pyqtSignal(str)
    """A recent recording shall be forgotten."""
    refresh_requested = pyqtSignal()
    """Cameras shall be looked for again, at once."""

    def __init__(self, demo: Path, choices: SourceChoices | None = None) -> None:
        super().__init__()
        self.choices = choices or SourceChoices(demo, self)
        self.cameras, self.recent = ChoiceList(), ChoiceList(removable=True)
        self.look_again = QPushButton("Look again")
        self.reason = QLabel("Open a recording, or connect a depth camera.")
        self.open_folder = self._button("Open recording folder…", self._choose_folder)
        self.open_file = self._button("Open recording file…", self._choose_file)
        self.open_demo = self._button("Play the demo recording", self._choose_demo)
        self.open_simulated = self._button("Simulated camera", lambda: self.chosen.emit("simulated"))
        self.open_simulated.setToolTip("Plays the demo recording for ever, as if a camera filmed it.")
        for button in (self.open_demo, self.open_simulated):
            button.setVisible(self.choices.demo is not None)
        self._frames: list[QFrame] = []
        self._assemble()
        for choice_list in (self.cameras, self.recent):
            choice_list.chosen.connect(self.chosen)
        self.recent.remove_requested.connect(self.remove_requested)
        self.look_again.clicked.connect(self.refresh_requested)
        self.choices.changed.connect(self._show_choices)
        self._show_choices()

    def set_reason(self, reason: str) -> None:
        """Say why nothing is open."""
        self.reason.setText(reason)

    def _show_choices(self) -> None:
        self.cameras.show_choices(self.choices.cameras, self.choices.camera_hint)
        self.recent.show_choices(self.choices.recent, NO_RECENT)
        least, most = LIST_HEIGHTS
        wanted = max(self.cameras.wanted_height(), self.recent.wanted_height()) + 3 * INSET
        for frame in self._frames:
            frame.setMaximumHeight(min(most, max(least, wanted)))

    def _assemble(self) -> None:
        column = QWidget()
        column.setMaximumWidth(WIDTH)
        column.setSizePolicy(QSizePolicy.Expanding, QSizePolicy.Preferred)
        rows = QVBoxLayout(column)
        rows.setSpacing(16)
        rows.addStretch(1)
        rows.addLayout(self._header())
        self.reason.setWordWrap(True)
        self.reason.setAlignment(Qt.AlignCenter)
        self.reason.setTextInteractionFlags(Qt.TextSelectableByMouse)
        rows.addWidget(self.reason)
        rows.addLayout(self._lists(), stretch=50)
        buttons = QHBoxLayout()
        buttons.setSpacing(10)
        for button in (self.open_folder, self.open_file, self.open_demo, self.open_simulated):
            buttons.addWidget(button, stretch=1)
        rows.addLayout(buttons)
        drop = QLabel("You can also drop a recording's folder or file onto this window.")
        drop.setObjectName("faint")
        drop.setAlignment(Qt.AlignCenter)
        rows.addWidget(drop)
        rows.addStretch(1)
        outer = QHBoxLayout(self)
        outer.setContentsMargins(24, 12, 24, 12)
        outer.addStretch(1)
        outer.addWidget(column, stretch=20)
        outer.addStretch(1)

    def _header(self) -> QHBoxLayout:
        icon, title = QLabel(), QLabel("DPHM Live")
        icon.setPixmap(draw_icon(ICON_SIZE, self.devicePixelRatioF()))
        title.setObjectName("title")
        header = QHBoxLayout()
        header.setSpacing(14)
        header.addStretch()
        header.addWidget(icon)
        header.addWidget(title)
        header.addStretch()
        return header

    def _lists(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(20)
        headings = (("Cameras", self.cameras, self.look_again), ("Recent recordings", self.recent, None))
        for number, (heading, choice_list, button) in enumerate(headings):
            line = QHBoxLayout()
            line.addWidget(QLabel(f"<b>{heading}</b>"))
            line.addStretch()
            if button is not None:
                line.addWidget(button)
            frame = QFrame()
            frame.setObjectName("choices")
            frame.setStyleSheet(FRAME)
            self._frames.append(frame)
            inside = QVBoxLayout(frame)
            inside.setContentsMargins(INSET, INSET, INSET, INSET)
            inside.addWidget(choice_list)
            choice_list.rows.setAccessibleName(heading)
            grid.addLayout(line, 0, number)
            grid.addWidget(frame, 1, number)
            grid.setColumnStretch(number, 2 + number)
        return grid

    def _button(self, text: str, slot: Callable[[], None]) -> QPushButton:
        button = QPushButton(text)
        button.setMinimumHeight(36)
        button.clicked.connect(slot)
        return button

    def _choose_folder(self) -> None:
        if folder := ask_for_folder(self):
            self.chosen.emit(folder)

    def _choose_file(self) -> None:
        if path := ask_for_file(self):
            self.chosen.emit(path)

    def _choose_demo(self) -> None:
        if self.choices.demo is not None:
            self.chosen.emit(self.choices.demo)
