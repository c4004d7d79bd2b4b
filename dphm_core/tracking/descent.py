"""How many Gauss–Newton steps a fit takes, and how its robust weights narrow on the way."""

from __future__ import annotations

from typing import NamedTuple

from dphm_core.tracking.config import TrackerConfig

NARROWING = 2
"""Steps of a frame that starts from the one before, in which the weights narrow. A still or talking face needs no more,
turning or fast ones three to five (90 frames each of held-out recordings)."""
ROUGH = 50.0
"""After a step that lowers the sum of squares by more than this, the next one is far from the last: every second point
will do for it, as for the first."""
SETTLED = 6.0
"""A step with all points that lowers it by no more than this is the last, where a residual of one sigma counts one
half: the next would lower it by a few tenths. With 1, faces that move fast are no righter, in a sixth more time."""


class Descent(NamedTuple):
    """Steps of one fit, counted from 0."""

    narrowing: int
    """None of these is left out."""
    most: int
    """More than those only as long as the last one gained something."""

    @classmethod
    def of(cls, iterations: int | None, config: TrackerConfig) -> Descent:
        """Exactly so many steps, with all points; None for a frame that starts from the one before."""
        if iterations is not None:
            return cls(iterations, iterations)
        return cls(min(NARROWING, config.iterations), config.iterations)

    def width_m(self, step: int, config: TrackerConfig) -> float:
        """Width of the robust weights in a step."""
        done = min(1.0, step / max(1, self.narrowing - 1))
        return config.robust_start_m * (config.robust_end_m / config.robust_start_m) ** done

    def may_thin(self, step: int) -> bool:
        """Whether every second point will do for a step, if the one before gained more than `ROUGH`."""
        return self.narrowing < self.most and step < self.most - 1

    def may_end(self, step: int) -> bool:
        """Whether a step with all points that gains no more than `SETTLED` is the last."""
        return step >= self.narrowing - 1
