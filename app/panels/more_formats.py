"""Formats that are written besides the one that was chosen first."""

from __future__ import annotations

from typing import Any

from PyQt5.QtCore import pyqtSignal
from PyQt5.QtWidgets import QAction, QMenu, QPushButton, QWidget

from dphm_core.meshing.formats import EVERY, FORMATS

TIP = "Write other formats, too, in one go."
ALREADY = "All formats are written already."


class MoreFormats(QPushButton):
    """A button with a menu of ticks. Lives on the GUI thread."""

    changed = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAutoDefault(False)
        menu = QMenu(self)
        self.ticks: dict[str, QAction] = {name: menu.addAction(entry.words) for name, entry in FORMATS.items()}
        for tick in self.ticks.values():
            tick.setCheckable(True)
            tick.toggled.connect(self._count)
            tick.toggled.connect(self.changed)
        self.setMenu(menu)
        self._first = EVERY
        self._count()

    @property
    def chosen(self) -> list[str]:
        """Names of the formats that are ticked."""
        return [name for name, tick in self.ticks.items() if tick.isChecked()]

    def names(self, first: str) -> str:
        """The formats to write, with commas between them: the first, and what is ticked besides."""
        return first if first == EVERY else ",".join(dict.fromkeys((first, *self.chosen)))

    def offer(self, first: str, possible: bool) -> None:
        """Offer what the format chosen first leaves, where meshes are written at all."""
        self.setEnabled(possible and first != EVERY)
        self.setToolTip(ALREADY if first == EVERY else TIP)
        for name, tick in self.ticks.items():
            tick.setEnabled(name != first)
        self._first = first
        self._count()

    def restore(self, names: Any) -> None:
        """Take remembered names; what is none is passed over."""
        for name, tick in self.ticks.items():
            tick.setChecked(isinstance(names, list) and name in names)

    def _count(self) -> None:
        more = self.names(self._first).split(",")[1:]
        self.setText(f"+ {len(more)}" if more else "+")
