"""The strongest expression weights as live bars."""

from __future__ import annotations

import re
from time import monotonic

import numpy as np
from PyQt5.QtCore import QRectF, QSize, Qt, QTimer
from PyQt5.QtGui import QHideEvent, QPainter, QPaintEvent, QPalette
from PyQt5.QtWidgets import QSizePolicy, QWidget

from dphm_core.frames import FloatArray

from .throttle import Throttle

ROWS = 8
PAINT_EVERY_MS = 66
"""About 15 pictures a second: numbers that change faster cannot be read."""
FADE = 0.9
"""What a weight was counts this much less with every frame, when it is decided which rows to show."""
CLEARLY = 1.25, 0.05
"""Another weight takes over a row once it is stronger by this factor and this much."""
IDLE = 0.02
"""A weight that was below this for a while is as good as none: its row goes to any that is twice as strong."""
REST_MS = 500
"""No code for so long: nothing plays. Then the rows are those of the one code that is shown."""
LEAST_RANGE = 1.0
"""The bars' full length stands for this much at least: a blendshape's whole weight."""
SHRINK = 0.998
"""How fast, per frame, the range comes back after a larger weight: a code without names may have any."""
NEGATIVE = -0.15
"""A weight below this needs room left of zero: it is no noise around rest."""
BAR_PART = 0.36
"""Part of the width that is for bars."""
SIDES = {"L": "left", "R": "right", "Left": "left", "Right": "right"}


class ExpressionBars(QWidget):
    """A bar per strongest weight. Lives on the GUI thread.

    While codes come one after the other rows keep their place; of a code that stays, as where a recording is paused,
    they are its strongest ones, in order.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setSizePolicy(QSizePolicy.Expanding, QSizePolicy.Fixed)
        self.setToolTip("The strongest expression weights of the face now; 1 is a whole smile, an open jaw, and so on.")
        self.setAccessibleName("Strongest expression weights")
        self._labels: tuple[str, ...] = ()
        self._code: FloatArray | None = None
        self._strength: FloatArray = np.zeros(0, dtype=np.float32)
        self._rows: list[int] = []
        self._signed, self._range = False, LEAST_RANGE
        self._came = float("-inf")
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MS)
        self._rest.timeout.connect(self.settle)
        self._painter = Throttle(self, self.update, PAINT_EVERY_MS)

    def set_names(self, names: tuple[str, ...]) -> None:
        """Take the names of a model's weights; where it has none they are numbered."""
        self._labels = tuple(readable(name) for name in names)
        self._forget()
        self.update()

    def show_code(self, code: FloatArray | None) -> None:
        """Show weights (E,) float32; None where there is no face."""
        if code is not None:
            code = np.nan_to_num(np.asarray(code, dtype=np.float32))
            if len(code) != len(self._strength):
                self._forget(len(code))
            rested = 1000 * (monotonic() - self._came) > REST_MS
            self._came = monotonic()
            self._strength = np.abs(code) if rested else np.maximum(self._strength * FADE, np.abs(code))
            self._rows = keep_rows([] if rested else self._rows, self._strength)
            self._rest.start()
            self._signed = self._signed or bool(code.min(initial=0.0) < NEGATIVE)
            self._range = max(self._range * SHRINK, float(np.abs(code).max(initial=0.0)), LEAST_RANGE)
        self._code = code
        self._painter.ask()

    def settle(self) -> None:
        """Show the strongest weights of the newest code in order, whatever was shown before it."""
        if self._code is not None:
            self._strength = np.abs(self._code)
            self._rows = keep_rows([], self._strength)
            self._painter.ask()

    def shown(self) -> list[tuple[str, float]]:
        """Label and weight of each row, from the top."""
        return [] if self._code is None else [(self._label(row), float(self._code[row])) for row in self._rows]

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """A line for each row."""
        return QSize(240, ROWS * self._line())

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """As high as it wants to be, and narrower."""
        return QSize(160, ROWS * self._line())

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802 - Qt's name
        """Leave nothing to be done later."""
        super().hideEvent(event)
        self._rest.stop()
        self.settle()

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Draw name, bar and number of each row."""
        painter = QPainter(self)
        rows = self.shown()
        if not rows:
            painter.setPen(self.palette().color(QPalette.PlaceholderText))
            painter.drawText(self.rect(), Qt.AlignCenter, "No face is tracked now.")
            return
        for row, (label, weight) in enumerate(rows):
            self._paint_row(painter, row * self._line(), label, weight)

    def _paint_row(self, painter: QPainter, top: int, label: str, weight: float) -> None:
        palette, metrics, line = self.palette(), self.fontMetrics(), self._line()
        number = metrics.horizontalAdvance("−0.00") + 6
        bars = self.width() * BAR_PART
        names = self.width() - number - bars - 6
        groove = QRectF(names + 6, top + line * 0.28, bars, line * 0.44)
        painter.setPen(palette.color(QPalette.WindowText))
        elided = metrics.elidedText(label, Qt.ElideMiddle, int(names))
        painter.drawText(QRectF(0, top, names, line), Qt.AlignLeft | Qt.AlignVCenter, elided)
        painter.drawText(
            QRectF(self.width() - number, top, number, line), Qt.AlignRight | Qt.AlignVCenter, number_text(weight)
        )
        zero = groove.left() + (bars / 2 if self._signed else 0)
        reach = (bars / 2 if self._signed else bars) * weight / self._range
        painter.fillRect(groove, palette.color(QPalette.Mid))
        bar = QRectF(zero, groove.top(), reach, groove.height()).normalized()
        painter.fillRect(bar.intersected(groove), palette.color(QPalette.Highlight))
        if self._signed:
            painter.fillRect(QRectF(zero - 0.5, groove.top(), 1, groove.height()), palette.color(QPalette.WindowText))

    def _forget(self, count: int = 0) -> None:
        """Start anew with `count` weights, of which nothing is known."""
        self._code, self._rows = None, []
        self._strength = np.zeros(count, dtype=np.float32)
        self._signed, self._range = False, LEAST_RANGE

    def _label(self, index: int) -> str:
        return self._labels[index] if index < len(self._labels) else f"Code {index + 1}"

    def _line(self) -> int:
        return self.fontMetrics().height() + 4


def keep_rows(rows: list[int], strength: FloatArray, count: int = ROWS) -> list[int]:
    """Choose the strongest weights, keeping those shown in their rows until others are clearly stronger.

    Parameters
    ----------
    rows
        Indices shown so far, at most `count`.
    strength
        (E,) float32, at least 0.
    count
        How many to show.
    """
    strongest = [int(index) for index in np.argsort(-strength, kind="stable")[:count]]
    if len(rows) < len(strongest):
        return strongest
    rows = list(rows)
    factor, margin = CLEARLY
    for index in strongest:
        weakest = min(range(len(rows)), key=lambda row: strength[rows[row]])
        least = strength[rows[weakest]]
        enough = 2 * IDLE if least < IDLE else factor * least + margin
        if index not in rows and strength[index] > enough:
            rows[weakest] = index
    return rows


def number_text(weight: float) -> str:
    """Two digits, a real minus sign, and no minus zero."""
    return f"{round(weight, 2) + 0.0:.2f}".replace("-", "−")


def readable(name: str) -> str:
    """Turn a blendshape's name into words: "mouthSmile_L" → "Mouth smile left"."""
    stem, _, side = name.rpartition("_") if name.rpartition("_")[2] in SIDES else (name, "", "")
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+", stem)
    words = [word.lower() for word in words] + ([SIDES[side]] if side else [])
    return " ".join(words).capitalize() or name
