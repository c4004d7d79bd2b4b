"""Where a training stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self


@dataclass
class Progress:
    """Where a training stands."""

    step: int = 0
    """Steps done; what comes next follows from it."""
    seconds: float = 0.0
    """Time spent, over all resumes."""
    history: list[dict[str, float]] = field(default_factory=list)
    """Losses and errors at the checkpoints so far."""

    @classmethod
    def of(cls, saved: dict[str, Any]) -> Self:
        """Progress of a checkpoint.

        Raises
        ------
        TypeError, ValueError
            It is none.
        """
        progress = cls(**saved)
        sound = type(progress.step) is int and progress.step >= 0 and isinstance(progress.history, list)
        if not (sound and progress.seconds >= 0):
            raise ValueError("its progress makes no sense")
        return progress

    def time(self, last: int) -> str:
        """Time spent, and time left up to step `last`, for a log."""
        left = self.seconds / self.step * (last - self.step)
        return f"{self.seconds / 60:.0f} min spent, {left / 60:.0f} min left"
