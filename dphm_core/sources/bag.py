"""What recordings of messages by topic have in common, and reading a message's fields."""

from __future__ import annotations

import struct
from collections.abc import Collection
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dphm_core.sources.base import UnreadableFrame

MAX_MESSAGE_BYTES = 128 << 20
"""Of one message, and of one packed part of a file: an image of 4096x4096 with four channels, twice."""


class Bag(Protocol):
    """An open file of messages; each topic's are numbered from 0, in the order in which they were recorded."""

    broken_off: bool
    """Whether it was not written to its end, or is damaged: what is whole can be read."""

    @property
    def topics(self) -> Collection[str]:
        """Names of the topics that have messages."""

    def times_s(self, topic: str) -> NDArray[np.float64]:
        """(N,) float64 seconds at which the messages of a topic were recorded."""

    def message(self, topic: str, number: int) -> bytes:
        """Read a message; UnreadableFrame where it is damaged."""

    def beginning(self, topic: str, number: int) -> bytes:
        """Read the first bytes of a message, or all of it, whichever is quicker; UnreadableFrame likewise."""

    def close(self) -> None:
        """Close the file; harmless when repeated."""


class Fields:
    """Reads the fields of a message in their order, little-endian.

    Parameters
    ----------
    content : bytes
        The message.
    aligned : bool
        Whether it is in ROS 2's encoding (CDR), which pads numbers to their size; ROS 1's packs them.

    Raises
    ------
    UnreadableFrame
        By every method: the message is shorter than it claims.
    """

    def __init__(self, content: bytes, *, aligned: bool = False) -> None:
        if aligned and content[:2] != b"\x00\x01":
            raise UnreadableFrame("a message is in an unknown encoding")
        self._content = memoryview(content)[4:] if aligned else memoryview(content)
        self._aligned = aligned
        self._place = 0

    def numbers(self, kind: str, count: int = 1) -> tuple[Any, ...]:
        """Read so many numbers of a kind, a letter of `struct`."""
        size = struct.calcsize(kind)
        if self._aligned:
            self._place += -self._place % size
        part = self._take(count * size)
        return struct.unpack(f"<{count}{kind}", part)

    def number(self, kind: str) -> Any:
        """Read one number of a kind, a letter of `struct`."""
        return self.numbers(kind)[0]

    def blob(self) -> memoryview:
        """Read bytes whose number stands before them."""
        return self._take(self.number("I"))

    def text(self) -> str:
        """Read a text."""
        return bytes(self.blob()).rstrip(b"\0").decode(errors="replace")

    def head_s(self) -> float:
        """Read a ROS 1 message's head; its time, seconds."""
        _, seconds, nanoseconds = self.numbers("I", 3)
        self.text()
        return float(seconds + nanoseconds * 1e-9)

    def _take(self, size: int) -> memoryview:
        part = self._content[self._place : self._place + size]
        if len(part) != size:
            raise UnreadableFrame("a message is shorter than it claims")
        self._place += size
        return part
