"""A slider with its name, its number, and a way back to the usual value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PyQt5.QtCore import QEvent, QObject, Qt, pyqtSignal
from PyQt5.QtGui import QContextMenuEvent, QMouseEvent, QWheelEvent
from PyQt5.QtWidgets import QHBoxLayout, QLabel, QMenu, QSlider, QWidget


@dataclass(frozen=True)
class Scale:
    """Which numbers a slider offers."""

    low: float
    high: float
    step: float
    usual: float
    form: str
    """How a number is written, for `str.format`: "{:.1f}"."""

    def text(self, value: float) -> str:
        """Write a number, with thousands set apart by a thin space."""
        return self.form.format(value).replace(",", "\u2009")


class NumberSlider(QWidget):
    """A named slider with its number beside it. Lives on the GUI thread.

    A double click anywhere on it, or its menu, brings the usual value back. The wheel moves it only once it has been
    clicked: else it would be changed by scrolling past it.
    """

    changed = pyqtSignal(float)
    """The user moved it, to this value."""

    def __init__(self, name: str, scale: Scale, tip: str) -> None:
        super().__init__()
        self.scale = scale
        self.slider = QSlider(Qt.Horizontal)
        self.slider.setRange(round(scale.low / scale.step), round(scale.high / scale.step))
        self.slider.setPageStep(max(1, (self.slider.maximum() - self.slider.minimum()) // 10))
        self.slider.setFocusPolicy(Qt.StrongFocus)
        self.slider.setAccessibleName(name)
        self.slider.installEventFilter(self)
        self.name, self.number = QLabel(name), QLabel()
        self.number.setAlignment(Qt.AlignRight | Qt.AlignVCenter)
        self.setToolTip(f"{tip}\nUsually {scale.text(scale.usual)}: double-click to go back to it.")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.name)
        layout.addWidget(self.slider, stretch=1)
        layout.addWidget(self.number)
        self.set_value(scale.usual)
        self.slider.valueChanged.connect(self._moved)

    @property
    def value(self) -> float:
        """The number it stands at."""
        return self.slider.value() * self.scale.step

    def set_value(self, value: float) -> None:
        """Show a value, without a signal; one out of reach as the nearest that it has."""
        self.slider.blockSignals(True)
        self.slider.setValue(round(value / self.scale.step))
        self.slider.blockSignals(False)
        self._show_number()

    def go_to_usual(self) -> None:
        """Take the usual value, as if the user had moved there."""
        self.slider.setValue(round(self.scale.usual / self.scale.step))

    def mouseDoubleClickEvent(self, _event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Go back to the usual value."""
        self.go_to_usual()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:  # noqa: N802 - Qt's name
        """Offer the usual value."""
        menu = QMenu(self)
        menu.addAction(f"Usual ({self.scale.text(self.scale.usual)})", self.go_to_usual)
        menu.popup(event.globalPos())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Let double clicks and wheel turns on the slider itself do what they should."""
        if isinstance(event, QMouseEvent) and event.type() == QEvent.MouseButtonDblClick:
            self.go_to_usual()
            return True
        if isinstance(event, QWheelEvent) and not self.slider.hasFocus():
            event.ignore()
            return True
        return super().eventFilter(watched, event)

    def _moved(self) -> None:
        self._show_number()
        self.changed.emit(self.value)

    def _show_number(self) -> None:
        self.number.setText(self.scale.text(self.value))


def align(sliders: Sequence[NumberSlider]) -> None:
    """Give sliders below each other names and numbers of one width, whatever the numbers are."""
    for slider in sliders:
        slider.number.ensurePolished()  # takes on the font of the window
    names = max(slider.name.sizeHint().width() for slider in sliders)
    numbers = max(
        slider.number.fontMetrics().horizontalAdvance(slider.scale.text(slider.scale.high)) for slider in sliders
    )
    for slider in sliders:
        slider.name.setFixedWidth(names)
        slider.number.setFixedWidth(numbers + 2)
