"""The tracker: finds a head, works out whose it is, follows it, notices when it is lost.

SEARCHING ──face seen──▶ CALIBRATING ──identity found──▶ TRACKING ⇄ LOST ──for long──▶ SEARCHING ──found──▶ TRACKING
"""

from __future__ import annotations

import logging
import threading
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from dphm_core.diffusion.prior import LatentPrior
from dphm_core.errors import Cancelled
from dphm_core.frames import FloatArray, Observation, Similarity, TrackedFrame, TrackStatus
from dphm_core.heads.model import HeadModel
from dphm_core.heads.numerics import prepare_thread
from dphm_core.heads.subject import Subject, build_subject
from dphm_core.tracking.calibration import Calibrator
from dphm_core.tracking.config import TrackerConfig
from dphm_core.tracking.fit_state import FitState
from dphm_core.tracking.frame_solver import Fit, FrameSolver
from dphm_core.tracking.initial_pose import aligned_pose, initial_pose, yaw_rad
from dphm_core.tracking.subject_file import KnownSubject, model_fingerprint
from dphm_core.tracking.trust import alignment_trust
from dphm_core.tracking.watch import Belief, Watch

log = logging.getLogger(__name__)

REACQUIRE_ITERATIONS = 10
"""Gauss–Newton steps of a fit that starts from landmarks rather than from the frame before."""


MAX_CALIBRATION_RESIDUAL_M = 0.004
"""Mean distance above which what was calibrated on is no head."""


