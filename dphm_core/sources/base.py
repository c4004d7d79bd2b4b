"""What every source of frames is: an iterator of RGBDFrame with facts, a position and a device or file to release."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Self

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.errors import SourceError
from dphm_core.frames import RGBDFrame

log = logging.getLogger(__name__)

START_TIMEOUT_MS = 6000
"""Time until a live camera's first pictures; auto-exposure and a cold start take 1–2 s."""
FRAME_TIMEOUT_MS = 1500
"""A camera that is silent for this long has stopped."""
MAX_WARNINGS = 10
"""Damaged frames that are each worth a line in the log; the rest are only counted."""


class UnreadableFrame(Exception):  # noqa: N818 - not an error of the source: iteration goes on with the next frame
    """One frame cannot be read; its message says which and why."""


@dataclass(frozen=True)
class SourceInfo:
    """Facts about a source that do not change while it is open."""

    kind: str
    """"folder", "mkv", "kinect", …"""
    label: str
    """Short name for messages and windows."""
    intrinsics: Intrinsics
    """Camera of the frames (of the first frame, where it changes)."""
    fps: float
    """Nominal frames per second."""
    length: int | None
    """Frame indices run from 0 to length - 1, with gaps where frames are missing; None for a live source."""


class Source(ABC):
    """An iterator of frames: ``for frame in source``, from the current position on.

    It knows no threads: use one from one thread at a time. Unreadable frames are logged, counted in `damaged` and
    skipped; a source in which no frame at all is readable raises SourceError instead of ending.
    """

    info: SourceInfo
    """Facts about the source."""
    damaged: int = 0
    """Unreadable frames skipped so far."""
    seekable: bool = True
    """Whether `seek` works."""
    dropped: int = 0
    """Frames of a live camera that never came, or were not fetched in time, so far: gaps in its clock."""
    waiting: str | None = None
    """What a live camera is waited for, and what to do, for the user; None while frames come. Any thread."""
    _delivered: int = 0

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> RGBDFrame:
        while True:
            try:
                frame = self._read_next()
            except UnreadableFrame as damage:
                self._count_damage(damage)
            except StopIteration:
                if self.damaged and not self._delivered:
                    raise SourceError(f"{self.info.label}: no readable frame; record it again") from None
                raise
            else:
                self._delivered += 1
                return frame

    @abstractmethod
    def _read_next(self) -> RGBDFrame:
        """Read one frame and move on; UnreadableFrame where it is damaged, StopIteration at the end."""

    def count(self, indices: range) -> int:
        """How many of these frame indices there are frames of, as far as that is known without reading them."""
        return len(indices)

    def seek(self, index: int) -> None:
        """Make the frame with this index, or the first one after it, the next one; SourceError on a live source."""
        raise SourceError(f"{self.info.label} is live: it cannot go to frame {index}")

    def interrupt(self) -> None:  # noqa: B027 - only a camera is waited for
        """Let iteration end soon, also where it waits for a camera; any thread."""

    @abstractmethod
    def close(self) -> None:
        """Release the file or device; harmless when repeated."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def _count_damage(self, damage: UnreadableFrame) -> None:
        self.damaged += 1
        if self.damaged <= MAX_WARNINGS:
            log.warning("%s: skipped a frame: %s", self.info.label, damage)
        if self.damaged == MAX_WARNINGS:
            log.warning("%s: further skipped frames are only counted", self.info.label)
