"""What a tracker asks of the solver that fits frames: `FrameSolver`, or one on a device."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from dphm_core.diffusion.prior import LatentPrior
from dphm_core.frames import FloatArray, Observation
from dphm_core.heads.subject import Subject
from dphm_core.tracking.config import TrackerConfig
from dphm_core.tracking.fit_state import FitState
from dphm_core.tracking.frame_solver import Fit


class Solver(Protocol):
    """Fits frames of one subject, on the tracking thread."""

    def solve(self, observation: Observation, start: FitState, iterations: int | None = None) -> Fit:
        """Fit one frame from `start`, the state of the frame before."""
        ...

    def posed_vertices(self, expression: FloatArray, previous: FloatArray | None = None) -> FloatArray:
        """Vertices (V, 3) in the posed head frame; `previous` are the last frame's."""
        ...

    def adjust(self, config: TrackerConfig) -> None:
        """Go on with other live settings, without forgetting anything; the rest of `config` is as it was."""
        ...


SolverMaker = Callable[[Subject, TrackerConfig, LatentPrior | None], Solver]
"""Makes the solver of a subject whose identity is known."""
