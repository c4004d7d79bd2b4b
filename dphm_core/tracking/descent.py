"""How many Gauss–Newton steps a fit takes, and how its robust weights narrow on the way."""

from __future__ import annotations

from typing import NamedTuple

from dphm_core.tracking.config import TrackerConfig

NARROWING = 2
"""Steps of a frame that starts from the one before, in which the weights narrow. A still or talking face needs no more,
turning or fast ones three to five (90 frames each of held-out recordings)."""
SETTLED = 1.0
"""A step that lowers the sum of squares by no more than this, in which a residual of one sigma counts one half, is the
last. With a tenth of it faces are as right, in half a step more."""


class Descent(NamedTuple):
    """Steps of one fit."""

    narrowing: int
    """None of these is left out."""
    most: int
    """More than those only as long as the last one gained something."""

    @classmethod
    def of(cls, iterations: int | None, config: TrackerConfig) -> Descent:
        """Exactly so many steps; None for a frame that starts from the one before."""
        if iterations is not None:
            return cls(iterations, iterations)
        return cls(min(NARROWING, config.iterations), config.iterations)

    def width_m(self, step: int, config: TrackerConfig) -> float:
        """Width of the robust weights in a step, counted from 0."""
        done = min(1.0, step / max(1, self.narrowing - 1))
        return config.robust_start_m * (config.robust_end_m / config.robust_start_m) ** done

    def may_end(self, step: int) -> bool:
        """Whether a step, counted from 0, that gains no more than `SETTLED` is the last."""
        return step >= self.narrowing - 1
