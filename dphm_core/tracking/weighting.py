"""How depth and the detector's scores enter the normal equations, the same in a frame's fit and in the calibration."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dphm_core.frames import FaceLandmarks, FloatArray
from dphm_core.tracking.config import TrackerConfig
from dphm_core.tracking.fit_state import FitState
from dphm_core.tracking.normal_equations import NormalEquations
from dphm_core.tracking.scores import ScoreTable
from dphm_core.tracking.terms import Residuals, robust_weights

Columns = NDArray[np.int64] | slice
"""Which of the unknowns a term's Jacobian speaks of."""
SIGMA_PER_RESIDUAL = 2.2
"""Distances err together over patches of the face: more can be wrong than their own spread tells."""


def depth_sigma_m(residual_m: float, config: TrackerConfig) -> float:
    """Expected distance between a depth point and the model, where points were `residual_m` off on average before.

    A noisier camera is trusted less: with a sigma that is right for Kinect noise, three times that noise makes the
    identity 1.3 mm wrong, with this one 0.9 mm (a head of the generator, eight keyframes). NaN, where nothing is known
    yet, gives the configured sigma.
    """
    return max(config.depth_sigma_m, SIGMA_PER_RESIDUAL * residual_m) if residual_m > 0 else config.depth_sigma_m


def add_depth(
    equations: NormalEquations, residuals: Residuals, agreement: FloatArray, width: float, sigma_m: float,
    config: TrackerConfig, columns: Columns = slice(None),
) -> None:  # fmt: skip
    """Add point-to-surface distances: robust, without points whose normal disagrees, as so many independent ones.

    `agreement` (N,) is the cosine between the model's normal and the scan's; `width` is of the robust weights and
    `sigma_m` the distances' spread, both metres.
    """
    weight = robust_weights(residuals.values, width)
    weight *= agreement > np.cos(np.radians(config.max_normal_angle_deg))
    share = config.independent_points / max(1, len(weight))
    equations.add(residuals.jacobian, residuals.values, weight * (share / sigma_m**2), columns)


def add_scores(
    equations: NormalEquations, state: FitState, landmarks: FaceLandmarks, table: ScoreTable, config: TrackerConfig,
    expression: NDArray[np.int64],
) -> None:  # fmt: skip
    """Draw named weights towards the detector's scores; `expression` (E,) holds the unknowns of the whole code."""
    off = state.expression[table.weights] - table.targets(landmarks.blendshapes)
    equations.add_diagonal(off, np.full(len(off), config.score_sigma**-2), expression[table.weights])


def normal_agreement(residuals: Residuals, state: FitState, normals_cam: FloatArray) -> FloatArray:
    """Cosine (N,) between the model's normals and the scan's."""
    assert residuals.normals_head is not None
    return np.asarray(((residuals.normals_head @ state.head_to_cam.rotation.T) * normals_cam).sum(axis=1))
