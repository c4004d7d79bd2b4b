"""Tracks recordings side by side on this machine: one process per worker, so that what kills one kills no other."""

from __future__ import annotations

import os
import signal
import threading
from _thread import interrupt_main
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnContext
from multiprocessing.synchronize import Event
from time import sleep
from types import FrameType
from typing import Any

from dphm_core.errors import Cancelled
from dphm_core.jobs import Tell
from dphm_core.many.tasks import Outcome, Task, TrackOne, attempt
from dphm_core.output.interrupt import interrupts_held

LOOK_S = 0.2
"""How often it is looked whether to stop."""
JOIN_S = 10.0
"""Patience with a process that was told to end."""


def usual_workers() -> int:
    """How many recordings this machine's cores are good for: the tracker keeps two of them busy."""
    return max(1, (os.cpu_count() or 1) // 2)


class Processes:
    """Does tasks in `workers` processes of their own.

    `track_one` has to be picklable, and to call `tell` before it writes. After `stop` those under way end within a
    second, those that are still loading between two steps of that, and leave nothing behind.
    """

    def __init__(self, track_one: TrackOne, workers: int) -> None:
        self._track_one, self._workers = track_one, workers
        self._context = get_context("spawn")
        self._unwanted = self._context.Event()
        self._stopped = False

    def run(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, Outcome]]:
        """Do them, begun in their order."""
        waiting, crew = deque(tasks), list[_Worker]()
        try:
            while True:
                while waiting and len(crew) < self._workers and not self._stopped:
                    crew.append(_Worker(self._context, self._track_one, self._unwanted, waiting.popleft()))
                if not crew:
                    return
                if self._stopped:
                    self._unwanted.set()
                ready = wait([worker.pipe for worker in crew], LOOK_S)
                for worker in [worker for worker in crew if worker.pipe in ready]:
                    task, outcome = worker.task, worker.outcome()
                    if worker.dead or not waiting or self._stopped:
                        crew.remove(worker)
                        worker.end()
                    else:
                        worker.give(waiting.popleft())
                    yield task, outcome
        finally:
            self._unwanted.set()
            for worker in crew:
                worker.end()

    def stop(self) -> None:
        """Begin no more, and have those under way give up."""
        self._stopped = True  # no more: it may come while this thread holds a lock of the event


class _Worker:
    """A process that does tasks, and what is known of it here."""

    def __init__(self, context: SpawnContext, track_one: TrackOne, unwanted: Event, task: Task) -> None:
        self.pipe, theirs = context.Pipe()
        self.dead = False
        self._process = context.Process(target=_serve, args=(theirs, track_one, unwanted), daemon=True)
        with interrupts_held():  # Ctrl-C is the business of the process that gives tasks out, from the very start
            self._process.start()
        theirs.close()  # so that the pipe ends with the process
        self.give(task)

    def give(self, task: Task) -> None:
        """Have the next task done."""
        self.task = task
        with suppress(OSError):  # it ended meanwhile: reading tells
            self.pipe.send(task)

    def outcome(self) -> Outcome:
        """What became of the task; waits for it."""
        try:
            outcome: Outcome = self.pipe.recv()
        except (EOFError, OSError):
            self.dead = True
            self._process.join(JOIN_S)
            return Outcome(error=_what_killed(self._process.exitcode))
        return outcome

    def end(self) -> None:
        """Let the process end; kill it where it does not."""
        with suppress(OSError):
            self.pipe.send(None)
        self._process.join(JOIN_S)
        if self._process.exitcode is None:
            self._process.kill()
            self._process.join()
        self.pipe.close()


def _what_killed(code: int | None) -> str:
    if code is not None and code < 0:
        name = signal.Signals(-code).name if -code in signal.valid_signals() else str(-code)
        why = ", most likely for want of memory; take fewer --workers" if name == "SIGKILL" else ""
        return f"its process was killed ({name}{why})"
    return f"its process ended without an answer (exit code {code})"


class _Undertaking:
    """Does one task after the other in the worker's process, on its main thread, as long as they are wanted.

    What loads tells of nothing and so cannot be asked: it is interrupted, as if by Ctrl-C. A real Ctrl-C means nothing
    here (see _Worker; on Windows from here on only).
    """

    def __init__(self, track_one: TrackOne, unwanted: Event) -> None:
        self._track_one, self._unwanted = track_one, unwanted
        self._loading = False
        signal.signal(signal.SIGINT, self._interrupt)
        threading.Thread(target=self._watch, daemon=True).start()

    def __call__(self, task: Task, _tell: Tell | None) -> dict[str, Any]:
        """Do one."""
        try:
            self._loading = True
            return self._track_one(task, self._tell)
        finally:
            self._loading = False

    def _tell(self, _done: int, _total: int | None) -> None:
        self._loading = False
        if self._unwanted.is_set():
            raise Cancelled("it is not wanted any longer")

    def _watch(self) -> None:
        """Interrupt what loads, and again where the exception was lost."""
        while True:
            sleep(LOOK_S)  # not the event's `wait`: a process that is killed in that blocks the one that sets it
            if self._unwanted.is_set() and self._loading:
                interrupt_main()

    def _interrupt(self, _number: int, _frame: FrameType | None) -> None:
        if self._loading and self._unwanted.is_set():
            raise KeyboardInterrupt


def _serve(pipe: Connection, track_one: TrackOne, unwanted: Event) -> None:
    """Do tasks until there is none; in the worker's process."""
    undertaking = _Undertaking(track_one, unwanted)
    while True:
        try:
            task = pipe.recv()
        except EOFError:  # nobody is there any more
            return
        if task is None:
            return
        pipe.send(attempt(undertaking, task, None))
