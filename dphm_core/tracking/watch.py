"""Decides frame by frame whether a head is still followed, or again, and tells why not."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from dphm_core.frames import FloatArray, Observation
from dphm_core.heads.subject import Subject
from dphm_core.tracking.config import TrackerConfig
from dphm_core.tracking.depth_noise import MOST_MORE_M, depth_noise, more_noise
from dphm_core.tracking.evidence import Witness
from dphm_core.tracking.fit_state import FitState
from dphm_core.tracking.frame_solver import Fit
from dphm_core.tracking.shape_error import middle_mean
from dphm_core.tracking.subject_file import KnownSubject
from dphm_core.tracking.trust import (
    FOUND_CONFIDENCE,
    HOPELESS_CONFIDENCE,
    LOST_CONFIDENCE,
    PATIENCE,
    STRANGER_FACTOR_WHILE_FOLLOWED,
    Verdict,
    frames_asked,
    judge,
    stranger_limit_m,
)


@dataclass(frozen=True)
class Belief:
    """A fit with its mesh and what to think of it."""

    fit: Fit
    shown: FitState
    """The fit's state, smoothed."""
    vertices_cam: FloatArray
    """(V, 3) metres, camera frame, of what is shown."""
    verdict: Verdict
    more_noise_m: float
    """What the camera has beyond the calibration's (`more_noise`)."""


class Watch:
    """Watches over the tracking of one subject; lives on the tracking thread."""

    def __init__(self, subject: Subject, known: KnownSubject, config: TrackerConfig) -> None:
        self._witness = Witness(subject, config.expression_sigma)
        self._own_residual_m = known.residual_m
        self._own_shape_error_m = known.shape_error_m
        self._least_inliers = config.lost_inliers
        self._believed: tuple[FitState, float] | None = None  # the last state that was, and when
        self._good: FitState | None = None
        self._in_doubt = self._weak = 0  # frames in a row: below what keeps a head, and below what finds one
        self._stranger = False  # whether somebody else was seen last
        self._shape_errors_m: deque[float] = deque(maxlen=frames_asked(MOST_MORE_M))

    @property
    def last_good(self) -> FitState | None:
        """The last state without much doubt, to look for the head at: what followed may have slipped off it."""
        return self._good

    @property
    def worth_another_look(self) -> bool:
        """Whether the head is followed so badly, and that not for long, that the landmarks may tell better."""
        return 0 < self._weak <= PATIENCE

    def restart(self) -> None:
        """Forget what was seen: the next frame is from another time."""
        self._believed = self._good = None
        self._in_doubt, self._weak, self._stranger = 0, 0, False
        self._shape_errors_m.clear()

    def look(
        self, observation: Observation, fit: Fit, shown: FitState, vertices_cam: FloatArray, followed: bool
    ) -> Belief:
        """Judge a fit, `followed` from the frame before or found anew; `vertices_cam` (V, 3) is what is shown."""
        before, elapsed_s = None, 0.0
        if followed and self._believed is not None:
            before, elapsed_s = self._believed[0], observation.frame.timestamp_s - self._believed[1]
        evidence = self._witness.look(observation, fit, vertices_cam, before, elapsed_s)
        noise_m = depth_noise(observation.points_cam, fit.state.head_to_cam)
        more_m = more_noise(noise_m, self._own_residual_m)
        return Belief(fit, shown, vertices_cam, judge(evidence, self._own_residual_m, more_m), more_m)

    def doubt_followed(self, belief: Belief) -> str:
        """Why a head is not followed any longer; empty where it is. Small doubts have to last."""
        if hard := self._impossible(belief.fit):
            return hard
        confidence = belief.verdict.confidence
        self._in_doubt = self._in_doubt + 1 if confidence < LOST_CONFIDENCE else 0
        if confidence < HOPELESS_CONFIDENCE or self._in_doubt >= PATIENCE:
            return belief.verdict.weakest
        self._weak = self._weak + 1 if confidence < FOUND_CONFIDENCE else 0
        if self._weak:
            return ""  # a pose that is off says nothing about whose head it is
        usual_m, limit_m, steady = self._shape(belief)
        self._stranger = steady and usual_m > STRANGER_FACTOR_WHILE_FOLLOWED * limit_m
        return _another_head(usual_m) if self._stranger else ""

    def doubt_found(self, belief: Belief) -> str:
        """Why a head that was lost is not found by this fit; empty where it is."""
        if hard := self._impossible(belief.fit):
            return hard
        if belief.verdict.confidence < FOUND_CONFIDENCE:
            return belief.verdict.weakest
        usual_m, _, _ = self._shape(belief)
        # One look finds a head: what its noise alone may do to that would let others pass, too.
        limit_m = stranger_limit_m(self._own_shape_error_m, belief.more_noise_m, frames_asked(belief.more_noise_m))
        self._stranger = usual_m > limit_m
        return _another_head(usual_m) if self._stranger else ""

    def believe(self, belief: Belief, timestamp_s: float) -> None:
        """Take a fit for where the head is."""
        self._believed = belief.fit.state, timestamp_s
        if belief.verdict.confidence >= FOUND_CONFIDENCE:
            self._good = belief.fit.state

    def lose(self) -> None:
        """Take the head for lost: what comes next has to be found."""
        self._in_doubt = self._weak = 0
        if not self._stranger:  # who was somebody else has to look like the subject for more than one frame
            self._shape_errors_m.clear()

    def _shape(self, belief: Belief) -> tuple[float, float, bool]:
        """What is usual of the shape error, this fit's included; a stranger's limit; whether both hold for longer."""
        self._shape_errors_m.append(belief.fit.shape_error_m)
        last = np.array(self._shape_errors_m)[-frames_asked(belief.more_noise_m) :]
        limit_m = stranger_limit_m(self._own_shape_error_m, belief.more_noise_m, len(last))
        return middle_mean(last), limit_m, len(last) >= PATIENCE

    def _impossible(self, fit: Fit) -> str:
        if not np.isfinite(fit.residual_m) or not np.isfinite(fit.shape_error_m):
            return "no depth on the face"
        if fit.inliers < self._least_inliers:
            return f"only {fit.inliers:.0%} of the points fit the head"
        return ""


def _another_head(shape_error_m: float) -> str:
    return f"another head: its shape is {shape_error_m * 1e3:.1f} mm off"
