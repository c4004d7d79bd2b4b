"""How long the GUI thread leaves events waiting."""

from __future__ import annotations

from time import perf_counter

import numpy as np
from PyQt5.QtCore import QObject, Qt, QTimer

BEAT_MS = 5
LIMIT_MS = 50.0
"""A pause that people begin to notice."""


class Heartbeat(QObject):
    """A timer that looks at how late it comes: as late as whatever kept the GUI thread busy. Lives on that thread."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._before: float | None = None
        self._late_ms: list[float] = []
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.PreciseTimer)
        self._timer.timeout.connect(self._beat)
        self._timer.start(BEAT_MS)

    def take(self) -> dict[str, float]:
        """Figures since the last call: the median, the 99th percentile and the longest wait, and how many were long."""
        late, self._late_ms = np.array(self._late_ms or [0.0]), []
        return {
            "median_ms": float(np.median(late)),
            "p99_ms": float(np.percentile(late, 99)),
            "longest_ms": float(late.max()),
            "longer_than_50_ms": float((late > LIMIT_MS).sum()),
        }

    def _beat(self) -> None:
        now = perf_counter()
        if self._before is not None:
            self._late_ms.append(max(0.0, (now - self._before) * 1e3 - BEAT_MS))
        self._before = now
