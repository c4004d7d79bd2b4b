"""What one thread leaves for another: a one-slot box, and a frame-rate meter."""

from __future__ import annotations

import threading
from collections import deque
from time import monotonic
from typing import Generic, TypeVar

RATE_SAMPLES = 30
"""Frames over which a frame rate is averaged."""
RATE_STALE_S = 1.0
"""A rate without a new frame for this long reads 0."""
CTRL_C_S = 0.2
"""Waiting is done in pieces of this: on Windows Ctrl-C does not end it, and is heard between two pieces."""

T = TypeVar("T")


class RateMeter:
    """Frames per second over the last 30 frames; one thread ticks, any thread reads."""

    def __init__(self) -> None:
        self._ticks: deque[float] = deque(maxlen=RATE_SAMPLES)

    def tick(self) -> None:
        """Count a frame."""
        self._ticks.append(monotonic())

    @property
    def fps(self) -> float:
        """Mean rate; 0 after a second without a frame."""
        ticks = tuple(self._ticks)
        if len(ticks) < 2 or monotonic() - ticks[-1] > RATE_STALE_S:
            return 0.0
        return (len(ticks) - 1) / max(ticks[-1] - ticks[0], 1e-9)


class HandOver(Generic[T]):
    """A one-slot box from one thread to another; both may call, and any thread may close it.

    Parameters
    ----------
    every
        True: `put` waits until the slot is free. False: a newer item replaces one not yet taken (latest wins).
    """

    def __init__(self, every: bool) -> None:
        self._changed = threading.Condition()
        self._every = every
        self._slot: T | None = None
        self._closed = False
        self.dropped = 0

    def put(self, item: T) -> bool:
        """Hand `item` over; False once the box is closed."""
        with self._changed:
            if self._every:
                self._changed.wait_for(lambda: self._slot is None or self._closed)
            if self._closed:
                return False
            self.dropped += self._slot is not None
            self._slot = item
            self._changed.notify_all()
            return True

    def take(self) -> T | None:
        """Wait for an item; None once the box is closed and empty."""
        with self._changed:
            while not self._changed.wait_for(lambda: self._slot is not None or self._closed, CTRL_C_S):
                pass
            item, self._slot = self._slot, None
            self._changed.notify_all()
            return item

    def close(self, discard: bool = False) -> None:
        """Let nothing more in; with `discard`, forget what was not taken."""
        with self._changed:
            self._closed = True
            if discard:
                self._slot = None
            self._changed.notify_all()
