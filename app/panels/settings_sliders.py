"""What may be changed of a tracker while it runs, as sliders."""

from __future__ import annotations

from dataclasses import replace

from PyQt5.QtCore import pyqtSignal
from PyQt5.QtWidgets import QVBoxLayout, QWidget

from dphm_core.tracking.live_settings import LiveSettings

from .number_slider import NumberSlider, Scale, align
from .throttle import Throttle

SETTINGS_EVERY_MS = 100
"""While a slider is dragged its settings are sent this often."""
USUAL = LiveSettings()
SMOOTHNESS = Scale(0, 3, 0.1, USUAL.smoothness, "{:.1f}")
PRIOR_PER_CENT = Scale(0, 200, 5, 100, "{:.0f} %")
POINTS = Scale(200, 5000, 100, USUAL.points, "{:,.0f}")


class SettingsSliders(QWidget):
    """Smoothness, prior strength and points per frame below each other. Lives on the GUI thread."""

    changed = pyqtSignal(LiveSettings)
    """What they say, a few times a second while one is dragged, and always where it was let go."""

    def __init__(self) -> None:
        super().__init__()
        self._settings = USUAL
        self.smoothness = NumberSlider(
            "Smoothness", SMOOTHNESS, "How much trembling is smoothed away; 0 shows every fit as it is."
        )
        self.prior = NumberSlider(
            "Prior strength",
            PRIOR_PER_CENT,
            "How much expressions are held to those that people make; 0 leaves it out.",
        )
        self.points = NumberSlider(
            "Points per frame", POINTS, "How many depth points are fitted: fewer are faster, more are steadier."
        )
        self.smoothness.changed.connect(lambda value: self._change(replace(self._settings, smoothness=round(value, 6))))
        self.prior.changed.connect(lambda value: self._change(replace(self._settings, prior_spread=spread_of(value))))
        self.points.changed.connect(lambda value: self._change(replace(self._settings, points=round(value))))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        align(self.all)
        for slider in self.all:
            column.addWidget(slider)
        self._sender = Throttle(self, lambda: self.changed.emit(self._settings), SETTINGS_EVERY_MS)

    @property
    def all(self) -> tuple[NumberSlider, ...]:
        """From top to bottom."""
        return self.smoothness, self.prior, self.points

    @property
    def settings(self) -> LiveSettings:
        """What the user has set."""
        return self._settings

    def set_settings(self, settings: LiveSettings) -> None:
        """Show settings, without a signal; one that no slider reaches is kept until that slider is moved."""
        self._settings = settings
        self.smoothness.set_value(settings.smoothness)
        self.prior.set_value(per_cent_of(settings.prior_spread))
        self.points.set_value(settings.points)

    def _change(self, settings: LiveSettings) -> None:
        self._settings = settings
        self._sender.ask()


def spread_of(per_cent: float) -> float:
    """Prior spread of a prior strength in per cent of the usual; 0, which leaves the prior out, of none."""
    return USUAL.prior_spread / (per_cent / 100) if per_cent > 0 else 0.0


def per_cent_of(prior_spread: float) -> float:
    """Prior strength in per cent of a prior spread."""
    return 100 * USUAL.prior_spread / prior_spread if prior_spread > 0 else 0.0
