"""Where the frames of a running source lie in its recording."""

from __future__ import annotations


class Timeline:
    """Numbers and times frames so that both only grow; the recording begins with number 0.

    Gaps stay. Where the source jumps back, numbers and times go on with the next frame's.

    Parameters
    ----------
    fps : float
        Nominal frames per second.
    """

    def __init__(self, fps: float) -> None:
        self._interval_s = 1 / fps if fps > 0 else 0.0
        self._index_shift: int | None = None
        self._time_shift_s = 0.0
        self._index = -1
        self._start_s = self._time_s = 0.0

    @property
    def seconds(self) -> float:
        """From the first to the last frame."""
        return self._time_s - self._start_s

    def place(self, index: int, timestamp_s: float) -> tuple[int, float]:
        """Index and time, in seconds, of the source's next frame."""
        if self._index_shift is None:
            self._index_shift, self._start_s, self._time_s = -index, timestamp_s, timestamp_s - self._interval_s
        if index + self._index_shift <= self._index:
            self._index_shift = self._index + 1 - index
        if timestamp_s + self._time_shift_s <= self._time_s:
            self._time_shift_s = self._time_s + self._interval_s - timestamp_s
        self._index = index + self._index_shift
        self._time_s = timestamp_s + self._time_shift_s
        return self._index, self._time_s
