"""ROS 2's recordings (.db3, SQLite), as newer programs for cameras write them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import zstandard
from numpy.typing import NDArray

from dphm_core.errors import SourceError, first_line
from dphm_core.sources.bag import MAX_MESSAGE_BYTES
from dphm_core.sources.base import UnreadableFrame

DATABASE_MAGIC = b"SQLite format 3\0"
HEAD_BYTES = 100
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
"""A message's own begins with its encoding, which is none of these bytes."""
FAILURES = (sqlite3.Error, UnicodeDecodeError)
"""The second one where SQLite quotes, in what it complains about, a name that is no text."""
TABLES = {"topics", "messages"}


class BagDatabase:
    """A ROS 2 recording, opened for reading.

    Raises
    ------
    SourceError
        It cannot be read, or has no messages.
    """

    def __init__(self, path: Path) -> None:
        # Immutable: no journal is looked for, and no lock is taken, beside what somebody else may have made.
        address = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
        self._database = sqlite3.connect(address, uri=True, check_same_thread=False)  # one thread at a time
        try:
            self.broken_off = _is_cut(path)
            self._database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_MESSAGE_BYTES)
            self._rows = self._list()
        except (OSError, *FAILURES) as error:
            self.close()
            raise SourceError(f"{path} is a damaged database ({first_line(error)}); copy or record it again") from error
        except BaseException:
            self.close()
            raise

    @property
    def topics(self) -> list[str]:
        """Names of the topics that have messages."""
        return list(self._rows)

    def times_s(self, topic: str) -> NDArray[np.float64]:
        """(N,) float64 seconds at which the messages of a topic were recorded."""
        return np.array([time for _, time in self._rows[topic]], dtype=np.float64) * 1e-9

    def message(self, topic: str, number: int) -> bytes:
        """Read a message; UnreadableFrame where it is damaged."""
        row, _ = self._rows[topic][number]
        try:
            with closing(self._database.execute("SELECT data FROM messages WHERE id = ?", (row,))) as found:
                content = found.fetchone()
        except FAILURES as error:
            raise UnreadableFrame(f"message {row} cannot be read ({first_line(error)})") from error
        if content is None or not isinstance(content[0], bytes):
            raise UnreadableFrame(f"message {row} is damaged")
        return _unpacked(content[0])

    def beginning(self, topic: str, number: int) -> bytes:
        """Read a message; UnreadableFrame where it is damaged."""
        return self.message(topic, number)

    def close(self) -> None:
        """Close the file; harmless when repeated."""
        self._database.close()

    def _list(self) -> dict[str, list[tuple[int, int]]]:
        """Row and time, nanoseconds, of the messages by topic."""
        self._database.execute("PRAGMA trusted_schema = OFF")
        tables = self._database.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND sql LIKE 'CREATE T%'")
        if not {name for (name,) in tables} >= TABLES:
            return {}
        names = dict(self._database.execute("SELECT id, name FROM topics"))
        rows: dict[str, list[tuple[int, int]]] = {}
        try:
            for row, topic, time in self._database.execute("SELECT id, topic_id, timestamp FROM messages ORDER BY id"):
                if isinstance(names.get(topic), str) and isinstance(time, int):
                    rows.setdefault(names[topic], []).append((row, time))
        except FAILURES:
            self.broken_off = True
        return rows


def _unpacked(content: bytes) -> bytes:
    """A message as it was before it was packed, if it was."""
    if not content.startswith(ZSTD_MAGIC):
        return content
    try:
        size = zstandard.frame_content_size(content)  # -1 where it does not tell
        if not 0 <= size <= MAX_MESSAGE_BYTES:
            raise UnreadableFrame(f"a message claims to unpack to {size} bytes")
        return zstandard.ZstdDecompressor().decompress(content)
    except zstandard.ZstdError as error:
        raise UnreadableFrame(f"a message is damaged ({first_line(error)})") from error


def _is_cut(path: Path) -> bool:
    """Whether the file is shorter than its pages."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        size = file.seek(0, 2)
    page_bytes, pages = int.from_bytes(head[16:18], "big"), int.from_bytes(head[28:32], "big")
    return size < pages * (page_bytes if page_bytes > 1 else 1 << 16)
