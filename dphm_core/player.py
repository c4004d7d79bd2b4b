"""Playback pacing: when the next frame of a source is due, and the commands play, pause, step and seek."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from enum import Enum
from time import monotonic


class Pace(Enum):
    """Who sets the pace of reading."""

    SOURCE = "source"
    """The player's own clock, at the source's frame rate × speed: a recording in a window."""
    FASTEST = "fastest"
    """As fast as frames are taken: a live camera (which waits for its next capture itself), or batch work."""
    STEPPED = "stepped"
    """Only on `Player.step`, until `Player.play` lets it run at the source's frame rate."""


@dataclass(frozen=True)
class Turn:
    """Leave to read one frame."""

    seek_to: int | None
    """Frame index to seek to first; None to read on."""


class Player:
    """The clock of one pipeline.

    Commands may come from any thread; the producer thread alone waits in `next_turn`.

    Parameters
    ----------
    fps
        The source's frame rate, frames per second.
    pace
        Who sets the pace.
    speed
        Factor on the source's frame rate.
    """

    def __init__(self, fps: float, pace: Pace, speed: float = 1.0) -> None:
        self._changed = threading.Condition()
        self._fps = fps
        self._free_running = pace is Pace.FASTEST
        self._playing = pace is not Pace.STEPPED
        self._speed = speed
        self._steps = 0
        self._seek_to: int | None = None
        self._ended = False
        self._stopped = False
        self._due = monotonic()

    @property
    def playing(self) -> bool:
        """Whether frames follow one another on their own."""
        return self._playing

    @property
    def ended(self) -> bool:
        """Whether the source ran out of frames and nothing was asked for since."""
        return self._ended

    def play(self) -> None:
        """Run; from the start where the source had ended."""
        with self._changed:
            if self._ended:
                self._seek_to, self._ended = 0, False
            self._playing = True
            self._due = monotonic()
            self._changed.notify_all()

    def pause(self) -> None:
        """Hold after the frame that is being read."""
        with self._changed:
            self._playing = False
            self._steps = 0

    def step(self, count: int = 1) -> None:
        """Pause and read `count` more frames."""
        with self._changed:
            self._playing = False
            self._steps += count
            self._changed.notify_all()

    def seek(self, index: int) -> None:
        """Read frame `index` next, also while paused; the newest of several requests wins."""
        with self._changed:
            self._seek_to, self._ended = index, False
            self._steps = max(self._steps, 1)
            self._changed.notify_all()

    def stop(self) -> None:
        """Let the producer go: `next_turn` returns None from now on."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def end(self) -> None:
        """Producer: the source ran out; hold until `play` or `seek`."""
        with self._changed:
            if self._seek_to is None:  # a seek that came meanwhile stands
                self._playing, self._ended, self._steps = False, True, 0

    def next_turn(self) -> Turn | None:
        """Producer: wait until a frame is due; None once stopped."""
        with self._changed:
            while not self._stopped:
                wait_s = self._wait_s()
                if wait_s is not None and wait_s <= 0.0:
                    return self._take_turn()
                self._changed.wait(wait_s)
            return None

    def _wait_s(self) -> float | None:
        """Seconds until a frame is due; None while only a command can make one due."""
        if self._steps:
            return 0.0
        if not self._playing:
            return None
        return 0.0 if self._free_running else self._due - monotonic()

    def _take_turn(self) -> Turn:
        self._steps = max(0, self._steps - 1)
        # After a frame that took too long the clock starts anew: playback slows down instead of rushing to catch up.
        self._due = max(self._due + 1.0 / (self._fps * self._speed), monotonic())
        turn = Turn(self._seek_to)
        self._seek_to = None
        return turn
