"""Leaves keys to the control that has the focus, where it has a use for them."""

from __future__ import annotations

from PyQt5.QtCore import QEvent, QObject, Qt
from PyQt5.QtGui import QKeyEvent
from PyQt5.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QTabBar,
    QWidget,
)

from .panels.frame_slider import FrameSlider

WRITTEN = (QAbstractSpinBox, QComboBox, QLineEdit, QAbstractItemView)
"""What takes letters and digits: to write them, or to go to the entry that begins with them."""
MOVED = (*WRITTEN, QAbstractSlider, QTabBar)
"""What the arrows, Home and End move something in."""
MOVES = {Qt.Key_Left, Qt.Key_Right, Qt.Key_Up, Qt.Key_Down, Qt.Key_Home, Qt.Key_End}


class KeyGuard(QObject):
    """Keeps the window's shortcuts from a focused control's keys. Lives on the GUI thread.

    Parameters
    ----------
    windows
        Windows that are watched; the first one owns this.
    """

    def __init__(self, *windows: QWidget) -> None:
        super().__init__(windows[0])
        for window in windows:
            window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Accept a key that is about to become a shortcut: then it goes to the control instead."""
        if event.type() == QEvent.ShortcutOverride and isinstance(event, QKeyEvent):
            focused = QApplication.focusWidget()
            if focused is not None and uses(focused, event):
                event.accept()
                return True
        return super().eventFilter(watched, event)


def uses(control: QWidget, event: QKeyEvent) -> bool:
    """Whether a control does something with a key; arrows on the frame slider step frames anyway."""
    if event.modifiers() & (Qt.ControlModifier | Qt.AltModifier | Qt.MetaModifier):
        return False
    if isinstance(control, QAbstractButton):
        return event.key() == Qt.Key_Space
    if event.key() in MOVES:
        return isinstance(control, MOVED) and not isinstance(control, FrameSlider)
    return isinstance(control, WRITTEN) and event.text().isprintable() and event.text() != ""
