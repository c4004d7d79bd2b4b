"""How a recording in progress goes, whichever way it is made."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

MIN_FREE_BYTES = 1 << 30
"""A recording ends before less than this is free: the system and other programs need room, too."""
SPARE_S = 30.0
"""It also ends while there is room for this many more seconds of it."""
CHECK_S = 1.0
"""How often the free space is looked at."""


@dataclass(frozen=True)
class RecordingStatus:
    """A recording at one moment."""

    path: Path
    """What is written: a folder or a file."""
    frames: int = 0
    """Frames that are in it."""
    dropped: int = 0
    """Frames of the source that are missing from it, because they came faster than they could be written."""
    bytes: int = 0
    """Size so far."""
    seconds: float = 0.0
    """From the first to the last frame, by their timestamps."""
    free_bytes: int | None = None
    """Room on the disk; None where that is not known yet."""
    error: str | None = None
    """Why it ended early: a line for the user, with what to do."""
    full: bool = False
    """Whether it ended because the disk is nearly full."""
    finished: bool = False
    """Whether it is over, and complete on the disk."""
    encode_s: float = 0.0
    """Processor seconds per frame, on average; 0 where others do the work."""


def free_bytes(path: Path) -> int:
    """Room on the disk of `path`, bytes; OSError where it cannot be told."""
    return shutil.disk_usage(path).free


@dataclass(frozen=True)
class SpaceLimit:
    """How much of a disk a recording leaves free."""

    min_free_bytes: int = MIN_FREE_BYTES
    """Bytes."""
    spare_s: float = SPARE_S
    """Seconds' worth of recording, where that is more."""
    free_bytes: Callable[[Path], int] = free_bytes
    """Tells the room on the disk of a path."""

    def reached(self, free_bytes: int, bytes_per_s: float) -> bool:
        """Whether a recording that grows so fast has to end."""
        return free_bytes < max(self.min_free_bytes, self.spare_s * bytes_per_s)
