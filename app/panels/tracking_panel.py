"""Tracking: start and stop, model and device, the subject, what may be changed while it runs, and how it goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PyQt5.QtCore import QEvent, QObject, Qt, pyqtBoundSignal, pyqtSignal
from PyQt5.QtGui import QWheelEvent
from PyQt5.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from dphm_core.frames import TrackedFrame, TrackStatus
from dphm_core.tracking.live_settings import LiveSettings

from .confidence_bar import ConfidenceBar
from .number_slider import NumberSlider, Scale, align
from .state_badge import StateBadge
from .throttle import Throttle

SETTINGS_EVERY_MS = 100
"""While a slider is dragged its settings are sent this often."""
USUAL = LiveSettings()
SMOOTHNESS = Scale(0, 3, 0.1, USUAL.smoothness, "{:.1f}")
PRIOR_PER_CENT = Scale(0, 200, 5, 100, "{:.0f} %")
POINTS = Scale(200, 5000, 100, USUAL.points, "{:,.0f}")
NO_SOURCE = "Open a recording or a camera to track a head."


class TrackingPanel(QWidget):
    """Shows how tracking goes and emits what the user wants of it. Lives on the GUI thread."""

    tracking_toggled = pyqtSignal(bool)
    """True: start tracking; False: stop. The button shows it at once; `set_tracking` puts it back where it failed."""
    model_chosen = pyqtSignal(str)
    """One of `set_models`, chosen by the user."""
    device_chosen = pyqtSignal(str)
    """A value of `set_devices`, chosen by the user."""
    calibrate_requested = pyqtSignal()
    """The head's shape shall be worked out anew."""
    load_subject_requested = pyqtSignal()
    save_subject_requested = pyqtSignal()
    find_again_requested = pyqtSignal()
    """The head shall be looked for in the whole image."""
    settings_changed = pyqtSignal(LiveSettings)
    """What the sliders say, a few times a second while one is dragged, and always where it was let go."""

    def __init__(self) -> None:
        super().__init__()
        self._tracking, self._open, self._subject_known = True, False, False
        self._settings = USUAL
        self.state, self.confidence = StateBadge(), ConfidenceBar()
        self.reason = QLabel()
        self.reason.setWordWrap(True)
        self.reason.setAlignment(Qt.AlignLeft | Qt.AlignTop)
        self._make_buttons()
        self._make_choices()
        self._make_sliders()
        self._arrange()
        self._sender = Throttle(self, lambda: self.settings_changed.emit(self._settings), SETTINGS_EVERY_MS)
        self._show_what_is_possible()

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

    def set_models(self, names: Sequence[str]) -> None:
        """Offer these models; the one chosen before stays so where it is among them."""
        self._offer(self.model, [(name, name) for name in names])

    def set_devices(self, devices: Sequence[tuple[str, str]]) -> None:
        """Offer devices to compute on, each a value and how to name it: ("cpu", "Processor (CPU)")."""
        self._offer(self.device, devices)

    def set_model(self, name: str) -> None:
        """Show the model in use, without a signal."""
        self.model.setCurrentIndex(self.model.findData(name))

    def set_device(self, value: str) -> None:
        """Show the device in use, without a signal."""
        self.device.setCurrentIndex(self.device.findData(value))

    def set_tracking(self, on: bool) -> None:
        """Show whether tracking runs, without a signal."""
        if on != self._tracking:
            self._tracking = on
            self._show_what_is_possible()

    def set_subject_known(self, known: bool) -> None:
        """Tell whether there is a calibrated subject that could be saved."""
        if known != self._subject_known:
            self._subject_known = known
            self.save.setEnabled(self._open and known)

    def set_enabled_for(self, source_open: bool) -> None:
        """Offer what needs an open source, or not; model, device and sliders can be set before."""
        if source_open != self._open:
            self._open = source_open
            self._show_what_is_possible()

    def show_tracked(self, tracked: TrackedFrame) -> None:
        """Show a frame's state, reason and confidence, tracked now or before; not where tracking is off."""
        if self._tracking or not self._open:
            self._say_state(tracked.status, tracked.reason)
            self.confidence.show_share(tracked.confidence)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Keep the wheel from changing a choice that is only scrolled past."""
        if isinstance(event, QWheelEvent) and isinstance(watched, QComboBox) and not watched.hasFocus():
            event.ignore()
            return True
        return super().eventFilter(watched, event)

    def _make_buttons(self) -> None:
        self.toggle = QPushButton()
        self.toggle.setObjectName("primary")
        self.toggle.setMinimumHeight(36)
        self.toggle.clicked.connect(self._toggle)
        self.find_again = self._button(
            "Find the head again",
            "Look for the head in the whole picture, where it sits wrong.",
            self.find_again_requested,
        )
        self.calibrate = self._button(
            "Calibrate again", "Work out the shape of the head anew: for another person.", self.calibrate_requested
        )
        self.load = self._button(
            "Load subject…", "Use a head saved before: no calibration is needed then.", self.load_subject_requested
        )
        self.save = self._button("Save subject…", "Keep this head for another time.", self.save_subject_requested)
        for button in (self.toggle, self.find_again, self.calibrate, self.load, self.save):
            button.setFocusPolicy(Qt.TabFocus)  # a click leaves Space to playing

    def _make_choices(self) -> None:
        self.model, self.device = QComboBox(), QComboBox()
        self.model.setToolTip("The head model: what heads and faces can look like.")
        self.device.setToolTip("What computes: a graphics card is faster, a processor is always there.")
        self.model.activated.connect(lambda _row: self.model_chosen.emit(self.model.currentData()))
        self.device.activated.connect(lambda _row: self.device_chosen.emit(self.device.currentData()))
        for box in (self.model, self.device):
            box.setSizeAdjustPolicy(QComboBox.AdjustToMinimumContentsLengthWithIcon)
            box.setMinimumContentsLength(8)
            box.setFocusPolicy(Qt.TabFocus)
            box.installEventFilter(self)

    def _make_sliders(self) -> None:
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

    def _arrange(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.toggle)
        state = QHBoxLayout()
        state.addWidget(self.state)
        state.addWidget(self.confidence, stretch=1)
        layout.addLayout(state)
        layout.addWidget(self.reason)
        layout.addLayout(self._grid(((self.find_again, self.calibrate), (self.load, self.save))))
        choices = self._grid(((QLabel("Model"), self.model), (QLabel("Compute on"), self.device)))
        choices.setColumnStretch(1, 1)
        layout.addLayout(choices)
        sliders = (self.smoothness, self.prior, self.points)
        align(sliders)
        for slider in sliders:
            layout.addWidget(slider)
        self.reason.ensurePolished()
        self.reason.setFixedHeight(2 * self.reason.fontMetrics().lineSpacing() + 2)  # one or two lines: no jumping

    def _toggle(self) -> None:
        self.set_tracking(not self._tracking)
        self.tracking_toggled.emit(self._tracking)

    def _change(self, settings: LiveSettings) -> None:
        self._settings = settings
        self._sender.ask()

    def _show_what_is_possible(self) -> None:
        for button in (self.toggle, self.load):
            button.setEnabled(self._open)
        for button in (self.find_again, self.calibrate):
            button.setEnabled(self._open and self._tracking)
        self.save.setEnabled(self._open and self._subject_known)
        self.toggle.setText("■  Stop tracking" if self._tracking else "▶  Start tracking")
        self.toggle.setToolTip("Stop or start following the head; the picture goes on." if self._open else NO_SOURCE)
        self.confidence.show_share(None)
        if self._open and self._tracking:
            self._say_state("Waiting", "For the next frame.")
        else:
            self._say_state("Off", "Tracking is stopped." if self._open else NO_SOURCE)

    def _say_state(self, state: TrackStatus | str, reason: str) -> None:
        self.state.show_state(state)
        self.reason.setText(reason)
        self.reason.setToolTip(reason)

    @staticmethod
    def _button(text: str, tip: str, wanted: pyqtBoundSignal) -> QPushButton:
        button = QPushButton(text)
        button.setToolTip(tip)
        button.clicked.connect(lambda _checked: wanted.emit())
        return button

    @staticmethod
    def _offer(box: QComboBox, choices: Sequence[tuple[str, str]]) -> None:
        """Fill a box with (value, label); signals are of `activated` only, thus of the user's choices."""
        chosen = box.currentData()
        box.clear()
        for value, label in choices:
            box.addItem(label, value)
        box.setCurrentIndex(max(box.findData(chosen), 0))

    @staticmethod
    def _grid(rows: Sequence[tuple[QWidget, QWidget]]) -> QGridLayout:
        grid = QGridLayout()
        grid.setSpacing(6)
        for row, (left, right) in enumerate(rows):
            grid.addWidget(left, row, 0)
            grid.addWidget(right, row, 1)
        return grid


def spread_of(per_cent: float) -> float:
    """Prior spread of a prior strength in per cent of the usual; 0, which leaves the prior out, of none."""
    return USUAL.prior_spread / (per_cent / 100) if per_cent > 0 else 0.0


def per_cent_of(prior_spread: float) -> float:
    """Prior strength in per cent of a prior spread."""
    return 100 * USUAL.prior_spread / prior_spread if prior_spread > 0 else 0.0
