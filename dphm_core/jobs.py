"""One slow piece of work on a thread of its own: its progress, and its result, for whoever asks from time to time.

A window opens sources, tracks whole recordings, exports and converts this way, and stays alive meanwhile.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Generic, TypeVar

from dphm_core.errors import Cancelled

T = TypeVar("T")
Tell = Callable[[int, int | None], None]
"""To be called often by the work, with how many of how many steps are done; raises `Cancelled` once it is not wanted
any longer. The number of all steps is None where it is not known."""


@dataclass(frozen=True)
class Progress:
    """How far a piece of work is."""

    done: int = 0
    """Steps that are done."""
    total: int | None = None
    """Steps in all; None where that is not known."""
    elapsed_s: float = 0.0
    """Seconds since the beginning."""

    @property
    def share(self) -> float | None:
        """0..1; None where it is not known."""
        return None if not self.total else min(1.0, self.done / self.total)

    @property
    def left_s(self) -> float | None:
        """Seconds that are left at the pace so far; None where it is not known."""
        return None if not self.share else self.elapsed_s * (1 / self.share - 1)


class Job(Generic[T]):
    """Begins with its making; polled, cancelled and waited for from the thread that made it.

    Parameters
    ----------
    do
        The work, called once on a thread of its own.
    name
        What it is, for the user: "Exporting".
    """

    def __init__(self, do: Callable[[Tell], T], name: str) -> None:
        self.name = name
        self._do = do
        self._started = monotonic()
        self._steps: tuple[int, int | None] = (0, None)
        self._unwanted = threading.Event()
        self._result: T | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=f"dphm-job-{name.lower()}", daemon=True)
        self._thread.start()

    @property
    def progress(self) -> Progress:
        """How far it is."""
        return Progress(*self._steps, elapsed_s=monotonic() - self._started)

    @property
    def running(self) -> bool:
        """Whether there is no result yet, nor an error."""
        return self._thread.is_alive()

    @property
    def error(self) -> BaseException | None:
        """What the work raised, once it has."""
        return self._error

    def cancel(self) -> None:
        """Ask it to end: soon `poll` raises `Cancelled`, unless it was through before."""
        self._unwanted.set()

    def poll(self) -> T | None:
        """Return the result; None while under way, and where the work has none.

        Raises
        ------
        BaseException
            What the work raised.
        """
        if self.running:
            return None
        if self._error is not None:
            raise self._error
        return self._result

    def wait(self) -> T | None:
        """Like `poll`, once it is over."""
        self.join()
        return self.poll()

    def join(self) -> None:
        """Wait until it is over, however it ends."""
        self._thread.join()

    def _run(self) -> None:
        try:
            self._result = self._do(self._tell)
        except BaseException as error:
            self._error = error

    def _tell(self, done: int, total: int | None) -> None:
        self._steps = (done, total)
        if self._unwanted.is_set():
            raise Cancelled(f"{self.name} was cancelled")
