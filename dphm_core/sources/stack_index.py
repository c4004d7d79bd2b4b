"""The table of contents at the end of a finished `frames.stack`, which saves reading all of it to find its frames.

Little-endian::

    index   marker (8 bytes) | entry | entry | … | offset of the marker (uint64) | CRC-32 of all before (uint32) |
            end (8 bytes)
    entry   offset of a record (uint64) | the record's header without marker and checksum

A file that was not finished has none; then the records are looked for one by one.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from typing import BinaryIO, Final

from dphm_core.sources.stack_file import RecordHeader

MARKER: Final = b"\xf3INDEX\r\n"
END: Final = b"\x1aSTKEND\n"
MAX_INDEX_BYTES = 512 << 20
"""More than a hundred hours at 30 frames per second."""
_ENTRY: Final = struct.Struct("<QQdIII")
_TRAILER: Final = struct.Struct("<QI8s")

Placed = tuple[int, RecordHeader]
"""Offset in the file, and header, of a record."""


def encode_index(records: Sequence[Placed], offset: int) -> bytes:
    """Encode the table of contents that begins at `offset`, where the last record ends."""
    entries = (
        _ENTRY.pack(place, record.index, record.timestamp_s, record.color_bytes, record.depth_bytes, record.crc)
        for place, record in records
    )
    content = b"".join((MARKER, *entries, offset.to_bytes(8, "little")))
    return content + struct.pack("<I8s", zlib.crc32(content), END)


def read_index(file: BinaryIO, start: int, size: int) -> list[Placed] | None:
    """Read the table of contents; None where there is none that is whole.

    Parameters
    ----------
    file : binary file
        Opened for reading.
    start, size : int
        Where the first record may begin, and the size of the file.
    """
    if size < start + len(MARKER) + _TRAILER.size:
        return None
    file.seek(size - _TRAILER.size)
    offset, crc, end = _TRAILER.unpack(file.read(_TRAILER.size))
    length = size - offset - 4 - len(END)
    if end != END or not start <= offset <= size - len(MARKER) - _TRAILER.size or length > MAX_INDEX_BYTES:
        return None
    file.seek(offset)
    content = file.read(length)
    if zlib.crc32(content) != crc or not content.startswith(MARKER) or (length - len(MARKER) - 8) % _ENTRY.size:
        return None
    records = [
        (place, RecordHeader(*fields)) for place, *fields in _ENTRY.iter_unpack(content[len(MARKER) : length - 8])
    ]
    return records if _fits(records, start, offset) else None


def _fits(records: Sequence[Placed], start: int, end: int) -> bool:
    """Whether the records lie one behind the other."""
    for place, record in records:
        if place < start or not record.sensible:
            return False
        start = place + record.size
    return start <= end
