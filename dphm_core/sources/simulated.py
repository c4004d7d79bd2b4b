"""A recording as if it were a live camera: endless, to and fro, by the wall clock, and frames come late or never."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from time import monotonic, sleep

from dphm_core.errors import SourceError
from dphm_core.frames import RGBDFrame
from dphm_core.places import DEMO_RECORDING
from dphm_core.sources.base import Source, SourceInfo

CACHE_BYTES = 512 << 20
"""Decoded frames that are kept: 80 of 1280×720, which is all of the demo."""


class SimulatedCamera(Source):
    """Plays a recording forwards and backwards for ever, so that its motion has no jump, at its own frame rate.

    As with a camera, a frame that is not fetched in time is lost: the next one is the one of that moment, and the
    indices have a gap. Frames are decoded when they are first due, and kept as far as memory is given to them.

    Parameters
    ----------
    recording : Source
        A recording folder or file; closed with this source, or where this is refused.
    clock, wait
        Seconds of a steady clock, and what waits for so many seconds.
    cache_bytes : int, optional
        Room for decoded frames, `CACHE_BYTES` by default; 0 decodes each whenever it is due, as a camera's are.

    Raises
    ------
    SourceError
        It is itself live.
    """

    seekable = False

    def __init__(
        self,
        recording: Source,
        clock: Callable[[], float] = monotonic,
        wait: Callable[[float], None] = sleep,
        cache_bytes: int | None = None,
    ) -> None:
        info = recording.info
        if info.length is None:
            recording.close()
            raise SourceError(f"{info.label} is live; only a recording can be played as a simulated camera")
        self.info = SourceInfo("simulated", f"Simulated camera ({info.label})", info.intrinsics, info.fps, None)
        self._reel = _Reel(recording, info.length, CACHE_BYTES if cache_bytes is None else cache_bytes)
        self._clock, self._wait = clock, wait
        self._started: float | None = None
        self._tick = -1

    def close(self) -> None:
        """Close the recording; harmless when repeated."""
        self._reel.close()

    def _read_next(self) -> RGBDFrame:
        if self._reel.closed:
            raise StopIteration
        tick = self._next_tick()
        frame = self._reel.frame(to_and_fro(tick, self._reel.length))  # decoded first, so that it comes on time
        self.damaged = self._reel.damaged
        self._wait_for(tick)
        return replace(frame, index=tick, timestamp_s=tick / self.info.fps)

    def _next_tick(self) -> int:
        """Number of the camera's next picture, or of the newest where some have passed."""
        if self._started is None:
            self._started = self._clock()
        newest = int((self._clock() - self._started) * self.info.fps)
        tick = max(newest, self._tick + 1)
        self.dropped += tick - (self._tick + 1)
        self._tick = tick
        return tick

    def _wait_for(self, tick: int) -> None:
        due = (self._started or 0.0) + tick / self.info.fps
        if (left := due - self._clock()) > 0:
            self._wait(left)


class _Reel:
    """Frames of a recording by their number in any order, kept while there is room."""

    def __init__(self, recording: Source, length: int, room: int) -> None:
        self.length = length
        self.closed = False
        self._recording = recording
        self._kept: dict[int, RGBDFrame] = {}
        self._room = room
        self._position = 0  # number of the frame that the recording would give next
        self._last: RGBDFrame | None = None

    @property
    def damaged(self) -> int:
        """Unreadable frames skipped so far."""
        return self._recording.damaged

    def frame(self, number: int) -> RGBDFrame:
        """Return the frame with this number, or the nearest one behind it where it is missing or damaged."""
        frame = self._kept.get(number)
        if frame is None:
            frame = self._read(number)
        self._last = frame
        return frame

    def close(self) -> None:
        """Let go of the frames and the recording."""
        self.closed = True
        self._kept.clear()
        self._recording.close()

    def _read(self, number: int) -> RGBDFrame:
        if number != self._position:
            self._recording.seek(number)
        frame = next(self._recording, None)
        while frame is not None and frame.index < number:  # a seek may land early
            frame = next(self._recording, None)
        frame = frame or self._last  # behind the last readable one there is none
        if frame is None:
            raise SourceError(f"{self._recording.info.label}: no readable frame; record it again")
        self._position = frame.index + 1
        if frame.image_bytes <= self._room:
            self._kept[number] = frame
            self._room -= frame.image_bytes
        return frame


def to_and_fro(tick: int, length: int) -> int:
    """Number of the frame at a tick: 0, 1 … length - 1, length - 2 … 1, 0, 1 and so on."""
    turn = max(1, 2 * (length - 1))
    number = tick % turn
    return number if number < length else turn - number


def open_simulated(path: str) -> SimulatedCamera:
    """Open a recording as a camera; the demo recording where the path is empty.

    Raises
    ------
    SourceError
        It cannot be opened, or is itself live.
    """
    from dphm_core.sources import open_source

    if not path and not DEMO_RECORDING.is_dir():
        raise SourceError(f"the demo recording is not in {DEMO_RECORDING}; give another one: simulated:PATH")
    return SimulatedCamera(open_source(path or DEMO_RECORDING))
