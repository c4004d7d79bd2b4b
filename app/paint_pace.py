"""How often the window is painted while the tracker works.

Without a graphics card the processor paints, the tracker's own, and one widget that changes has the whole window put
together anew. So everything that changed meanwhile is painted at once, and then the window rests a little.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

from PyQt5.QtCore import QCoreApplication, QEvent, QObject, Qt, QTimer
from PyQt5.QtWidgets import QOpenGLWidget, QWidget

REST = 1.0
"""The window rests so many times as long as it took to paint."""
LONGEST_REST_S = 0.05
"""But it is painted some ten times a second."""


class PaintPace(QObject):
    """Holds a window's requests to be painted back while it rests. Lives on the GUI thread.

    Parameters
    ----------
    window
        The window; it owns this.
    view
        The part of it that OpenGL draws: it tells when the window was painted.
    busy
        Whether there is work that painting would hinder.
    """

    def __init__(self, window: QWidget, view: QOpenGLWidget, busy: Callable[[], bool]) -> None:
        super().__init__(window)
        self._window, self._busy = window, busy
        self._began_s: float | None = None
        self._rests_until_s = 0.0
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setTimerType(Qt.PreciseTimer)
        self._timer.timeout.connect(self._request)
        view.frameSwapped.connect(self._painted)
        window.installEventFilter(self)

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Let a request to paint through, or put it off; Qt asks no second time before it was served."""
        if event.type() != QEvent.UpdateRequest:
            return False
        rest_s = self._rests_until_s - perf_counter()
        if rest_s <= 0:
            self._began_s = perf_counter()
            return False
        if not self._timer.isActive():
            self._timer.start(int(rest_s * 1000) + 1)
        return True

    def _request(self) -> None:
        QCoreApplication.postEvent(self._window, QEvent(QEvent.UpdateRequest))

    def _painted(self) -> None:
        if self._began_s is None:
            return
        now, painted_s, self._began_s = perf_counter(), perf_counter() - self._began_s, None
        self._rests_until_s = now + min(REST * painted_s, LONGEST_REST_S) if self._busy() else 0.0
