"""Ctrl-C as a request to come to an end, instead of an exception at any place."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Self

log = logging.getLogger(__name__)

NOTHING_YET = "before any frame had a head: nothing was written"
"""What is said of an interruption that leaves nothing."""


class StopOnInterrupt:
    """While the block runs, the first Ctrl-C calls `stop` and sets `asked`; a second one interrupts as usual.

    Only the main thread can take the signal over; elsewhere this changes nothing.

    Parameters
    ----------
    stop
        Must return at once; called between any two instructions of the main thread. By default nothing: who made it
        looks at `asked`.
    told
        What the log says then.
    """

    def __init__(
        self, stop: Callable[[], None] = lambda: None, told: str = "stopping, and keeping what is done"
    ) -> None:
        self.asked = False
        self._stop, self._told = stop, told

    def __enter__(self) -> Self:
        self._in_charge = threading.current_thread() is threading.main_thread()
        if self._in_charge:
            self._previous = signal.signal(signal.SIGINT, self._interrupted)
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._in_charge:
            signal.signal(signal.SIGINT, self._previous)

    def _interrupted(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            signal.default_int_handler(number, frame)
        self.asked = True
        log.warning("%s; Ctrl-C again gives it up", self._told)
        self._stop()


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Ctrl-C waits until the block is over, and processes that are begun in it never hear of one (not on Windows)."""
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # which new processes inherit
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
