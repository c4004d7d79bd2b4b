"""The dialog of an Azure Kinect's settings: only what the camera can do can be chosen."""

from __future__ import annotations

from PyQt5.QtCore import pyqtSignal
from PyQt5.QtGui import QStandardItemModel
from PyQt5.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from dphm_core.sources.kinect_settings import (
    AUTO,
    EXPOSURES_US,
    LOCK,
    POWER_LINES_HZ,
    RATES,
    SLOW,
    WHITE_BALANCE_STEP_K,
    WHITE_BALANCES_K,
    KinectSettings,
)

COLORS = {
    "720p": "1280 × 720",
    "1080p": "1920 × 1080",
    "1440p": "2560 × 1440",
    "1536p": "2048 × 1536",
    "2160p": "3840 × 2160",
    "3072p": "4096 × 3072",
}
DEPTHS = {
    "nfov": "Narrow, 640 × 576, from 0.5 m",
    "nfov-binned": "Narrow, 320 × 288, from 0.5 m, less noise",
    "wfov": "Wide, 1024 × 1024, from 0.25 m",
    "wfov-binned": "Wide, 512 × 512, from 0.25 m, less noise",
}
SLOW_RATE = 15
"""Frames per second, at most, of what is slow."""


class CameraSettingsDialog(QDialog):
    """Asks how a camera shall be set. Lives on the GUI thread.

    Parameters
    ----------
    name
        The camera's.
    settings
        What is chosen at first.
    """

    chosen = pyqtSignal(object)
    """The `KinectSettings` that shall be used."""

    def __init__(self, name: str, settings: KinectSettings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"Settings of {name}")
        self.color, self.depth = _choice(COLORS), _choice(DEPTHS)
        self.fps = _choice({rate: f"{rate} per second" for rate in RATES})
        self.exposure = ControlChoice(EXPOSURES_US, 10, " µs", 8330)
        self.whitebalance = ControlChoice(WHITE_BALANCES_K, WHITE_BALANCE_STEP_K, " K", 4500)
        self.powerline = _choice({None: "As the camera is set"} | {hertz: f"{hertz} Hz" for hertz in POWER_LINES_HZ})
        self.powerline.setToolTip("Frequency of the mains: the wrong one lets lamps flicker in the picture.")
        self.buttons = QDialogButtonBox()
        self.use = self.buttons.addButton("Use", QDialogButtonBox.AcceptRole)
        self.leave = self.buttons.addButton("Cancel", QDialogButtonBox.RejectRole)
        self.usual = self.buttons.addButton("Usual settings", QDialogButtonBox.ResetRole)
        self.use.setDefault(True)
        self._assemble()
        for box in (self.color, self.depth, self.fps):
            box.currentIndexChanged.connect(self._keep_possible)
        self._keep_possible()
        self.show_settings(settings)

    def settings(self) -> KinectSettings:
        """What is chosen."""
        return KinectSettings(
            self.color.currentData(),
            self.depth.currentData(),
            self.fps.currentData(),
            self.exposure.value(),
            self.whitebalance.value(),
            self.powerline.currentData(),
        )

    def show_settings(self, settings: KinectSettings) -> None:
        """Choose these."""
        for box, value in (
            (self.color, settings.color),
            (self.depth, settings.depth),
            (self.fps, settings.fps),  # after those, which allow it
            (self.powerline, settings.powerline),
        ):
            box.setCurrentIndex(box.findData(value))
        self.exposure.show_value(settings.exposure)
        self.whitebalance.show_value(settings.whitebalance)

    def accept(self) -> None:
        """Tell what was chosen, and close."""
        self.chosen.emit(self.settings())
        super().accept()

    def _assemble(self) -> None:
        form = QFormLayout()
        for text, widget in (
            ("Colour", self.color),
            ("Depth", self.depth),
            ("Frames", self.fps),
            ("Exposure", self.exposure),
            ("White balance", self.whitebalance),
            ("Mains", self.powerline),
        ):
            form.addRow(text, widget)
        hint = QLabel("The mesh is fitted to depth; colour only finds the face. More pixels cost time.")
        hint.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addWidget(hint)
        layout.addWidget(self.buttons)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self.usual.clicked.connect(lambda: self.show_settings(KinectSettings()))

    def _keep_possible(self) -> None:
        """Some pictures come slowly, and none is exposed for longer than it takes."""
        slow = self.color.currentData() in SLOW["color"] or self.depth.currentData() in SLOW["depth"]
        rates = self.fps.model()
        assert isinstance(rates, QStandardItemModel)
        for row, rate in enumerate(RATES):
            rates.item(row).setEnabled(rate <= SLOW_RATE or not slow)
        if slow and self.fps.currentData() > SLOW_RATE:
            self.fps.setCurrentIndex(self.fps.findData(SLOW_RATE))
        self.exposure.limit(1_000_000 // int(self.fps.currentData()))


class ControlChoice(QWidget):
    """Something that the camera chooses for good, or again and again, or that is told to it. Lives on the GUI thread.

    Parameters
    ----------
    limits
        Smallest and largest value.
    step
        From one value to the next.
    unit
        Written behind the value.
    usual
        What is suggested.
    """

    def __init__(self, limits: tuple[int, int], step: int, unit: str, usual: int) -> None:
        super().__init__()
        self.mode = _choice({LOCK: "Settles, then stays", AUTO: "Automatic", None: "Fixed"})
        self.mode.setToolTip("What stays once it has settled gives even colours and the same blur in all frames.")
        self.number = QSpinBox()
        self._limits = limits
        self.number.setRange(*limits)
        self.number.setSingleStep(step)
        self.number.setSuffix(unit)
        self.number.setValue(usual)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.mode, stretch=1)
        layout.addWidget(self.number)
        self.mode.currentIndexChanged.connect(self._enable)
        self._enable()

    def value(self) -> str | int:
        """What the settings call it: a word or a number."""
        return self.mode.currentData() or self.number.value()

    def show_value(self, value: str | int) -> None:
        """Choose it."""
        self.mode.setCurrentIndex(self.mode.findData(None if isinstance(value, int) else value))
        if isinstance(value, int):
            self.number.setValue(value)

    def limit(self, largest: int) -> None:
        """Allow no larger value than this."""
        self.number.setMaximum(min(largest, self._limits[1]))

    def _enable(self) -> None:
        self.number.setEnabled(self.mode.currentData() is None)


def _choice(texts: dict[str, str] | dict[int, str] | dict[str | None, str] | dict[int | None, str]) -> QComboBox:
    """A box with these texts, by what they stand for."""
    box = QComboBox()
    for value, text in texts.items():
        box.addItem(text, value)
    return box
