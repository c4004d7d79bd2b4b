"""A solver that knows the true expressions: what is left then is no expression prior's to mend."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dphm_core.diffusion.prior import LatentPrior
from dphm_core.evaluation.ground_truth import GroundTruth
from dphm_core.frames import FloatArray, Observation
from dphm_core.heads.subject import Subject
from dphm_core.tracking.config import TrackerConfig
from dphm_core.tracking.fit_state import FitState
from dphm_core.tracking.frame_solver import Fit, FrameSolver
from dphm_core.tracking.solver import SolverMaker

HELD = 1e-6
"""A standard deviation so small that what it weighs stays as it is."""


class KnownExpressions:
    """Fits poses only, expressions being the true ones."""

    def __init__(self, truth: GroundTruth, subject: Subject, config: TrackerConfig) -> None:
        self._solver = FrameSolver(subject, _held(config))
        self._codes = true_codes(truth, subject.model.expression_names)

    def solve(self, observation: Observation, start: FitState, iterations: int | None = None) -> Fit:
        """Fit one frame from `start`, whose expression is not looked at."""
        known = FitState(start.head_to_cam, self._codes[observation.frame.index])
        return self._solver.solve(observation, known, iterations)

    def posed_vertices(self, expression: FloatArray, previous: FloatArray | None = None) -> FloatArray:
        """Vertices (V, 3) in the posed head frame."""
        return self._solver.posed_vertices(expression, previous)

    def adjust(self, config: TrackerConfig) -> None:
        """Go on with other live settings."""
        self._solver.adjust(_held(config))


def _held(config: TrackerConfig) -> TrackerConfig:
    return replace(config, expression_step_sigma=HELD)


def knowing(truth: GroundTruth) -> SolverMaker:
    """Make solvers that know the expressions of a recording with ground truth."""

    def make(subject: Subject, config: TrackerConfig, prior: LatentPrior | None) -> KnownExpressions:  # noqa: ARG001
        return KnownExpressions(truth, subject, config)

    return make


def true_codes(truth: GroundTruth, names: tuple[str, ...]) -> FloatArray:
    """True weights (T, E) in the order of a model's names; 0 for names that the truth lacks."""
    codes = np.zeros((len(truth), len(names)), dtype=np.float32)
    for index, name in enumerate(names):
        if name in truth.expression_names:
            codes[:, index] = truth.weights[:, truth.expression_names.index(name)]
    return codes
