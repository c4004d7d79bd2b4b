"""One slow piece of work beside what goes on: at once where results must not depend on time, else on a thread."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar

from dphm_core.errors import Cancelled

T = TypeVar("T")
Check = Callable[[], None]
"""To be called often by the work; raises `Cancelled` once it is not wanted any longer."""
NICENESS = 5
"""By how much such a thread gives way to those that keep up with a camera, on Linux."""

SWITCH_S = 0.0005
"""How soon, meanwhile, a thread that wants the interpreter gets it: each of many short calls waits for it. With the
usual 5 ms, the slowest frames were an eighth slower beside a calibration, and that one a little (two busy cores)."""
USUAL_SWITCH_S = sys.getswitchinterval()


class Aside(Generic[T]):
    """Does one piece of work at a time; all but `cancel` for one thread, `cancel` for any.

    Parameters
    ----------
    background
        True: the work is done on a thread of its own. False: `start` does it, so that it is done when `start` returns.
    name
        Of the thread.
    """

    def __init__(self, background: bool, name: str) -> None:
        self._background, self._name = background, name
        self._lock = threading.Lock()
        self._work: _Work[T] | None = None
        self._closed = False

    @property
    def busy(self) -> bool:
        """Whether there is work under way, or a result that was not taken."""
        return self._work is not None

    @property
    def closed(self) -> bool:
        """Whether no work can begin."""
        return self._closed

    @property
    def done(self) -> bool:
        """Whether there is a result to be taken."""
        work = self._work  # once: another thread may give it up meanwhile
        return work is not None and work.done.is_set()

    def start(self, do: Callable[[Check], T]) -> None:
        """Begin a piece of work; only while not busy.

        Raises
        ------
        Cancelled
            After `cancel`, or because of it.
        """
        with self._lock:
            if self._closed:
                raise Cancelled("no new work is begun: it was cancelled")
            work = self._work = _Work(do)
            if self._background:
                work.thread = threading.Thread(target=work.run_on_thread, name=self._name, daemon=True)
                work.thread.start()
                return
        try:
            work.run()
            if isinstance(work.error, Cancelled):
                raise work.error
        except BaseException:
            self._work = None
            raise

    def take(self) -> T | None:
        """Hand the result over, once; None while there is none. Raises what the work raised."""
        work = self._work
        if work is None or not work.done.is_set():
            return None
        self._work = None
        if work.error is not None:
            raise work.error
        return work.result

    def wait(self) -> None:
        """Wait for the work under way."""
        work = self._work
        if work is not None:
            work.done.wait()

    def drop(self) -> None:
        """Give up the work under way; its result will not come."""
        with self._lock:
            work, self._work = self._work, None
        if work is not None:
            work.unwanted.set()

    def cancel(self, patience_s: float) -> None:
        """Give up the work under way, begin none until `reopen`, and wait for the thread to end, so long at most."""
        with self._lock:
            self._closed = True
            work = self._work
            if self._background:
                self._work = None
        if work is None:
            return
        work.unwanted.set()
        if work.thread is not None:
            work.thread.join(patience_s)

    def reopen(self) -> None:
        """Let work begin again after `cancel`."""
        self._closed = False


class _Work(Generic[T]):
    """One piece of work and what became of it."""

    def __init__(self, do: Callable[[Check], T]) -> None:
        self._do = do
        self.result: T | None = None
        self.error: BaseException | None = None
        self.unwanted = threading.Event()
        self.done = threading.Event()
        self.thread: threading.Thread | None = None

    def run(self) -> None:
        """Do it on this thread; what comes of it, or goes wrong, is kept."""
        try:
            self.result = self._do(self._check)
        except BaseException as error:
            self.error = error
        finally:
            self.done.set()

    def run_on_thread(self) -> None:
        """Do it on a thread of its own, which gives way to all others."""
        if sys.platform == "linux":  # elsewhere this is not the thread's own
            thread = threading.get_native_id()
            with suppress(OSError):  # more urgent than others is nothing that anybody may become again
                os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + NICENESS)
        sys.setswitchinterval(SWITCH_S)
        try:
            self.run()
        finally:
            sys.setswitchinterval(USUAL_SWITCH_S)

    def _check(self) -> None:
        if self.unwanted.is_set():
            raise Cancelled("it is not wanted any longer")
