"""Parts that forms are put together from."""

from __future__ import annotations

from PyQt5.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSpinBox, QVBoxLayout, QWidget


def choice(choices: dict[str, str]) -> QComboBox:
    """A box with a text for each value, which is its item's data."""
    box = QComboBox()
    for name, text in choices.items():
        box.addItem(text, name)
    return box


def number(least: int, most: int) -> QSpinBox:
    """A box for a whole number, wide enough for one of six digits."""
    box = QSpinBox()
    box.setRange(least, most)
    box.setMinimumWidth(box.fontMetrics().horizontalAdvance("000000") + 2 * box.fontMetrics().height())
    return box


def explanation() -> QLabel:
    """Words of less weight."""
    label = QLabel()
    label.setObjectName("faint")
    return label


def explained(box: QComboBox, words: QLabel) -> QVBoxLayout:
    """A choice with its explanation close below."""
    column = QVBoxLayout()
    column.setSpacing(3)
    column.addWidget(box)
    column.addWidget(words)
    return column


def in_a_row(*widgets: QWidget) -> QHBoxLayout:
    """Widgets beside each other; those to choose from share the room that is left."""
    row = QHBoxLayout()
    row.setSpacing(8)
    for widget in widgets:
        row.addWidget(widget, stretch=int(isinstance(widget, QComboBox)))
    return row
