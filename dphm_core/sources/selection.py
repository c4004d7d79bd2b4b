"""Part of a source: frames start, start + every, … before stop."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from numbers import Integral
from typing import Self

from dphm_core.errors import SourceError
from dphm_core.frames import RGBDFrame
from dphm_core.sources.base import Source, SourceInfo


@dataclass(frozen=True)
class Selection:
    """Which frames of a source to take, by their index."""

    start: int = 0
    """First frame index."""
    stop: int | None = None
    """Frame index to stop before; None for all."""
    every: int = 1
    """Take every so many-th frame."""

    def __post_init__(self) -> None:
        numbers = (self.start, self.every, 0 if self.stop is None else self.stop)
        if not all(isinstance(number, Integral) for number in numbers):
            given = f"{self.start!r:.40}, {self.stop!r:.40}, {self.every!r:.40}"
            raise SourceError(f"start, stop and every of a selection are whole numbers, not {given}")
        if self.start < 0 or self.every < 1 or (self.stop is not None and self.stop <= self.start):
            until = "the end" if self.stop is None else self.stop
            raise SourceError(
                f"no frames from {self.start} to {until} by {self.every}; "
                "start counts from 0, stop lies beyond start, and every is at least 1"
            )

    def __contains__(self, index: int) -> bool:
        return (
            index >= self.start and (self.stop is None or index < self.stop) and not (index - self.start) % self.every
        )

    def following(self, index: int) -> int:
        """Smallest index of the selection's raster that is `index` or more."""
        steps = max(0, -(-(index - self.start) // self.every))
        return self.start + steps * self.every

    def indices(self, length: int | None) -> range | None:
        """Indices within a source of this length; None where the source has no end and neither has this."""
        ends = [end for end in (length, self.stop) if end is not None]
        return range(self.start, min(ends), self.every) if ends else None


class SelectedFrames:
    """Iterates over part of a source; lives where the source does, and closes it.

    Raises
    ------
    SourceError
        The source ends before the selection starts.
    """

    def __init__(self, source: Source, selection: Selection) -> None:
        length = source.info.length
        if length is not None and selection.start >= length:
            source.close()
            raise SourceError(f"{source.info.label} has no frame {selection.start}: it has frames 0 to {length - 1}")
        self._source, self._selection = source, selection
        self._jumps = source.seekable and length is not None
        self._next = selection.start

    @property
    def info(self) -> SourceInfo:
        """Facts about the whole source."""
        return self._source.info

    @property
    def count(self) -> int | None:
        """How many frames there are, less those known to be missing; None for a live source without a stop."""
        indices = self._selection.indices(self.info.length)
        return None if indices is None else self._source.count(indices)

    @property
    def damaged(self) -> int:
        """Unreadable frames skipped so far."""
        return self._source.damaged

    @property
    def dropped(self) -> int:
        """Frames that a live camera lost so far."""
        return self._source.dropped

    @property
    def waiting(self) -> str | None:
        """What a live camera is waited for, and what to do; None while frames come. Any thread."""
        return self._source.waiting

    def interrupt(self) -> None:
        """Let iteration end soon, also where it waits for a camera; any thread."""
        self._source.interrupt()

    def __iter__(self) -> Iterator[RGBDFrame]:
        position = 0  # of the source; a seek may land early, then reading on gets there
        while self._selection.stop is None or self._next < self._selection.stop:
            if self._jumps and position < self._next:
                self._source.seek(self._next)
                position = self._next
            frame = next(self._source, None)
            if frame is None:
                return
            if frame.index in self._selection:
                position = frame.index + 1
                self._next = self._selection.following(position)
                yield frame
            elif frame.index >= self._next:
                self._next = self._selection.following(frame.index)

    def seek(self, index: int) -> None:
        """Make the selected frame with this index, or the first one after it, the next one."""
        self._next = self._selection.following(index)
        self._source.seek(self._next)

    def frame_at(self, index: int) -> RGBDFrame | None:
        """Read the selected frame with this index; None where there is none, or it is damaged."""
        self.seek(index)
        frame = next(iter(self), None)
        return frame if frame is not None and frame.index == index else None

    def close(self) -> None:
        """Close the source."""
        self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()
