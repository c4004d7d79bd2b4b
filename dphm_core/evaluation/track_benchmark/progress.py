"""How far the tracking benchmark is."""

from __future__ import annotations


class Progress:
    """Is told how far the benchmark is; this one keeps it to itself."""

    def phase(self, text: str) -> None:
        """Say what comes now."""

    def expect(self, frames: int) -> None:
        """So many frames more are to come."""

    def advance(self, frames: int) -> None:
        """So many frames are through."""
