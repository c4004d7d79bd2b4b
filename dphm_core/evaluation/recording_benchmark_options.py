"""What a recording benchmark measures; apart, because commands need it before anything heavy is loaded."""

from __future__ import annotations

from dataclasses import dataclass

from dphm_core.limits import check_limits


@dataclass(frozen=True)
class RecordingBenchmarkOptions:
    """What to measure."""

    seconds: float = 20.0
    """How long to record."""
    fps: float = 30.0
    """Frames per second that the camera gives."""
    model: str = "default"
    """Head model that tracks meanwhile: a name under models/, or a folder."""
    tracking: bool = True
    """Whether to track meanwhile, as the window does."""

    def __post_init__(self) -> None:
        check_limits(self, "a recording benchmark", {"seconds": (0.1, 600), "fps": (1, 1000)})
