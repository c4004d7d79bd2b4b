"""What live cameras share: waited for in slices, found again when they were gone, and with one steady clock."""

from __future__ import annotations

import logging
import threading
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from time import monotonic
from typing import TypeVar

from dphm_core.errors import SourceError
from dphm_core.frames import RGBDFrame
from dphm_core.sources.base import Source, UnreadableFrame

log = logging.getLogger(__name__)

T = TypeVar("T")

SLICE_MS = 250
"""A driver is never waited in for longer than this, so that a source can be closed meanwhile."""
PATIENCE_S = 60.0
"""A camera that is not back after so long is given up."""
RETRY_S = 0.5
"""Between two attempts to find it again."""
STEADY_S = 2.0
"""A camera that has sent pictures for so long since it came back is back for good."""
CLOCK_JUMP_S = 2.0
"""A camera's clock that runs ahead of ours by more than this from one frame to the next was set anew."""


READABLE_S = 10.0
"""A camera of whose pictures none could be used for so long is given up."""


class CameraLost(Exception):  # noqa: N818 - not an error of the source: it is waited for first
    """A live camera sends nothing any more.

    Parameters
    ----------
    what : str
        What happened, to go on from the camera's name: "was unplugged".
    cure : str
        What to do, as an order: "plug it in again".
    """

    def __init__(self, what: str, cure: str) -> None:
        super().__init__(f"{what}; {cure}")
        self.what, self.cure = what, cure


@dataclass(frozen=True)
class Patience:
    """How long a camera that is gone is waited for."""

    limit_s: float = PATIENCE_S
    """Seconds until it is given up."""
    retry_s: float = RETRY_S
    """Seconds between two attempts."""
    steady_s: float = STEADY_S
    """Seconds of pictures after which it is back for good; until then it is still the same loss."""


class FrameClock:
    """Numbers a camera's frames by its own clock, and goes on where that clock begins anew."""

    def __init__(self) -> None:
        self.dropped = 0
        """Frames that are missing between the others."""
        self._shift_s = 0.0  # from the camera's time to that of the frames
        self._start_s: float | None = None
        self._last_index, self._last_s, self._came_s = -1, 0.0, 0.0
        self._away = False
        self._skipped = 0

    def skip(self) -> None:
        """A frame came and could not be used: it is missing, but was not dropped."""
        self._skipped += 1

    def resume(self) -> None:
        """The camera was gone: what is missing until the next frame was not dropped."""
        self._away = True

    def place(self, frame: RGBDFrame, fps: float) -> RGBDFrame:
        """Give a frame its index, larger than the one before, and its time, later than the one before.

        Parameters
        ----------
        frame : RGBDFrame
            With the camera's own time.
        fps : float
            Frames per second.
        """
        now, away, skipped = monotonic(), self._away, self._skipped
        self._away, self._skipped = False, 0
        if self._start_s is None:
            self._start_s, self._last_s, self._came_s = frame.timestamp_s, frame.timestamp_s - 1 / fps, now
        step_s, passed_s = frame.timestamp_s + self._shift_s - self._last_s, now - self._came_s
        if step_s <= 0.0 or step_s > passed_s + CLOCK_JUMP_S:
            self._shift_s += max(passed_s, 1 / fps) - step_s
            away = True
        timestamp_s = frame.timestamp_s + self._shift_s
        index = max(round((timestamp_s - self._start_s) * fps), self._last_index + 1)
        if not away:
            self.dropped += max(0, index - self._last_index - 1 - skipped)
        self._last_index, self._last_s, self._came_s = index, timestamp_s, now
        return replace(frame, index=index, timestamp_s=timestamp_s)


