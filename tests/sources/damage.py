"""What a malformed recording is, and the plainest ways to spoil one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from folder_recordings import make_recording

Harm = Callable[[Path], object]
"""Spoils the whole recording in a folder, or the file it is given."""
Make = Callable[[Path], Path]
"""Makes a malformed recording in an empty folder, and gives what to open."""


@dataclass(frozen=True)
class Malformed:
    """One kind of malformed recording."""

    name: str
    make: Make
    told: str = ""
    """Part of the error, or of a warning; empty where another library's words are passed on."""
    readable: int = 0
    """Frames that can be read all the same; -1 where it depends on where the damage lies."""


def spoilt(harm: Harm) -> Make:
    """A folder of images, spoilt."""

    def make(place: Path) -> Path:
        recording = make_recording(place / "take")
        harm(recording)
        return recording

    return make


def file(name: str, content: bytes) -> Make:
    """A file of this content."""

    def make(place: Path) -> Path:
        (place / name).write_bytes(content)
        return place / name

    return make


def cut_at(share: float) -> Callable[[bytes], bytes]:
    """Leave this share of a file."""
    return lambda content: content[: int(share * len(content))]


def flip_at(share: float) -> Callable[[bytes], bytes]:
    """Invert the byte after this share of a file."""

    def flipped(content: bytes) -> bytes:
        place = int(share * (len(content) - 1))
        return content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]

    return flipped