class HeadTracker:
    """Tracks one person's head; lives on the tracking thread."""

    def __init__(
        self, model: HeadModel, config: TrackerConfig | None = None, expression_prior: LatentPrior | None = None
    ) -> None:
        self.model = model
        self.config = config or TrackerConfig()
        self._prior = expression_prior
        self.subject: Subject | None = None
        self.known: KnownSubject | None = None
        """What the calibration found out about the subject, to be saved for the next time."""
        self.calibration_s = 0.0
        self._solver: FrameSolver | None = None
        self._watch: Watch | None = None
        self._state: FitState | None = None
        self._keyframes: list[tuple[Observation, Similarity]] = []
        self._status = TrackStatus.SEARCHING
        self._frames_lost = 0
        self._posed: FloatArray | None = None
        self._mesh_s = 0.0
        self._cancelled = threading.Event()
        self._turn = threading.RLock()

    @property
    def status(self) -> TrackStatus:
        """State after the last frame."""
        return self._status

    @property
    def faces(self) -> NDArray[np.int32]:
        """Triangles (F, 3) of every tracked mesh; empty until an identity is known."""
        return self.subject.faces if self.subject is not None else np.zeros((0, 3), np.int32)

    def track(self, observation: Observation) -> TrackedFrame:
        """Advance by one observation."""
        prepare_thread(self.config.threads)
        with self._turn:
            return self._advance(observation)

    def use_subject(self, known: KnownSubject) -> None:
        """Track a person who was calibrated before: the head is looked for with the next observation.

        May be called from any thread, and takes about a second; frames go on being tracked meanwhile.

        Raises
        ------
        ValueError
            The numbers are no head of this model.
        """
        known.check(self.model)
        prepare_thread(self.config.threads)
        subject = build_subject(self.model, known.coefficients, known.scale)
        with self._turn:
            self._adopt(known, subject)

    def _advance(self, observation: Observation) -> TrackedFrame:
        if self.subject is None:
            return self._collect(observation)
        started, self._mesh_s = perf_counter(), 0.0
        belief, reason = self._fit(observation)
        stages = {**observation.stages_s, "solve": perf_counter() - started - self._mesh_s, "mesh": self._mesh_s}
        if belief is None:
            return self._miss(observation, reason, stages)
        assert self._watch is not None
        self._watch.believe(belief, observation.frame.timestamp_s)
        fit = belief.fit
        self._state, self._status, self._frames_lost = fit.state, TrackStatus.TRACKING, 0
        return TrackedFrame(
            observation, self._status, reason, fit.state.head_to_cam, fit.state.expression, belief.vertices_cam,
            fit.residual_m * 1000, stages, belief.verdict.confidence,
        )  # fmt: skip

    def cancel(self) -> None:
        """Give up a calibration under way, which raises `Cancelled`; may be called from any thread."""
        self._cancelled.set()

    def finish_calibration(self) -> None:
        """Calibrate on the frames seen so far: a recording may end before enough of them came."""
        if self.subject is None and self._keyframes:
            self._cancelled.clear()
            prepare_thread(self.config.threads)
            self._calibrate()

    def restart(self) -> None:
        """Forget where the head was, keep whose it is: for going back in a recording."""
        self._state = None
        self._frames_lost = 0
        if self._watch is not None:
            self._watch.restart()
            self._status = TrackStatus.LOST

    def resume(self, state: FitState) -> None:
        """Go on from a known pose and expression of the calibrated head."""
        self._state, self._frames_lost = state, 0
        self._status = TrackStatus.TRACKING
        if self._watch is not None:
            self._watch.restart()

    def _collect(self, observation: Observation) -> TrackedFrame:
        """Before the identity is known: gather frames with a face."""
        aligned = aligned_pose(self.model, observation) if len(observation.points_cam) else None
        confidence = 0.0 if aligned is None else alignment_trust(aligned[1])
        if aligned is None or not confidence:
            self._status = TrackStatus.CALIBRATING if self._keyframes else TrackStatus.SEARCHING
            reason = "no face in sight" if observation.landmarks is None else "landmarks and depth do not make a head"
            return TrackedFrame(observation, self._status, reason, stages_s=dict(observation.stages_s))
        self._keyframes.append((observation, aligned[0]))
        self._status = TrackStatus.CALIBRATING
        done, wanted = len(self._keyframes), self.config.calibration_frames
        if done >= wanted:
            self._calibrate()
        reason, stages = f"looking at the face: {done} of {wanted} frames", dict(observation.stages_s)
        return TrackedFrame(
            observation, TrackStatus.CALIBRATING, reason, aligned[0], stages_s=stages, confidence=confidence
        )

    def _calibrate(self) -> None:
        started = perf_counter()
        chosen = spread_over_turn(self._keyframes, self.config.calibration_keyframes)
        calibrator = Calibrator(self.model, self.config)
        result = calibrator.fit([observation for observation, _ in chosen], [pose for _, pose in chosen], self._check)
        self._keyframes = []
        if not result.residual_m < MAX_CALIBRATION_RESIDUAL_M:
            self._status = TrackStatus.SEARCHING
            log.warning("what was seen makes no head (%.1f mm off); looking again", result.residual_m * 1e3)
            return
        subject = build_subject(self.model, result.coefficients, result.scale, self._check)
        solver = FrameSolver(subject, self.config, self._prior)
        own = [solver.solve(frame[0], state) for frame, state in zip(chosen, result.states, strict=True)]
        known = KnownSubject(
            result.coefficients, result.scale, result.residual_m, float(np.median([fit.shape_error_m for fit in own])),
            self.model.name, model_fingerprint(self.model),
        )  # fmt: skip
        self._adopt(known, subject)
        self._status = TrackStatus.TRACKING
        self.calibration_s = perf_counter() - started
        log.info(
            "calibrated on %d frames in %.1f s: mean distance %.2f mm, scale %.3f",
            len(chosen), self.calibration_s, result.residual_m * 1e3, result.scale,
        )  # fmt: skip

    def _adopt(self, known: KnownSubject, subject: Subject) -> None:
        """Track this subject from now on; where the head is has to be found."""
        self.known, self.subject = known, subject
        self._solver = FrameSolver(subject, self.config, self._prior)
        self._watch = Watch(subject, known, self.config)
        self._state, self._posed, self._keyframes = None, None, []
        self._status, self._frames_lost = TrackStatus.SEARCHING, self.config.search_frames

    def _fit(self, observation: Observation) -> tuple[Belief | None, str]:
        """Fit from the frame before, else from the landmarks; None with the reason where neither holds."""
        assert self._solver is not None and self._watch is not None
        if not len(observation.points_cam):
            return None, "no depth where the head was"
        if self._state is None:
            return self._find(observation)
        belief = self._look(observation, self._solver.solve(observation, self._state), followed=True)
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
        assert self._solver is not None and self._watch is not None
        start = self._from_landmarks(observation)
        if start is None:
            return None, "no face in sight"
        belief = self._look(observation, self._solver.solve(observation, start, REACQUIRE_ITERATIONS), followed=False)
        doubt = self._watch.doubt_found(belief)
        return (None, doubt) if doubt else (belief, "found by its landmarks")

    def _look(self, observation: Observation, fit: Fit, followed: bool) -> Belief:
        """Make a fit's mesh and judge it."""
        assert self.subject is not None and self._watch is not None
        started = perf_counter()
        self._posed = self.subject.posed_vertices(fit.state.expression, self._posed)
        vertices_cam = fit.state.head_to_cam.to_camera(self._posed)
        self._mesh_s += perf_counter() - started
        return self._watch.look(observation, fit, vertices_cam, followed)

    def _from_landmarks(self, observation: Observation) -> FitState | None:
        assert self.subject is not None
        pose = initial_pose(self.model, observation, self.subject.scale)
        if pose is None:
            return None
        if self._state is None:
            return FitState.at_rest(pose, self.model.config.expression_dim)
        return FitState(pose, self._state.expression)

    def _miss(self, observation: Observation, reason: str, stages: dict[str, float]) -> TrackedFrame:
        assert self._watch is not None
        if not self._frames_lost:
            self._watch.lose()
            self._state = self._watch.last_good or self._state
        self._frames_lost += 1
        self._status = TrackStatus.LOST
        if self._state is not None and self._frames_lost == self.config.forget_expression_frames:
            self._state = FitState.at_rest(self._state.head_to_cam, self.model.config.expression_dim)
        if self._frames_lost >= self.config.search_frames:
            self._state, self._status = None, TrackStatus.SEARCHING
        return TrackedFrame(observation, self._status, reason, stages_s=stages)

    def _check(self) -> None:
        if self._cancelled.is_set():
            raise Cancelled("the calibration was given up")


def spread_over_turn(frames: list[tuple[Observation, Similarity]], count: int) -> list[tuple[Observation, Similarity]]:
    """Choose frames evenly over the range of the head's turn, near-frontal ones included."""
    order = sorted(range(len(frames)), key=lambda k: yaw_rad(frames[k][1]))
    yaws = np.array([yaw_rad(frames[k][1]) for k in order])
    targets = np.linspace(yaws[0], yaws[-1], min(count, len(frames)))
    chosen: list[int] = []
    for target in targets:
        for position in np.argsort(np.abs(yaws - target)):
            if order[int(position)] not in chosen:
                chosen.append(order[int(position)])
                break
    return [frames[k] for k in sorted(chosen)]