class LiveSource(Source):
    """A live camera: one that is unplugged or silent is told of by `waiting`, and goes on when it is back.

    A subclass reads by `_receive`, lets go by `_disconnect` and finds the same camera again, set as before, by
    `_reconnect`. Its frames carry the camera's own time; index and time are made steady here.

    Parameters
    ----------
    patience : Patience
        How long a camera that is gone is waited for.
    """

    seekable = False

    def __init__(self, patience: Patience | None = None) -> None:
        self._patience = patience or Patience()
        self._over = threading.Event()
        self._clock = FrameClock()
        self._readable_s: float | None = None  # when the newest whole picture came
        self._lost_s: float | None = None  # when the camera was lost, as long as it is not back for good
        self._back_s: float | None = None  # when its first picture since then came

    def interrupt(self) -> None:
        """Let iteration end within a slice; any thread. Only `close` makes sense afterwards."""
        self._over.set()

    def close(self) -> None:
        """Stop and release the camera; harmless when repeated."""
        self._over.set()
        self._disconnect()

    @abstractmethod
    def _receive(self) -> RGBDFrame:
        """Wait for the next frame, by `_wait`; CameraLost where none comes, UnreadableFrame where it is damaged."""

    @abstractmethod
    def _disconnect(self) -> None:
        """Release the camera, which may be gone; harmless when repeated, raises nothing for it."""

    @abstractmethod
    def _reconnect(self) -> None:
        """Open the same camera again, set as before; SourceError, with nothing left open, while it cannot be had."""

    def _wait(self, take: Callable[[int], T | None], timeout_ms: int) -> T | None:
        """Take what the driver has next, in slices.

        Parameters
        ----------
        take : callable
            Asks the driver, which waits for so many milliseconds, and returns None where nothing came.
        timeout_ms : int
            How long to wait in all.

        Returns
        -------
        T or None
            None where nothing came in this time, or where the source was interrupted.
        """
        deadline = monotonic() + timeout_ms / 1000
        while not self._over.is_set() and (left_ms := round(1000 * (deadline - monotonic()))) > 0:
            if (taken := take(min(left_ms, SLICE_MS))) is not None:
                return taken
        return None

    def _read_next(self) -> RGBDFrame:
        while not self._over.is_set():
            try:
                frame = self._receive()
            except CameraLost as loss:
                if not self._over.is_set():
                    self._recover(loss)
            except UnreadableFrame as damage:
                self._clock.skip()
                self._check_readable(damage)
                raise
            else:
                self._note_picture()
                placed = self._clock.place(frame, self.info.fps)
                self.dropped = self._clock.dropped
                return placed
        raise StopIteration

    def _note_picture(self) -> None:
        """A whole picture came."""
        self._readable_s = now = monotonic()
        if self._lost_s is not None:
            self._back_s = now if self._back_s is None else self._back_s
            if now - self._back_s >= self._patience.steady_s:
                self._lost_s = None

    def _check_readable(self, damage: UnreadableFrame) -> None:
        now = monotonic()
        self._readable_s = now if self._readable_s is None else self._readable_s
        if now - self._readable_s > READABLE_S:
            told = f"{self.info.label} has sent no whole picture for {READABLE_S:g} s ({damage})"
            raise SourceError(f"{told}; plug it in again, then open it again") from damage

    def _recover(self, loss: CameraLost) -> None:
        """Wait until the camera is back, or the source is interrupted; SourceError where that takes too long."""
        label = self.info.label
        again, lost_s = self._lost_s is not None, self._lost_s or monotonic()
        if again and monotonic() - lost_s >= self._patience.limit_s:  # it can be opened, but hardly anything comes
            raise SourceError(f"{label} {loss.what}; {loss.cure}, then open it again")
        self._lost_s, self._back_s = lost_s, None
        self._tell(f"{label} {loss.what}; {loss.cure}: it goes on by itself")
        first: str | None = None
        try:
            self._disconnect()
            while not self._over.is_set() and (refusal := self._try_again()) is not None:
                first = first or str(refusal)
                news = str(refusal) != first  # it is there again, and something else is in the way
                if monotonic() - lost_s >= self._patience.limit_s:
                    end = f" and did not come back: {refusal}" if news else f"; {loss.cure}, then open it again"
                    raise SourceError(f"{label} {loss.what}{end}") from refusal
                if news:
                    self._tell(f"{label} is not back yet: {refusal}")
                self._over.wait(self._patience.retry_s)
        finally:
            self.waiting = None
        if not self._over.is_set():
            self._clock.resume()
            self._readable_s = None
            log.info("%s is back after %.1f s", label, monotonic() - lost_s)

    def _tell(self, text: str) -> None:
        if text != self.waiting:
            self.waiting = text
            log.warning("%s", text)

    def _try_again(self) -> SourceError | None:
        """Open the camera again; why not, where it cannot be had."""
        try:
            self._reconnect()
        except SourceError as refusal:
            log.debug("%s", refusal)
            return refusal
        return None
