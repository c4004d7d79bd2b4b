"""Something done often, but not more often than is of use."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from PyQt5.QtCore import QEvent, QObject, QTimer
from PyQt5.QtWidgets import QWidget


class Throttle(QObject):
    """Calls at most once in a while; what is asked for in between is done once, at its end. Lives on the GUI thread.

    Nothing is left pending when the owner is hidden: it is done then.

    Parameters
    ----------
    owner
        The widget it serves.
    call
        What to do.
    interval_ms
        Least time between two calls.
    """

    def __init__(self, owner: QWidget, call: Callable[[], object], interval_ms: int) -> None:
        super().__init__(owner)
        self._call, self._interval_ms, self._called = call, interval_ms, float("-inf")
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._do)
        owner.installEventFilter(self)

    def ask(self) -> None:
        """Call now, or as soon as the interval allows."""
        if self._timer.isActive():
            return
        wait_ms = self._interval_ms - 1000 * (monotonic() - self._called)
        if wait_ms <= 0:
            self._do()
        else:
            self._timer.start(int(wait_ms) + 1)

    def flush(self) -> None:
        """Do what is pending now."""
        if self._timer.isActive():
            self._do()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Leave nothing behind where the owner is hidden."""
        if event.type() == QEvent.Hide:
            self.flush()
        return super().eventFilter(watched, event)

    def _do(self) -> None:
        self._timer.stop()
        self._called = monotonic()
        self._call()
