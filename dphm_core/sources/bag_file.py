"""ROS 1's bags (version 2.0), in which the cameras' own programs record; also those that were never closed.

A file is a line of records: chunks, each packed and followed by where in it which message lies, and at the end what
connection is which topic. All this is found by going from record to record, and not by the index at the end, which a
recording that was broken off does not have: then the chunks themselves tell the topics.
"""

from __future__ import annotations

import bz2
import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import lz4.frame
import numpy as np
from numpy.typing import NDArray

from dphm_core.errors import SourceError
from dphm_core.sources.bag import MAX_MESSAGE_BYTES
from dphm_core.sources.base import UnreadableFrame

BAG_MAGIC = b"#ROSBAG V2.0\n"
MESSAGE, INDEX, CHUNK, CONNECTION = 2, 4, 5, 7
"""Kinds of records."""
ENTRY = np.dtype([("sec", "<u4"), ("nsec", "<u4"), ("offset", "<u4")])
"""Where in its chunk a message lies."""
MAX_HEAD_BYTES = 1 << 16
BEGINNING_BYTES = 512
"""Enough of a message for a picture's time, with the record's head before it."""
Read = Callable[[int, int], bytes]
"""Bytes from an offset on, so many or up to the end."""


@dataclass(frozen=True)
class Record:
    """One record of the file or of an unpacked chunk."""

    kind: int
    """One of the kinds above, or another."""
    fields: dict[bytes, bytes]
    """Values of its head, by name."""
    start: int
    """Offset of its content."""
    end: int
    """Offset of what follows it, as it claims."""

    def number(self, name: bytes) -> int:
        """A field of four bytes; -1 where there is none."""
        value = self.fields.get(name, b"")
        return int.from_bytes(value, "little") if len(value) == 4 else -1


@dataclass
class Topic:
    """Where the messages of one topic are."""

    times_s: list[NDArray[np.float64]] = field(default_factory=list)
    """(N,) float64 seconds at which they were recorded, an array per chunk; so are the places."""
    places: list[NDArray[np.int64]] = field(default_factory=list)
    """(N, 2) int64: number of the chunk, offset in it."""


