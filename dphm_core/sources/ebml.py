"""EBML, the binary form of Matroska files: an element is an id, the size of its content, and the content."""

from __future__ import annotations

from dataclasses import dataclass
from mmap import mmap

EBML_MAGIC = b"\x1a\x45\xdf\xa3"
"""First bytes of every Matroska file: the id of its first element."""
SIZE_BYTES = 8
"""Every size is written this long, so that it can be filled in later without moving anything."""
MAX_NAME_BYTES = 4
"""Of an id in Matroska."""
SEGMENT, SEEK_HEAD, INFO, TRACKS, ATTACHMENTS, TAGS, CLUSTER, CUES = (
    *(0x18538067, 0x114D9B74, 0x1549A966, 0x1654AE6B),
    *(0x1941A469, 0x1254C367, 0x1F43B675, 0x1C53BB6B),
)
"""Matroska's large parts: the file itself, and what it has of each."""


def element(name: int, *content: bytes) -> bytes:
    """Encode an element of some bytes, or of other elements; `name` is its id with the length's marker bits."""
    body = b"".join(content)
    return header(name, len(body)) + body


def header(name: int, size: int) -> bytes:
    """What stands before `size` bytes of content."""
    marked = size | 1 << (7 * SIZE_BYTES)
    return name.to_bytes((name.bit_length() + 7) // 8, "big") + marked.to_bytes(SIZE_BYTES, "big")


def uint(name: int, value: int, length: int | None = None) -> bytes:
    """Encode an element that is a whole number, in `length` bytes or as few as it takes."""
    return element(name, value.to_bytes(length or max(1, (value.bit_length() + 7) // 8), "big"))


def text(name: int, value: str) -> bytes:
    """Encode an element that is a text."""
    return element(name, value.encode())


@dataclass(frozen=True)
class Element:
    """Where an element lies in a file."""

    name: int
    """Its id."""
    start: int
    """First byte of its header."""
    content: int
    """First byte of its content."""
    end: int
    """First byte after it; what it claims, and nothing is promised of it."""


def read_header(data: bytes | mmap, place: int) -> Element | None:
    """Read what stands before an element; None where no element begins, or one whose size is not told."""
    name_length = _length(data, place, MAX_NAME_BYTES)
    size_length = _length(data, place + name_length, SIZE_BYTES) if name_length else 0
    if not size_length:
        return None
    size_place, content = place + name_length, place + name_length + size_length
    mask = (1 << (7 * size_length)) - 1
    size = int.from_bytes(data[size_place:content], "big") & mask
    if content > len(data) or size == mask:  # all bits set: unknown
        return None
    return Element(int.from_bytes(data[place:size_place], "big"), place, content, content + size)


def _length(data: bytes | mmap, place: int, most: int) -> int:
    """Bytes of the number that begins here, told by its first byte; 0 where it is none."""
    if place >= len(data):
        return 0
    length = 9 - data[place].bit_length()
    return length if length <= most else 0
