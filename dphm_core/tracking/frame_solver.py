"""Fits pose and expression of one frame by Gauss–Newton, warm-started from the frame before.

Each step linearises the robust point-to-surface distances, the reprojection errors of eyelid and lip contours, the
detector's blendshape scores, the ridge to the frame before and the pull of the diffusion prior, and keeps blendshape
weights in 0..1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dphm_core.diffusion.prior import LatentPrior
from dphm_core.frames import FloatArray, Observation
from dphm_core.heads.subject import Subject
from dphm_core.heads.template import NO_VERTEX
from dphm_core.landmarks.landmark_sets import CONTOURS
from dphm_core.tracking.config import TrackerConfig
from dphm_core.tracking.descent import ROUGH, SETTLED, Descent
from dphm_core.tracking.fit_state import POSE_SIZE, FitState
from dphm_core.tracking.normal_equations import NormalEquations
from dphm_core.tracking.point_budget import PointBudget
from dphm_core.tracking.prior_term import PriorTerm
from dphm_core.tracking.sampling import face_points
from dphm_core.tracking.scores import score_table
from dphm_core.tracking.shape_error import shape_error
from dphm_core.tracking.sight import sight_of
from dphm_core.tracking.terms import (
    ContourTerm,
    distance_residuals,
    landmark_rays,
    robust_weights,
    signed_distances,
)
from dphm_core.tracking.weighting import add_depth, add_scores, depth_sigma_m, normal_agreement

MIN_POINTS = 100
INLIER_M = 0.005
"""Points this near the model count as explained by it."""


@dataclass(frozen=True)
class Fit:
    """Outcome of a frame's fit."""

    state: FitState
    residual_m: float
    """Mean distance of the explained points, metres; NaN without points."""
    inliers: float
    """Share of the face's points that the model explains."""
    shape_error_m: float = float("nan")
    """How far the head's shape is off, noise averaged out, metres: see `shape_error`."""


