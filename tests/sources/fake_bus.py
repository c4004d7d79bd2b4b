"""What the stand-ins for cameras' drivers share: cameras that can be plugged in, pulled out, busy, silent or broken."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass
class FakeCamera:
    """One camera on the bus; a test changes its state."""

    serial: str
    starts: bool = True
    silent: bool = False
    fails: bool = False
    model: str | None = None
    """Of its lenses; None for the usual one."""
    streams: bool = False
    sent: int = 0
    starts_so_far: int = 0

    def start(self, refusal: Exception) -> None:
        """Begin to stream, or raise."""
        if not self.starts or self.streams:
            raise refusal
        self.streams = True
        self.starts_so_far += 1

    def next(self, bus: list[FakeCamera], timeout_ms: int, failure: Exception) -> int | None:
        """Number of the next picture; None where none came in this time, or raises."""
        assert self.streams and 0 < timeout_ms <= 250  # a source can be ended in between
        if self.fails:
            raise failure
        if self.silent or self not in bus:
            time.sleep(timeout_ms / 1000)
            return None
        self.sent += 1
        return self.sent

    def stop(self) -> None:
        """End to stream."""
        assert self.streams
        self.streams = False