class BagFile:
    """A ROS 1 bag, opened for reading.

    Raises
    ------
    SourceError
        The file cannot be read, or has no messages.
    """

    def __init__(self, path: Path) -> None:
        self._chunks: list[Record] = []
        self._names: dict[int, str] = {}
        self._unpacked = lru_cache(maxsize=2)(self._unpack)  # depth and colour lie in turn
        self.broken_off = False
        try:
            self._file = path.open("rb")
        except OSError as error:
            raise SourceError(f"{path} cannot be read ({error.strerror}); check its permissions") from error
        try:
            self._size = os.fstat(self._file.fileno()).st_size
            self._topics = self._named(self._scan())
        except OSError as error:
            self.close()
            raise SourceError(f"{path} cannot be read ({error.strerror}); check the disk") from error

    @property
    def topics(self) -> list[str]:
        """Names of the topics that have messages."""
        return list(self._topics)

    def times_s(self, topic: str) -> NDArray[np.float64]:
        """(N,) float64 seconds at which the messages of a topic were recorded."""
        return self._topics[topic][0]

    def message(self, topic: str, number: int) -> bytes:
        """Read a message; UnreadableFrame where it is damaged."""
        chunk, offset = self._topics[topic][1][number]
        return _message(self._unpacked(int(chunk), MAX_MESSAGE_BYTES), int(offset), whole=True)

    def beginning(self, topic: str, number: int) -> bytes:
        """Read the first bytes of a message, without unpacking more than that; UnreadableFrame likewise."""
        chunk, offset = self._topics[topic][1][number]
        return _message(self._unpack(int(chunk), int(offset) + BEGINNING_BYTES), int(offset), whole=False)

    def close(self) -> None:
        """Close the file; harmless when repeated."""
        self._unpacked.cache_clear()
        self._file.close()

    def _scan(self) -> dict[int, Topic]:
        """Walk over the file's records; the messages by the number of their connection."""
        found: dict[int, Topic] = {}
        end = len(BAG_MAGIC)
        for record in _records(self._read, self._size, end):
            end = record.end
            if record.kind == CHUNK:
                self._chunks.append(record)
            elif record.kind == CONNECTION:
                self._name(record)
            elif record.kind == INDEX and self._chunks:
                topic = found.setdefault(record.number(b"conn"), Topic())
                self._list(topic, self._read(record.start, record.end - record.start))
        self.broken_off = end != self._size
        return found

    def _list(self, topic: Topic, content: bytes) -> None:
        """Take in what an index record says of the chunk before it."""
        entries = np.frombuffer(content[: len(content) // ENTRY.itemsize * ENTRY.itemsize], ENTRY)
        topic.times_s.append(entries["sec"] + entries["nsec"] * 1e-9)
        places = np.empty((len(entries), 2), np.int64)
        places[:, 0], places[:, 1] = len(self._chunks) - 1, entries["offset"]
        topic.places.append(places)

    def _name(self, record: Record) -> None:
        self._names[record.number(b"conn")] = record.fields.get(b"topic", b"").decode(errors="replace")

    def _named(self, found: dict[int, Topic]) -> dict[str, tuple[NDArray[np.float64], NDArray[np.int64]]]:
        """Messages by topic, in the order of their times."""
        if found.keys() - self._names.keys():
            self.broken_off = True
            self._name_from_chunks()
        topics = {}
        for connection, topic in found.items():
            times_s, places = np.concatenate(topic.times_s), np.concatenate(topic.places)
            if connection in self._names and len(times_s):
                order = np.argsort(times_s, kind="stable")
                topics[self._names[connection]] = times_s[order], places[order]
        return topics

    def _name_from_chunks(self) -> None:
        for number in range(len(self._chunks)):
            try:
                content = self._unpack(number, MAX_MESSAGE_BYTES)
            except UnreadableFrame:
                continue
            for record in _records(_reader(content), len(content), 0):
                if record.kind == CONNECTION:
                    self._name(record)

    def _unpack(self, number: int, limit: int) -> bytes:
        """The first bytes of a chunk, at least so many of them that there are; at most MAX_MESSAGE_BYTES."""
        chunk = self._chunks[number]
        limit = min(limit, MAX_MESSAGE_BYTES)
        packing = chunk.fields.get(b"compression", b"none")
        size = chunk.end - chunk.start
        try:
            if packing == b"none":
                return self._read(chunk.start, min(size, limit))
            return bytes(_unpacker(packing).decompress(self._read(chunk.start, size), max_length=limit))
        except (RuntimeError, OSError, ValueError, EOFError) as error:
            raise UnreadableFrame(f"a packed part of the file is damaged ({error})") from error

    def _read(self, start: int, size: int) -> bytes:
        """Read from an offset; less where the file ends before, and never more than MAX_MESSAGE_BYTES."""
        self._file.seek(start)
        return self._file.read(max(0, min(size, self._size - start, MAX_MESSAGE_BYTES)))


def _unpacker(packing: bytes) -> Any:
    if packing == b"lz4":
        return lz4.frame.LZ4FrameDecompressor()
    if packing == b"bz2":
        return bz2.BZ2Decompressor()
    raise UnreadableFrame(f"it is packed as {packing[:20].decode(errors='replace')!r}, which is unknown")


def _reader(content: bytes) -> Read:
    return lambda start, size: content[start : start + size]


def _records(read: Read, end: int, start: int) -> Iterator[Record]:
    """Records from an offset on, up to the first one that is not whole."""
    while (record := _record(read, start)) is not None and record.end <= end:
        yield record
        start = record.end


def _record(read: Read, start: int) -> Record | None:
    """The record at an offset, whose content may reach beyond the end; None where there is none."""
    try:
        (head_size,) = struct.unpack("<I", read(start, 4))
        if head_size > MAX_HEAD_BYTES:
            return None
        head = read(start + 4, head_size)
        (size,) = struct.unpack("<I", read(start + 4 + head_size, 4))
    except struct.error:
        return None
    fields = _head_fields(head)
    begin = start + 8 + head_size
    return Record(int.from_bytes(fields.get(b"op", b""), "little"), fields, begin, begin + size)


def _head_fields(head: bytes) -> dict[bytes, bytes]:
    """Names and values of a record's head."""
    fields, place = {}, 0
    while place + 4 <= len(head):
        (size,) = struct.unpack_from("<I", head, place)
        name, _, value = head[place + 4 : place + 4 + size].partition(b"=")
        fields[name] = value
        place += 4 + size
    return fields


def _message(content: bytes, offset: int, *, whole: bool) -> bytes:
    """The message at an offset of an unpacked chunk."""
    record = _record(_reader(content), offset)
    if record is not None and record.kind == CONNECTION:  # some recorders tell this first
        record = _record(_reader(content), record.end)
    if record is None or record.kind != MESSAGE or (whole and record.end > len(content)):
        raise UnreadableFrame("a message is damaged")
    return content[record.start : record.end]
