"""Chooses how fast a recording is played."""

from __future__ import annotations

from math import inf

from PyQt5.QtCore import Qt, pyqtSignal
from PyQt5.QtWidgets import QComboBox

SPEEDS = {
    "0.1×": 0.1, "0.25×": 0.25, "0.5×": 0.5, "1×": 1.0, "2×": 2.0, "4×": 4.0, "Fastest": inf,
}  # fmt: skip
USUAL = "1×"


class SpeedBox(QComboBox):
    """Factors on a recording's frame rate. Lives on the GUI thread."""

    chosen = pyqtSignal(float)
    """Infinite for as fast as possible."""

    def __init__(self) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.TabFocus)
        self.setAccessibleName("Speed")
        self.setToolTip("Speed. Fastest: as fast as this computer can")
        for name, speed in SPEEDS.items():
            self.addItem(name, speed)
        self.setCurrentText(USUAL)
        self.currentIndexChanged.connect(lambda _place: self.chosen.emit(self.speed))

    @property
    def speed(self) -> float:
        """The factor."""
        return float(self.currentData())
