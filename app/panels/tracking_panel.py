"""Tracking: start and stop, model and device, the subject, what may be changed while it runs, and how it goes."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from pathlib import Path

from PyQt5.QtCore import QEvent, QObject, Qt, pyqtBoundSignal, pyqtSignal
from PyQt5.QtGui import QWheelEvent
from PyQt5.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from dphm_core.frames import TrackedFrame, TrackStatus

from ..late_tracker import came_while_loading
from .confidence_bar import ConfidenceBar
from .settings_sliders import SettingsSliders
from .state_badge import StateBadge

UNKNOWN = "The head is not known yet: let the face be seen for some seconds."
STOPPED = "Tracking is stopped: start it first."


class Missing(Enum):
    """Why nothing can be asked of the tracker, and what to do."""

    SOURCE = "Open a recording or a camera to track a head."
    OPENING = "A source is being opened: wait a moment."
    MODEL = "The head model is being loaded: wait a moment."
    LIVE = "A saved track is shown, where this changes nothing. Choose “Live” below the view first."


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

    def __init__(self) -> None:
        super().__init__()
        self._tracking, self._subject_known = True, False
        self._missing: Missing | None = Missing.SOURCE
        self.state, self.confidence, self.sliders = StateBadge(), ConfidenceBar(), SettingsSliders()
        self.reason = QLabel()
        self.reason.setWordWrap(True)
        self.reason.setAlignment(Qt.AlignLeft | Qt.AlignTop)
        self._make_buttons()
        self._make_choices()
        self._arrange()
        widgets = (self.toggle, self.find_again, self.calibrate, self.load, self.save, self.model, self.device)
        self._tips = {widget: widget.toolTip() for widget in (*widgets, *self.sliders.all)}
        self._show_what_is_possible()
        self._expect_frame()

    def set_models(self, names: Sequence[str]) -> None:
        """Offer these models; the one chosen before stays so where it is among them."""
        self._offer(self.model, [(name, name) for name in names])

    def set_devices(self, devices: Sequence[tuple[str, str]]) -> None:
        """Offer devices to compute on, each a value and how to name it: ("cpu", "Processor (CPU)")."""
        self._offer(self.device, devices)

    def set_model(self, name: str) -> None:
        """Show the model in use, without a signal."""
        self._show_choice(self.model, name, Path(name).name)

    def set_device(self, value: str) -> None:
        """Show the device in use, without a signal."""
        self._show_choice(self.device, value, value)

    def set_tracking(self, on: bool) -> None:
        """Show whether tracking runs, without a signal."""
        if on != self._tracking:
            self._tracking = on
            self._show_what_is_possible()
            self._expect_frame()

    def set_subject_known(self, known: bool) -> None:
        """Tell whether there is a calibrated subject that could be saved."""
        if known != self._subject_known:
            self._subject_known = known
            self._show_what_is_possible()

    def set_missing(self, missing: Missing | None) -> None:
        """Offer what a tracker can be asked for; or say why not. Model, device and sliders can be set before."""
        if missing is not self._missing:
            self._missing = missing
            self._show_what_is_possible()
            self._expect_frame()

    def show_tracked(self, tracked: TrackedFrame) -> None:
        """Show a frame's state, reason and confidence, tracked now or before; not where tracking is off."""
        if self._tracking or self._missing is not None:
            loads = came_while_loading(tracked)
            self._say_state("Loading" if loads else tracked.status, tracked.reason)
            self.confidence.show_share(None if loads else tracked.confidence)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Keep the wheel from changing a choice that is only scrolled past."""
        if isinstance(event, QWheelEvent) and isinstance(watched, QComboBox) and not watched.hasFocus():
            event.ignore()
            return True
        return super().eventFilter(watched, event)

    def _make_buttons(self) -> None:
        self.toggle = QPushButton()
        self.toggle.setToolTip("Stop or start following the head; the picture goes on.")
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
        layout.addWidget(self.sliders)
        self.reason.ensurePolished()
        self.reason.setFixedHeight(2 * self.reason.fontMetrics().lineSpacing() + 2)  # one or two lines: no jumping

    def _toggle(self) -> None:
        self.set_tracking(not self._tracking)
        self.tracking_toggled.emit(self._tracking)

    def _show_what_is_possible(self) -> None:
        """Enable what does something; of the rest the tooltips say why it does not."""
        why_not = "" if self._missing is None else self._missing.value
        hindrances = dict.fromkeys((self.toggle, self.load), why_not)
        hindrances |= dict.fromkeys((self.find_again, self.calibrate), why_not or ("" if self._tracking else STOPPED))
        hindrances[self.save] = why_not or ("" if self._subject_known else UNKNOWN)
        replaced = self._missing is Missing.LIVE
        hindrances |= dict.fromkeys((self.model, self.device, *self.sliders.all), why_not if replaced else "")
        for widget, hindrance in hindrances.items():
            widget.setEnabled(not hindrance)
            widget.setToolTip(hindrance or self._tips[widget])
        start_or_stop = "■  Stop tracking" if self._tracking else "▶  Start tracking"
        self.toggle.setText("A saved track is shown" if replaced else start_or_stop)

    def _expect_frame(self) -> None:
        """What is shown of the frame before holds no more."""
        self.confidence.show_share(None)
        if self._missing is Missing.SOURCE:
            self._say_state("Off", Missing.SOURCE.value)
        elif self._missing is None and not self._tracking:
            self._say_state("Off", "Tracking is stopped.")
        else:
            self._say_state("Waiting", "For the next frame.")

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
    def _show_choice(box: QComboBox, value: str, label: str) -> None:
        """Show a value, also one that is not on offer: a folder, say, that the program was started with."""
        if box.findData(value) < 0:
            box.addItem(label, value)
        box.setCurrentIndex(box.findData(value))

    @staticmethod
    def _grid(rows: Sequence[tuple[QWidget, QWidget]]) -> QGridLayout:
        grid = QGridLayout()
        grid.setSpacing(6)
        for row, (left, right) in enumerate(rows):
            grid.addWidget(left, row, 0)
            grid.addWidget(right, row, 1)
        return grid
