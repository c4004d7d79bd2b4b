"""Playback pacing: when the next frame of a source is due, and the commands play, pause, step, seek, speed and loop."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from enum import Enum
from math import inf
from time import monotonic

SPEEDS = (0.1, 8.0)
"""Slowest and fastest factor on a source's frame rate; infinity, as fast as frames are taken, is one, too."""


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


@dataclass(frozen=True)
class Loop:
    """Frames that are played again and again."""

    first: int
    last: int
    """Both belong to it."""


class Player:
    """The clock of one pipeline.

    Commands may come from any thread; the thread that reads the source alone waits in `next_turn`, and tells what it
    has read by `passed` and `end`.

    While it plays, a loop goes from its last frame, or from any beyond it, back to its first; frames before it are
    played up to it. Stepping and scrubbing go wherever they are told to.

    Parameters
    ----------
    fps
        The source's frame rate, frames per second.
    pace
        Who sets the pace.
    speed
        Factor on the source's frame rate, as for `speed`.
    """

    def __init__(self, fps: float, pace: Pace, speed: float = 1.0) -> None:
        self._changed = threading.Condition()
        self._fps = fps
        self._free_running = pace is Pace.FASTEST
        self._playing = pace is not Pace.STEPPED
        self._speed = _within_speeds(speed)
        self._loop: Loop | None = None
        self._passed_any = False  # whether there was a frame since the source ran out last
        self._starting = False  # whether it was told to play, and no frame was read or sought since
        self._steps = 0
        self._seek_to: int | None = None
        self._at = self._asked = 0  # the frame that was read last, and that which was sought last
        self._back_from: int | None = None  # where a step back began, until a frame before that is read
        self._ended = False
        self._stopped = False
        self._due = monotonic()
        self.commands = 0
        """How often it was told to play, pause, step or seek."""

    @property
    def playing(self) -> bool:
        """Whether frames follow one another on their own."""
        return self._playing

    @property
    def ended(self) -> bool:
        """Whether the source ran out of frames and nothing was asked for since."""
        return self._ended

    @property
    def speed(self) -> float:
        """Factor on the source's frame rate; infinite for as fast as frames are taken.

        May be set while it plays; what is not infinite is held within `SPEEDS`.
        """
        return self._speed

    @speed.setter
    def speed(self, speed: float) -> None:
        with self._changed:
            self._speed = _within_speeds(speed)
            self._due = min(self._due, monotonic() + self._interval_s)
            self._changed.notify_all()

    @property
    def loop(self) -> Loop | None:
        """What is played again and again; None where the source is played once."""
        return self._loop

    def set_loop(self, first: int, last: int, on: bool) -> None:
        """Play frames `first` to `last` again and again, or no longer."""
        with self._changed:
            self._loop = Loop(first, max(first, last)) if on else None

    def play(self) -> None:
        """Run; where the source had ended, or nothing comes after the frame it is at, from the start, or the loop's."""
        with self._changed:
            self.commands += 1
            self._starting = self._starting or not self._playing
            if self._ended:
                self._seek_to, self._ended = self._start, False
            self._playing = True
            self._due = monotonic()
            self._changed.notify_all()

    def pause(self) -> None:
        """Hold after the frame that is being read."""
        with self._changed:
            self.commands += 1
            self._playing = False
            self._steps = 0

    def step(self, count: int = 1) -> None:
        """Pause and read `count` more frames; where it is negative, go back so many and read the frame there."""
        with self._changed:
            self.commands += 1
            self._playing = False
            if count > 0:
                self._steps += count
            elif count < 0:
                self._back_from = self._at if self._seek_to is None else self._seek_to
                self._go_to(self._back_from + count)
            self._changed.notify_all()

    def seek(self, index: int) -> None:
        """Read frame `index` next, also while paused; the newest of several requests wins."""
        with self._changed:
            self.commands += 1
            self._back_from, self._starting = None, False
            self._go_to(index)
            self._changed.notify_all()

    def stop(self) -> None:
        """Let the producer go: `next_turn` returns None from now on."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def passed(self, index: int) -> None:
        """Reading thread: frame `index` was read."""
        with self._changed:
            self._passed_any, self._starting = True, False
            self._at = index
            loop = self._loop
            if self._back_from is not None and self._seek_to is None:
                if index >= self._back_from and self._asked > 0:  # the frames before are missing
                    self._go_to(self._asked - 1)
                else:
                    self._back_from = None
            elif loop is not None and index >= loop.last:
                self._begin_again()

    def end(self) -> None:
        """Reading thread: the source ran out; begin again, or hold until `play` or `seek`."""
        with self._changed:
            again = self._loop is not None or self._starting
            if again and self._playing and self._passed_any:
                self._passed_any = self._starting = False  # a loop without a readable frame would never end
                self._begin_again()
            elif self._seek_to is None:  # a seek that came meanwhile stands
                self._playing, self._ended, self._steps = False, True, 0

    def next_turn(self) -> Turn | None:
        """Reading thread: wait until a frame is due; None once stopped."""
        with self._changed:
            while not self._stopped:
                wait_s = self._wait_s()
                if wait_s is not None and wait_s <= 0.0:
                    return self._take_turn()
                self._changed.wait(wait_s)
            return None

    def _go_to(self, index: int) -> None:
        self._seek_to, self._ended = max(index, 0), False
        self._steps = max(self._steps, 1)

    def _begin_again(self) -> None:
        if self._playing and self._seek_to is None:  # a seek that came meanwhile stands
            self._seek_to = self._start

    @property
    def _start(self) -> int:
        """Frame that playing begins with."""
        return 0 if self._loop is None else self._loop.first

    @property
    def _interval_s(self) -> float:
        """Seconds from one frame to the next."""
        return 1.0 / (self._fps * self._speed)

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
        self._due = max(self._due + self._interval_s, monotonic())
        turn = Turn(self._seek_to)
        if self._seek_to is not None:
            self._at = self._asked = self._seek_to  # as long as nothing else is read
            self._seek_to = None
        return turn


def _within_speeds(speed: float) -> float:
    slowest, fastest = SPEEDS
    return speed if speed == inf else min(max(speed, slowest), fastest)
