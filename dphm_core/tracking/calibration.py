"""Works out who is there: identity, scale, and per keyframe expression and pose, all together.

Gauss–Newton on the un-baked fields: each depth point carries its own copy of both codes, so that one backward pass
gives its derivative by all unknowns (REFERENCE section 8). Template landmarks keep lips, lids and nose in place.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from dphm_core.frames import FloatArray, Observation, Similarity
from dphm_core.heads.model import HeadModel
from dphm_core.heads.template import NO_VERTEX
from dphm_core.tracking.config import TrackerConfig
from dphm_core.tracking.fit_state import POSE_SIZE, FitState, pose_jacobian_of_head_points
from dphm_core.tracking.normal_equations import NormalEquations
from dphm_core.tracking.rigid import HEAD_SCALES
from dphm_core.tracking.sampling import COMPLETE, face_points
from dphm_core.tracking.scores import score_table
from dphm_core.tracking.sight import sight_of
from dphm_core.tracking.terms import METRES_PER_UNIT, Residuals, landmark_rays, reprojection_residuals, robust_weights
from dphm_core.tracking.weighting import add_depth, add_scores, depth_sigma_m, normal_agreement

log = logging.getLogger(__name__)

SCALE_SIGMA = 0.005
"""Spread of the metric scale around 1: the sensor is metric, sizes of heads are in the identity. Looser, scale and
size trade places slowly from step to step (to 1.07 with twelve keyframes) and leave the head 0.05 mm further off."""
LANDMARK_SIGMA_M = 0.004
"""Expected error of a landmark at the face's depth."""
ROBUST_START_M = 0.015
ROBUST_END_M = 0.004
COARSE_SHARE = 0.5
"""Part of the steps that are made with few points."""
MAX_COEFFICIENT = 3.0
"""Identity coefficients vary as N(0, 1); none is let further than this."""
EXPRESSION_SIGMA = 0.2
"""Spread of blendshape weights while the identity is worked out: what every keyframe shows is identity."""


@dataclass(frozen=True)
class Calibration:
    """A subject's identity with the keyframes it came from."""

    coefficients: FloatArray
    """(M,) in the span of the model's identity codes."""
    scale: float
    states: list[FitState]
    residual_m: float
    """Mean distance of the keyframes' inliers."""


@dataclass(frozen=True)
class _Round:
    """How depth enters in one step: coarse and tolerant first."""

    points: int
    """Per keyframe."""
    width_m: float
    """Of the robust weights."""
    sigma_m: float
    """Expected distance of a point."""


