"""Lets work that waits for others, or is busy for seconds, be cancelled all the same."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Self

from dphm_core.jobs import Tell
from dphm_core.output.interrupt import StopOnInterrupt

LOOK_S = 0.05
"""How often it is asked whether the work is still wanted."""


class CancelWatch:
    """While the block runs, asks from a thread of its own whether the work is to go on, and gives it up where not.

    Made and used on the thread of the work; `give_up` is called on the other one.

    Parameters
    ----------
    tell
        Told on both threads how far the work is; raises `Cancelled` once it is not wanted any longer. None: it always
        is.
    give_up
        Makes whatever is under way end soon. Called again and again until the block is left, because something may be
        begun after the first time.
    interrupt : StopOnInterrupt
        Where it was asked to stop, what is under way is given up, too; `check` does not raise then: what is done is
        kept.
    """

    def __init__(self, tell: Tell | None, give_up: Callable[[], None], interrupt: StopOnInterrupt) -> None:
        self._tell, self._give_up, self._interrupt = tell, give_up, interrupt
        self._steps: tuple[int, int | None] = (0, None)
        self._reason: BaseException | None = None
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._look, name="dphm-cancel-watch", daemon=True)

    @property
    def interrupted(self) -> bool:
        """Whether it was asked to stop, by Ctrl-C."""
        return self._interrupt.asked

    def at(self, done: int, total: int | None) -> None:
        """Tell how far the work is; raise where it is not wanted any longer."""
        self._steps = (done, total)
        if self._tell is not None and self._reason is None:
            self._reason = self._ask(self._tell)
        self.check()

    def check(self) -> None:
        """Raise what `tell` raised, where it did."""
        if self._reason is not None:
            raise self._reason

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._left.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._left.wait(LOOK_S):
            if self._tell is not None and self._reason is None:
                self._reason = self._ask(self._tell)
            if self._reason is not None or self.interrupted:
                self._give_up()

    def _ask(self, tell: Tell) -> BaseException | None:
        try:
            tell(*self._steps)
        except BaseException as reason:
            return reason
        return None
