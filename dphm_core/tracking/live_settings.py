"""What a user may change of the tracking while it runs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

from dphm_core.limits import check_limits
from dphm_core.tracking.config import LIMITS, TrackerConfig


@dataclass(frozen=True)
class LiveSettings:
    """Settings that a running tracker takes on with its next frame; limits are those of `TrackerConfig`."""

    points: int = 1500
    """Depth points per frame, at most."""
    smoothness: float = 1.0
    """How much passes for noise and is smoothed in what is shown; 0 shows every fit as it is."""
    prior_spread: float = 0.2
    """Spread of expression codes around what the model's diffusion prior makes of them; 0 leaves the prior out."""

    def __post_init__(self) -> None:
        check_limits(self, "a tracker", {name: LIMITS[name] for name in asdict(self)})

    @classmethod
    def of(cls, config: TrackerConfig) -> LiveSettings:
        """Those of a tracker's settings."""
        return cls(config.points, config.smoothness, config.prior_spread)

    def put_into(self, config: TrackerConfig) -> TrackerConfig:
        """A tracker's settings with these in place of theirs."""
        return replace(config, **asdict(self))
