"""Follows one head from frame to frame: from where it was, else from its landmarks; tells when it is lost."""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter

from dphm_core.diffusion.prior import LatentPrior
from dphm_core.frames import FloatArray, Observation, TrackedFrame, TrackStatus
from dphm_core.tracking.config import TrackerConfig
from dphm_core.tracking.fit_state import FitState
from dphm_core.tracking.frame_solver import Fit
from dphm_core.tracking.identity import Identity
from dphm_core.tracking.initial_pose import initial_pose
from dphm_core.tracking.rigid import align
from dphm_core.tracking.smoothing import Smoother
from dphm_core.tracking.solver import SolverMaker
from dphm_core.tracking.watch import Belief, Watch
from dphm_core.tracking.weighting import depth_sigma_m

REACQUIRE_ITERATIONS = 10
"""Gauss–Newton steps of a fit that starts from landmarks, or from another head, rather than from the frame before."""
CARRY_STRIDE = 8
"""Every so many-th vertex of the face tells where a head is taken over."""


class Follower:
    """Follows the head of one identity; lives on the tracking thread.

    Parameters
    ----------
    identity
        Whose head.
    config, prior, make_solver
        Of the tracker.
    """

    def __init__(
        self, identity: Identity, config: TrackerConfig, prior: LatentPrior | None, make_solver: SolverMaker
    ) -> None:
        self.identity, self.subject = identity, identity.subject
        self.status = TrackStatus.SEARCHING
        """After the last frame."""
        self.state: FitState | None = None
        """Where the head is, or was last."""
        self._model, self._config = identity.subject.model, self._worth(config)
        self._solver = make_solver(identity.subject, self._config, prior)
        self._watch = Watch(identity.subject, identity.known, config)
        self._frames_lost = config.search_frames
        self._smoother = Smoother(config.smoothness, config.expression_sigma)
        self._unsettled = False
        self._posed: FloatArray | None = None
        self._mesh_s = 0.0

    def adjust(self, config: TrackerConfig) -> None:
        """Go on with other live settings: the head is followed as before."""
        self._config = self._worth(config)
        self._solver.adjust(self._config)
        self._smoother.smoothness = config.smoothness

    def follow(self, observation: Observation) -> TrackedFrame:
        """Advance by one observation."""
        started, self._mesh_s = perf_counter(), 0.0
        belief, reason = self._fit(observation)
        stages = {**observation.stages_s, "solve": perf_counter() - started - self._mesh_s, "mesh": self._mesh_s}
        if belief is None:
            return self._miss(observation, reason, stages)
        self._watch.believe(belief, observation.frame.timestamp_s)
        self._smoother.keep(belief.shown)
        fit, shown = belief.fit, belief.shown
        self.state, self.status, self._frames_lost = fit.state, TrackStatus.TRACKING, 0
        return TrackedFrame(
            observation, self.status, reason, shown.head_to_cam, shown.expression, belief.vertices_cam,
            fit.residual_m * 1000, stages, belief.verdict.confidence,
        )  # fmt: skip

    def take_over(self, before: Follower) -> None:
        """Go on where another identity's head of the same model was followed: the mesh moves by their difference only.

        Head frames of two identities differ by some millimetres: faces are laid on each other, not frames.
        """
        self.status, self._frames_lost = before.status, before._frames_lost
        if before.state is None:
            return
        state = before.state.at_scale(self.subject.scale)
        template = self._model.template
        if template is not None:
            face = template.tracked.nonzero()[0][::CARRY_STRIDE]
            there = before.state.head_to_cam.to_camera(before.subject.posed_vertices(state.expression)[face])
            pose, _ = align(self.subject.posed_vertices(state.expression)[face], there, self.subject.scale)
            state = FitState(pose, state.expression)
        self.state, self._unsettled = state, True

    def restart(self) -> None:
        """Forget where the head was."""
        self.state, self._frames_lost, self.status = None, 0, TrackStatus.LOST
        self._watch.restart()
        self._smoother.restart()

    def resume(self, state: FitState) -> None:
        """Go on from a known pose and expression."""
        self.state, self._frames_lost = state.at_scale(self.subject.scale), 0
        self.status = TrackStatus.TRACKING
        self._watch.restart()
        self._smoother.restart()

    def _worth(self, config: TrackerConfig) -> TrackerConfig:
        """A tracker's settings as far as this identity is worth them."""
        most = self.identity.most_points
        return config if most is None else replace(config, points=min(config.points, most))

    def _fit(self, observation: Observation) -> tuple[Belief | None, str]:
        """Fit from the frame before, else from the landmarks; None with the reason where neither holds."""
        if not len(observation.points_cam):
            return None, "no depth where the head was"
        if self.state is None:
            return self._find(observation)
        iterations, self._unsettled = REACQUIRE_ITERATIONS if self._unsettled else None, False
        belief = self._look(observation, self._solver.solve(observation, self.state, iterations), followed=True)
        reason = self._watch.doubt_found(belief) if self._frames_lost else self._watch.doubt_followed(belief)
        if not reason and not self._watch.worth_another_look:
            return belief, "following the frame before"
        found, doubt = self._find(observation)
        if not reason and (found is None or found.verdict.confidence <= belief.verdict.confidence):
            return belief, f"following the frame before, though {belief.verdict.weakest}"
        if found is None and (not self._frames_lost or observation.landmarks is None):
            return None, reason  # why it was lost, rather than why it is not found
        return found, doubt

    def _find(self, observation: Observation) -> tuple[Belief | None, str]:
        """Fit from the landmarks, with how it was found; None with the reason where that makes no head."""
        start = self._from_landmarks(observation)
        if start is None:
            return None, "no face in sight"
        belief = self._look(observation, self._solver.solve(observation, start, REACQUIRE_ITERATIONS), followed=False)
        doubt = self._watch.doubt_found(belief)
        return (None, doubt) if doubt else (belief, "found by its landmarks")

    def _look(self, observation: Observation, fit: Fit, followed: bool) -> Belief:
        """Make a fit's mesh and judge it."""
        started = perf_counter()
        noise = depth_sigma_m(fit.residual_m, self._config) / self._config.depth_sigma_m
        shown = self._smoother.towards(fit.state, noise) if followed else fit.state
        self._posed = self._solver.posed_vertices(shown.expression, self._posed)
        vertices_cam = shown.head_to_cam.to_camera(self._posed)
        self._mesh_s += perf_counter() - started
        return self._watch.look(observation, fit, shown, vertices_cam, followed)

    def _from_landmarks(self, observation: Observation) -> FitState | None:
        pose = initial_pose(self._model, observation, self.subject.scale)
        if pose is None:
            return None
        if self.state is None:
            return FitState.at_rest(pose, self._model.config.expression_dim)
        return FitState(pose, self.state.expression)

    def _miss(self, observation: Observation, reason: str, stages: dict[str, float]) -> TrackedFrame:
        if not self._frames_lost:
            self._watch.lose()
            self._smoother.restart()
            self.state = self._watch.last_good or self.state
        self._frames_lost += 1
        self.status = TrackStatus.LOST
        if self.state is not None and self._frames_lost == self._config.forget_expression_frames:
            self.state = FitState.at_rest(self.state.head_to_cam, self._model.config.expression_dim)
        if self._frames_lost >= self._config.search_frames:
            self.state, self.status = None, TrackStatus.SEARCHING
        return TrackedFrame(observation, self.status, reason, stages_s=stages)
