"""How tracking went in each frame of a recording, drawn as a strip."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from PyQt5.QtCore import QRectF
from PyQt5.QtGui import QColor, QPainter

from dphm_core.frames import TrackStatus

from ..theme import STATUS_COLORS

ORDER = (None, TrackStatus.TRACKING, TrackStatus.CALIBRATING, TrackStatus.SEARCHING, TrackStatus.LOST)
"""Where several frames share a pixel the last of these is drawn: what went wrong must not be overlooked."""
CODES = {status: code for code, status in enumerate(ORDER) if status is not None}
HEIGHTS = {
    TrackStatus.TRACKING: 0.35,
    TrackStatus.CALIBRATING: 0.65,
    TrackStatus.SEARCHING: 1.0,
    TrackStatus.LOST: 1.0,
}
"""Part of the strip that a state fills, so that it is not told by its colour alone."""

BAD, MIN_BAD = (TrackStatus.SEARCHING, TrackStatus.LOST), 3
"""What went wrong is at least so many pixels wide."""


class FrameMarks:
    """The tracker's state frame by frame, where it is known. Lives on the GUI thread."""

    def __init__(self, length: int) -> None:
        self._codes = np.zeros(max(1, length), dtype=np.uint8)

    def set(self, indices: Iterable[int], statuses: Iterable[TrackStatus]) -> None:
        """Take the states of all frames that are known; what was known before is forgotten."""
        places = np.fromiter(indices, dtype=np.int64)
        codes = np.fromiter((CODES[status] for status in statuses), dtype=np.uint8)
        inside = (places >= 0) & (places < len(self._codes))
        self._codes[:] = 0
        self._codes[places[inside]] = codes[inside]

    def add(self, index: int, status: TrackStatus) -> bool:
        """Take the state of one frame; whether that changes anything."""
        known = 0 <= index < len(self._codes) and self._codes[index] != CODES[status]
        if known:
            self._codes[index] = CODES[status]
        return bool(known)

    def status(self, index: int) -> TrackStatus | None:
        """State in a frame; None where it is not known."""
        return ORDER[self._codes[index]] if 0 <= index < len(self._codes) else None

    def runs(self, columns: int) -> list[tuple[int, int, TrackStatus]]:
        """Stretches of one state when all frames are spread over so many pixels: first and last pixel, and state."""
        per_column = self._per_column(max(2, columns))
        edges = np.flatnonzero(np.diff(per_column)) + 1
        starts, ends = np.append(0, edges), np.append(edges, len(per_column))
        found = ((int(start), int(end) - 1, ORDER[per_column[start]]) for start, end in zip(starts, ends, strict=True))
        return [(first, last, status) for first, last, status in found if status is not None]

    def paint(self, painter: QPainter, strip: QRectF) -> None:
        """Draw the states in a strip."""
        for first, last, status in sorted(self.runs(int(strip.width())), key=lambda run: CODES[run[2]]):
            height, width = strip.height() * HEIGHTS[status], last - first + 1
            wider = max(0, MIN_BAD - width) if status in BAD else 0
            box = QRectF(strip.left() + first - wider / 2, strip.bottom() - height, width + wider, height)
            painter.fillRect(box, QColor(STATUS_COLORS[status]))

    def _per_column(self, columns: int) -> NDArray[np.uint8]:
        """The worst state of the frames under each pixel."""
        first_frames = np.rint(np.arange(columns) * ((len(self._codes) - 1) / (columns - 1))).astype(np.int64)
        return np.maximum.reduceat(self._codes, first_frames)
