"""What a load benchmark measures; apart, because commands need it before anything heavy is loaded."""

from __future__ import annotations

from dataclasses import dataclass

from dphm_core.limits import check_limits


@dataclass(frozen=True)
class LoadBenchmarkOptions:
    """What to measure."""

    minutes: float = 1.0
    """How long the camera runs."""
    tracking: bool = False
    """Whether to track the head, too."""
    model: str = "default"
    """Head model that tracks: a name under models/, or a folder."""

    def __post_init__(self) -> None:
        check_limits(self, "a load benchmark", {"minutes": (0.01, 24 * 60)})
