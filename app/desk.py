"""What is open and what slow work is under way: the one timer of the window looks after both."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from PyQt5.QtCore import QObject, Qt, QTimer, pyqtSignal

from dphm_core.errors import Cancelled, DphmError
from dphm_core.frames import TrackedFrame
from dphm_core.jobs import Job, Tell
from dphm_core.pipeline import PipelineState

from .session import OpenSession, Request, Session

log = logging.getLogger(__name__)

TICK_MS = 15
"""The timer looks for a new frame this often: twice as often as a 30 Hz camera delivers."""
LOOK_TICKS = 16
"""`Desk.ticking` comes with every so many-th tick, four times a second."""


@dataclass
class Task:
    """A job, and what is done with its result on the GUI thread."""

    job: Job[Any]
    done: Callable[[Any], object]
    failed: Callable[[], object]
    quiet: bool
    """Whether it is too short to be shown, or shown elsewhere."""


class Desk(QObject):
    """Opens one source at a time, takes its newest tracked frame, and runs jobs. Lives on the GUI thread.

    Parameters
    ----------
    open_session
        Opens a source; runs on a thread of its own.
    parent
        The window.
    """

    opening = pyqtSignal(object)
    """A `Request` is being opened."""
    opened = pyqtSignal(object)
    """A `Session` is open; it is started right afterwards."""
    closed = pyqtSignal()
    """No source is open any more."""
    frame = pyqtSignal(object)
    """A `TrackedFrame` that was not shown before."""
    ticked = pyqtSignal(object, object)
    """The newest `TrackedFrame` (None before the first) and the `PipelineStatus`, every tick while a source is open."""
    ticking = pyqtSignal()
    """Some times a second, whether anything is open or not."""
    ended = pyqtSignal()
    """The recording's last frame was handed out; repeated while it stays so."""
    failed = pyqtSignal(str, object, object)
    """The message of an error, for the user, the `Request` that it ended (None: of another job), and the error."""
    told = pyqtSignal(str)
    """Something that the user waited for is done."""

    def __init__(self, open_session: OpenSession, parent: QObject, usual: Request | None = None) -> None:
        super().__init__(parent)
        self.usual = usual or Request("")
        """How sources are opened, but for which."""
        self._open_session = open_session
        self._opening: Job[Session] | None = None
        self._request: Request | None = None
        self._next: Request | None = None
        self._leaving: list[Job[None]] = []
        self._left: list[Session] = []  # some of them may be loading still
        self.session: Session | None = None
        self.shown: TrackedFrame | None = None
        self.drawn: TrackedFrame | None = None
        """What is on screen: an earlier one than `shown` where the picture stands still."""
        self.frozen = False
        """Whether the picture of a camera stands still; frames go on, and are recorded."""
        self.tasks: list[Task] = []
        self._ticks = 0
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._timer.start(TICK_MS)

    @property
    def request(self) -> Request | None:
        """What is open or being opened."""
        return self._request

    def open(self, request: Request) -> None:
        """Close what is open and open another source; what is being opened is left, and this comes next."""
        if self._opening is not None:
            self._next = request
            return
        leaving, self.session = self.session, None
        if leaving is not None:
            self._left.append(leaving)
        self.shown = self.drawn = None
        self._request = request
        self._opening = Job(lambda _tell: self._change(leaving, request), "Opening")
        self.opening.emit(request)

    def reopen(self, **changes: object) -> None:
        """Open the same source again, where it is now, with some of the request changed."""
        if self._request is None:
            return
        now: dict[str, object] = {}
        if self.session is not None and not self.session.live and self.shown is not None:
            playing = self.session.pipeline.status().state is PipelineState.PLAYING
            now = {"position": self.shown.index, "playing": playing}
        self.open(replace(self._request, **{**now, **changes}))  # type: ignore[arg-type]

    def amend(self, **changes: object) -> None:
        """Remember a change that was made to what is open, for whenever it, or another source, is opened."""
        self.usual = replace(self.usual, **changes)  # type: ignore[arg-type]
        if self._request is not None:
            self._request = replace(self._request, **changes)  # type: ignore[arg-type]

    def make_loud(self, job: Job[Any]) -> None:
        """Show a job that was shown elsewhere so far."""
        for task in self.tasks:
            task.quiet = task.quiet and task.job is not job

    def close(self) -> None:
        """Close what is open; the device is released a moment later."""
        leaving, self.session = self.session, None
        self.shown = self.drawn = self._request = self._next = None
        if leaving is not None:
            self._leave(leaving)
        self.closed.emit()

    def run(
        self, name: str, do: Callable[[Tell], Any], done: Callable[[Any], object] = lambda _result: None,
        failed: Callable[[], object] = lambda: None, quiet: bool = False,
    ) -> Job[Any]:  # fmt: skip
        """Do something slow on a thread, then call `done` with its result, or tell its error and call `failed`."""
        task = Task(Job(do, name), done, failed, quiet)
        self.tasks.append(task)
        return task.job

    def leave(self) -> None:
        """Begin to stop the threads and to release the device."""
        session, self.session = self.session, None
        if session is not None:
            self._leave(session)

    def shut_down(self) -> None:
        """Stop every thread and release the device; waits for that."""
        self._timer.stop()
        for task in self.tasks:
            task.job.cancel()
        if self._opening is not None:
            try:
                self.session = self._opening.wait()
            except Exception:
                log.exception("opening %s, while the window was closed", self._request)
            self._opening = None
        self.leave()
        for job in [*self._leaving, *(task.job for task in self.tasks)]:
            try:
                job.wait()
            except Cancelled:
                pass
            except Exception:
                log.exception("%s, while the window was closed", job.name)
        for left in self._left:
            left.wait()

    def _leave(self, session: Session) -> None:
        """Close a session beside what goes on."""
        self._leaving.append(Job(lambda _tell: session.close(), "Closing"))
        self._left.append(session)

    def _change(self, leaving: Session | None, request: Request) -> Session:
        """Opening thread: leave one source before another is opened, since it may be the same camera."""
        for job in self._leaving:
            job.join()
        if leaving is not None:
            try:
                leaving.close()
            except Exception:
                log.exception("closing %s", leaving.request.uri)  # no reason not to open another source
        return self._open_session(request)

    def _tick(self) -> None:
        self._ticks += 1
        if self._ticks % LOOK_TICKS == 0:
            self.ticking.emit()
        self._poll_tasks()
        if self._opening is not None:
            self._poll_opening(self._opening)
        elif self.session is not None:
            self._take_newest(self.session)

    def _poll_opening(self, opening: Job[Session]) -> None:
        if opening.running:
            return
        self._opening = None
        wanted, self._next = self._next, None
        try:
            session = opening.poll()
        except Exception as error:
            if wanted is None:
                self._fail(error)
            else:
                self.open(wanted)
            return
        assert session is not None
        self.session = session
        if wanted is not None:
            self.open(wanted)
        elif self._request is None:  # closed meanwhile
            self.close()
        else:
            self.opened.emit(session)
            try:
                session.start()
            except Exception as error:
                self._fail(error)

    def _take_newest(self, session: Session) -> None:
        error = session.error
        if error is not None:
            self._fail(error)
            return
        status, tracked = session.pipeline.status(), session.pipeline.latest()
        if tracked is not None and tracked is not self.shown:
            self.shown = tracked
            self.frame.emit(tracked)
        elif tracked is not None and status.state is PipelineState.ENDED and status.caught_up:
            self.ended.emit()
        self.ticked.emit(tracked, status)

    def _poll_tasks(self) -> None:
        for task in [task for task in self.tasks if not task.job.running]:
            self.tasks.remove(task)
            try:
                result = task.job.poll()
            except Cancelled:
                task.failed()
            except Exception as error:
                self.failed.emit(in_words(error), None, error)
                task.failed()
            else:
                task.done(result)
        self._leaving = [job for job in self._leaving if job.running or self._left_badly(job)]
        self._left = [session for session in self._left if session.loading]

    def _left_badly(self, job: Job[None]) -> bool:
        """Tell what went wrong in closing; never keeps the job."""
        try:
            job.poll()
        except Exception as error:
            self.failed.emit(in_words(error), None, error)
        return False

    def _fail(self, error: BaseException) -> None:
        request = self._request
        self.close()
        self.failed.emit(in_words(error), request, error)


def in_words(error: BaseException) -> str:
    """What to tell the user; what nobody expected is logged with where it came from."""
    if isinstance(error, DphmError):
        return str(error)
    log.error("unexpected error", exc_info=error)
    return f"{type(error).__name__}: {error}"
