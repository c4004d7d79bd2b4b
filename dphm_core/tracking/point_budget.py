"""How many points a frame's fit takes so that it is done before the next frame comes."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

LEAST = 500
"""Fewer points save little time and leave the face visibly worse."""
SHARE = 0.75
"""Of a frame's time that is for the fit; the rest is for the mesh, for judging it, and to be sure."""
RENEWAL = 0.15
"""Part that the last fit has in the estimate of what a point takes."""
SLOWEST = 4.0
"""A fit that would take so many frames' time is a first one, which compiles: it must not be remembered for long."""


class PointBudget:
    """Counts points by the time they take; lives on the tracking thread.

    Parameters
    ----------
    most : int
        Points where time does not matter.
    frame_s : float
        Seconds from frame to frame; 0 takes `most` points always, so that results do not depend on time.
    clock : callable
        Seconds of now.
    """

    def __init__(self, most: int, frame_s: float, clock: Callable[[], float] = perf_counter) -> None:
        self.most = most
        """May be changed between two fits."""
        self._fit_s, self._clock = SHARE * frame_s, clock
        self._point_s = 0.0  # that a point takes in one step
        self._steps = 1.0
        self._began = 0.0

    def begin(self) -> int:
        """Begin a fit: how many points it may take."""
        self._began = self._clock()
        if not self._fit_s or not self._point_s:
            return self.most
        return min(self.most, max(LEAST, int(self._fit_s / (self._point_s * self._steps))))

    def end(self, points: int, steps: float = 1.0) -> None:
        """End a fit of so many points and steps with all of them; the next one is expected to take as many steps."""
        self._steps = steps
        # What a fit takes without any points is spread over them; fits of one length come to the right count anyway.
        point_s = min((self._clock() - self._began) / points, SLOWEST * self._fit_s / LEAST) / steps
        self._point_s += (point_s - self._point_s) * (RENEWAL if self._point_s else 1.0)