class FrameSolver:
    """Fits frames of one subject; lives on the tracking thread."""

    def __init__(self, subject: Subject, config: TrackerConfig, prior: LatentPrior | None = None) -> None:
        self._subject = subject
        self._latent_prior = prior
        self._prior: PriorTerm | None = None
        self._budget = PointBudget(config.points, config.frame_s)
        self.adjust(config)
        names = subject.model.expression_names
        self._scores = score_table(names)
        self._contours = contour_term(subject)
        self._sight = None if self._contours is None else sight_of(subject.model, self._contours.landmarks)
        self._rng = np.random.default_rng(0)
        self._residual_m = float("nan")  # of the frame before

    def adjust(self, config: TrackerConfig) -> None:
        """Go on with other live settings, without forgetting anything."""
        self._config, self._budget.most = config, config.points
        if self._latent_prior is None or config.prior_spread <= 0:
            self._prior = None
        elif self._prior is None:
            self._prior = PriorTerm(self._latent_prior, config.prior_spread, config.threads)
        else:
            self._prior.set_spread(config.prior_spread)

    def solve(self, observation: Observation, start: FitState, iterations: int | None = None) -> Fit:
        """Fit one frame from `start`, the state of the frame before."""
        config = self._config
        points, normals = face_points(observation, start.head_to_cam, self._budget.begin(), self._rng)
        if len(points) < MIN_POINTS:
            return Fit(start, float("nan"), 0.0)
        # What was found anew may be somebody else: the frame before tells nothing of the camera's noise then.
        sigma = depth_sigma_m(float("nan") if iterations else self._residual_m, config)
        contours = self._contours_seen(observation, start)
        plausible = None if self._prior is None else self._prior.centre(start.expression)
        state, gain, work = start, np.inf, 0.0
        descent = Descent.of(iterations, config)
        for step in range(descent.most):
            stride = 2 if descent.may_thin(step) and gain > ROUGH else 1
            work += 1 / stride
            equations = NormalEquations(len(state.expression) + POSE_SIZE)
            residuals = distance_residuals(self._subject, state, points[::stride])
            agreement = normal_agreement(residuals, state, normals[::stride])
            add_depth(equations, residuals, agreement, descent.width_m(step, config), sigma, config)
            self._add_priors(equations, state, start, observation, contours)
            if self._prior is not None and plausible is not None:
                self._prior.add(equations, state.expression, plausible)
            state, gain = step_within_box(equations, state, bool(self._subject.model.expression_names))
            if stride == 1 and descent.may_end(step) and gain <= SETTLED:
                break
        if self._prior is not None:
            self._prior.look_ahead(state.expression)
        fit = judged(state, points, signed_distances(self._subject, state, points))
        self._residual_m = fit.residual_m
        if iterations is None:
            self._budget.end(len(points), work)
        return fit

    def posed_vertices(self, expression: FloatArray, previous: FloatArray | None = None) -> FloatArray:
        """The subject's mesh (V, 3), posed head frame; see `Subject.posed_vertices`."""
        return self._subject.posed_vertices(expression, previous)

    def _contours_seen(self, observation: Observation, start: FitState) -> tuple[FloatArray, FloatArray] | None:
        """Rays (478, 2) of the frame's landmarks, and for each of the contours' rows (2 L,) whether it is in sight."""
        rays = landmark_rays(observation)
        if rays is None or observation.landmarks is None or self._sight is None:
            return None
        return rays, np.repeat(self._sight.weights(observation.landmarks, start.head_to_cam), 2)

    def _add_priors(
        self, equations: NormalEquations, state: FitState, start: FitState, observation: Observation,
        contours: tuple[FloatArray, FloatArray] | None,
    ) -> None:  # fmt: skip
        config = self._config
        size = len(state.expression)
        expression = slice(0, size)
        ones = np.ones(size)
        equations.add_diagonal(state.expression, ones / config.expression_sigma**2, expression)
        moved = state.expression - start.expression
        equations.add_diagonal(moved, ones / config.expression_step_sigma**2, expression)
        pose_weight = np.repeat([config.rotation_step_sigma_rad**-2, config.translation_step_sigma_m**-2], 3)
        # A damping about where the pose stands, which holds it where depth does not: no pull to the frame before.
        equations.add_diagonal(np.zeros(POSE_SIZE), pose_weight, slice(size, size + POSE_SIZE))
        if observation.landmarks is None:
            return
        add_scores(equations, state, observation.landmarks, self._scores, config, np.arange(size))
        if self._contours is not None and contours is not None:
            rays, in_sight = contours
            contour = self._contours.residuals(state, rays)
            robust = robust_weights(contour.values, 4 * config.contour_sigma_m) / config.contour_sigma_m**2
            robust *= in_sight
            equations.add(contour.jacobian, contour.values, robust)


def judged(state: FitState, points: FloatArray, signed: FloatArray) -> Fit:
    """A fit with how well it explains the points (N, 3), camera frame, whose signed distances (N,) are in metres."""
    distance = np.abs(signed)
    near = distance < INLIER_M
    mean = float(distance[near].mean()) if near.any() else float("nan")
    shape = shape_error(state.head_to_cam.to_head(points[near]), signed[near])
    return Fit(state, mean, float(near.mean()), shape)


def step_within_box(equations: NormalEquations, state: FitState, named: bool) -> tuple[FitState, float]:
    """Solve and move, and tell what that gains; named weights (blendshapes) stay in 0..1."""
    size = len(state.expression)
    lower, upper = np.full(size + POSE_SIZE, -np.inf), np.full(size + POSE_SIZE, np.inf)
    if named:
        lower[:size], upper[:size] = -state.expression, 1 - state.expression
    step = equations.solve(lower, upper)
    moved = state.moved(state.expression + step[:size].astype(np.float32), step[size:].astype(np.float32))
    return moved, equations.gain(step)


def contour_term(subject: Subject) -> ContourTerm | None:
    """Eyelids and lips of a subject; None for a model whose template does not mark them, or that has none."""
    template = subject.model.template
    if template is None:
        return None
    landmarks = np.array([k for k in CONTOURS if template.landmark_vertices[k] != NO_VERTEX], dtype=np.int64)
    if not len(landmarks):
        return None
    vertices = template.landmark_vertices[landmarks]
    return ContourTerm(
        landmarks,
        subject.vertices_canonical[vertices],
        np.ascontiguousarray(template.expression_basis[:, vertices]),
        template.canonical_weights,
    )