class Calibrator:
    """Fits an identity to keyframes; lives on the tracking thread."""

    def __init__(self, model: HeadModel, config: TrackerConfig) -> None:
        self._model = model
        self._config = config
        self._basis = torch.from_numpy(model.identity_basis)
        self._mean = torch.from_numpy(model.identity_mean)
        self._scores = score_table(model.expression_names)
        self._coefficient_count = model.identity_basis.shape[1]
        vertices = np.full(0, NO_VERTEX) if model.template is None else model.template.landmark_vertices
        self._landmarks = np.nonzero(vertices != NO_VERTEX)[0]
        self._sight = sight_of(model, self._landmarks)

    def fit(
        self, observations: list[Observation], starts: list[FitState], check: Callable[[], None] = lambda: None,
        coefficients: FloatArray | None = None,
    ) -> Calibration:  # fmt: skip
        """Fit the identity to observations; `check` is called often and may raise.

        Parameters
        ----------
        observations : list of Observation
            The keyframes.
        starts : list of FitState
            Where their heads are, roughly; all of one scale.
        check : callable
            Called often; may raise.
        coefficients : (M,), optional
            A good estimate to go on from, with states to match: the first half of the steps, which is for finding the
            way from the mean head, is left out.
        """
        rng = np.random.default_rng(0)
        states, total = starts, self._config.calibration_iterations
        first = 0 if coefficients is None else total // 2
        if coefficients is None:
            coefficients = np.zeros(self._coefficient_count, dtype=np.float32)
        residual = float("nan")
        for step in range(first, total):
            done = step / max(1, total - 1)
            width = ROBUST_START_M * (ROBUST_END_M / ROBUST_START_M) ** min(1.0, 1.5 * done)
            equations = NormalEquations(self._size(len(states)))
            points = self._config.calibration_points // (1 if done > COARSE_SHARE else 3)
            depth = _Round(points, width, depth_sigma_m(residual, self._config))
            distances = []
            for index, (observation, state) in enumerate(zip(observations, states, strict=True)):
                check()
                distances.append(self._add_frame(equations, index, observation, state, coefficients, depth, rng))
            scale = states[0].head_to_cam.scale
            shared = slice(0, self._coefficient_count)
            equations.add_diagonal(coefficients, np.ones(self._coefficient_count), shared)
            equations.add_diagonal(
                np.array([scale - 1]), np.array([SCALE_SIGMA**-2]), slice(shared.stop, shared.stop + 1)
            )
            coefficients, states = self._step(equations, coefficients, states)
            residual = float(np.mean(distances))
            log.debug("calibration step %d: mean distance %.2f mm, scale %.3f", step, residual * 1e3, scale)
        return Calibration(coefficients, states[0].head_to_cam.scale, states, residual)

    def _size(self, frames: int) -> int:
        return self._coefficient_count + 1 + frames * (self._model.config.expression_dim + POSE_SIZE)

    def _columns(self, index: int) -> np.ndarray:  # type: ignore[type-arg]
        """Unknowns of one frame: [identity, scale, its expression, its pose]."""
        shared = self._coefficient_count + 1
        own = self._model.config.expression_dim + POSE_SIZE
        return np.concatenate([np.arange(shared), shared + index * own + np.arange(own)])

    def _add_frame(
        self, equations: NormalEquations, index: int, observation: Observation, state: FitState,
        coefficients: FloatArray, depth: _Round, rng: np.random.Generator,
    ) -> float:  # fmt: skip
        """Add one keyframe's terms; returns its mean inlier distance."""
        config = self._config
        columns = self._columns(index)
        points, normals = face_points(observation, state.head_to_cam, depth.points, rng, COMPLETE)
        residuals = self._distances(state, coefficients, points)
        agreement = normal_agreement(residuals, state, normals)
        add_depth(equations, residuals, agreement, depth.width_m, depth.sigma_m, config, columns)
        expression = columns[self._coefficient_count + 1 : -POSE_SIZE]
        equations.add_diagonal(state.expression, np.full(len(expression), EXPRESSION_SIGMA**-2), expression)
        if observation.landmarks is not None:
            add_scores(equations, state, observation.landmarks, self._scores, config, expression)
            self._add_landmarks(equations, observation, state, coefficients, columns)
        inlier = np.abs(residuals.values) < 2 * depth.width_m
        return float(np.abs(residuals.values[inlier]).mean()) if inlier.any() else float("nan")

    def _distances(self, state: FitState, coefficients: FloatArray, points_cam: FloatArray) -> Residuals:
        """Signed distances with their Jacobian by [identity, scale, expression, pose], by autograd."""
        model, pose = self._model, state.head_to_cam
        count = len(points_cam)
        points_head = pose.to_head(points_cam)
        with torch.enable_grad():
            points = torch.from_numpy(points_head)[:, None].requires_grad_()  # (N,1,3)
            code = self._mean + self._basis @ torch.from_numpy(coefficients)
            identity = code.expand(count, -1).clone().requires_grad_()  # (N,D)
            expression = torch.from_numpy(state.expression).expand(count, -1).clone().requires_grad_()
            condition = model.expression_field.condition(identity, model.identity_field.anchors(identity))
            offset, hyper = model.expression_field(points, condition, expression)
            values = model.identity_field(torch.cat([points + offset, hyper], dim=-1), identity)[:, 0]
            by_point, by_identity, by_expression = torch.autograd.grad(values.sum(), [points, identity, expression])
        gradient = by_point[:, 0].numpy()
        # distance in metres = s · sdf / 4, and the head-frame point shrinks as the scale grows
        by_scale = values.detach().numpy() - (gradient * points_head).sum(axis=1)
        to_metres = METRES_PER_UNIT * pose.scale
        jacobian = np.concatenate(
            [
                (by_identity @ self._basis).numpy() * to_metres,
                by_scale[:, None] * METRES_PER_UNIT,
                by_expression.numpy() * to_metres,
                pose_jacobian_of_head_points(gradient, points_cam, pose) * to_metres,
            ],
            axis=1,
        )
        length = np.maximum(np.linalg.norm(gradient, axis=1, keepdims=True), 1e-6)
        return Residuals(values.detach().numpy() * to_metres, jacobian, gradient / length)

    def _add_landmarks(
        self, equations: NormalEquations, observation: Observation, state: FitState, coefficients: FloatArray,
        columns: np.ndarray,  # type: ignore[type-arg]
    ) -> None:  # fmt: skip
        """Reprojection errors of all template landmarks."""
        template = self._model.template
        rays = landmark_rays(observation)
        if template is None or rays is None or self._sight is None:
            return
        landmarks = self._landmarks
        vertices = template.landmark_vertices[landmarks]
        identity = template.identity_basis[:, vertices]
        expression = template.expression_basis[:, vertices]
        offset = np.tensordot(coefficients, identity, 1)
        offset += np.tensordot(state.expression - template.canonical_weights, expression, 1)
        points_head = template.mean[vertices] + offset
        size = points_head[None] / state.head_to_cam.scale
        basis = np.concatenate([identity, size, expression])
        residuals = reprojection_residuals(points_head, basis, rays[landmarks], state.head_to_cam)
        weight = robust_weights(residuals.values, 3 * LANDMARK_SIGMA_M) / LANDMARK_SIGMA_M**2
        assert observation.landmarks is not None
        weight *= np.repeat(self._sight.weights(observation.landmarks, state.head_to_cam), 2)
        # Landmarks of one face err together: all of them count as some thirty.
        equations.add(residuals.jacobian, residuals.values, weight * (30 / len(landmarks)), columns)

    def _step(
        self, equations: NormalEquations, coefficients: FloatArray, states: list[FitState]
    ) -> tuple[FloatArray, list[FitState]]:
        count = self._coefficient_count
        size = len(equations.gradient)
        lower, upper = np.full(size, -np.inf), np.full(size, np.inf)
        lower[:count], upper[:count] = -MAX_COEFFICIENT - coefficients, MAX_COEFFICIENT - coefficients
        scale = states[0].head_to_cam.scale
        lower[count], upper[count] = np.array(HEAD_SCALES) - scale
        if self._model.expression_names:
            for index, state in enumerate(states):
                expression = self._columns(index)[count + 1 : -POSE_SIZE]
                lower[expression], upper[expression] = -state.expression, 1 - state.expression
        step = equations.solve(lower, upper)
        scale = float(np.clip(scale + step[count], *HEAD_SCALES))  # to the last digit
        moved = []
        for index, state in enumerate(states):
            own = step[self._columns(index)[count + 1 :]].astype(np.float32)
            pose = state.head_to_cam
            scaled = Similarity(pose.rotation, pose.translation_m, scale)
            moved.append(
                FitState(scaled, state.expression).moved(state.expression + own[:-POSE_SIZE], own[-POSE_SIZE:])
            )
        return (coefficients + step[:count]).astype(np.float32), moved
