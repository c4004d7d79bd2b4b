"""Whose head it is: worked out from keyframes, and worked out better once there are more of them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np

from dphm_core.aside import Check
from dphm_core.diffusion.prior import LatentPrior
from dphm_core.frames import UNITS_PER_METRE
from dphm_core.heads.baking import LASTING, PASSING, Resolution
from dphm_core.heads.model import HeadModel
from dphm_core.heads.subject import Subject, build_subject
from dphm_core.tracking.calibration import Calibration, Calibrator
from dphm_core.tracking.config import TrackerConfig
from dphm_core.tracking.frame_solver import INLIER_M, Fit, FrameSolver
from dphm_core.tracking.keyframes import Keyframe, spread_views
from dphm_core.tracking.personal import fuse
from dphm_core.tracking.subject_file import KnownSubject, model_fingerprint

log = logging.getLogger(__name__)

MAX_CALIBRATION_RESIDUAL_M = 0.004
"""Mean distance above which what was calibrated on is no head."""
ASIDE = 4
"""Every so many-th keyframe of a refinement is not fitted to, only compared on."""
MIN_GAIN = 0.05
"""Share by which a refined identity must be nearer to the keyframes that it was not fitted to. On held-out recordings a
bad identity gains 10 % or more and comes 0.1 to 0.2 mm closer to the truth; a good one gains up to 3 % and no truth."""
MIN_CHANGE_M = 5e-5
"""A refinement that moves the face by less on average is none."""
COMPARE_ITERATIONS = 6
"""Gauss–Newton steps that each identity gets to fit a keyframe that they are compared on."""
GENERIC_RESIDUAL_M = 0.002
GENERIC_SHAPE_ERROR_M = 0.01
"""What the mean head leaves of anybody's: it takes nobody for a stranger."""
GENERIC_POINTS = 600
"""More do not make it a better head, and take the time in which a better one is worked out."""
GLANCE_FRAMES = 10
"""Frames with a face that a provisional head is worked out from."""
GLANCE_KEYFRAMES, GLANCE_ITERATIONS, GLANCE_POINTS = 4, 6, 300
"""What that takes of a calibration's efforts: a fifth of its time. On held-out recordings such a head is 0.4 to 0.7 mm
off, where the mean head is 1.3 to 1.9 mm off, and a fully calibrated one 0.35 to 0.6 mm."""
UNFITTED = 4
"""Frames that were not calibrated on, which a provisional and a full head are compared on."""


@dataclass(frozen=True)
class Identity:
    """Somebody's head, ready to be followed."""

    known: KnownSubject
    subject: Subject
    keyframes: Sequence[Keyframe] = ()
    """What it was worked out from, with states of this head."""
    seconds: float = 0.0
    """That it took."""
    provisional: bool = False
    """Whether it is only to be shown until there is a better one."""
    most_points: int | None = None
    """How many of a frame's depth points following it is worth, where that is a matter."""


class IdentityFinder:
    """Works identities out; lives on the thread of whoever asks, one question at a time."""

    def __init__(self, model: HeadModel, config: TrackerConfig, prior: LatentPrior | None) -> None:
        self._model, self._config, self._prior = model, config, prior

    def calibrate(self, frames: Sequence[Keyframe], check: Check) -> Identity | None:
        """Work an identity out from keyframes; None where they show no head. `check` is called often and may raise."""
        started = perf_counter()
        found = self._calibrate(frames, check, self._config)
        return None if found is None else replace(found, seconds=perf_counter() - started)

    def glance(self, frames: Sequence[Keyframe], check: Check) -> Identity | None:
        """A provisional identity from the first keyframes, soon; None where they show no head."""
        started = perf_counter()
        quick = replace(
            self._config, calibration_keyframes=GLANCE_KEYFRAMES, calibration_iterations=GLANCE_ITERATIONS,
            calibration_points=GLANCE_POINTS,
        )  # fmt: skip
        found = self._calibrate(frames, check, quick, PASSING)
        if found is None:
            return None
        # So few views do not tell what is left in others: it takes nobody for a stranger.
        known = replace(found.known, shape_error_m=GENERIC_SHAPE_ERROR_M)
        return replace(found, known=known, seconds=perf_counter() - started, provisional=True)

    def complete(self, frames: Sequence[Keyframe], present: Identity, check: Check) -> Identity | None:
        """Work a provisional identity out in full from keyframes; None where they show no head.

        Where that is farther from keyframes that it was not fitted to, the present head is kept, for good.
        """
        found = self.calibrate(frames, check)
        if found is None:
            return None
        fitted = {id(frame.observation) for frame in found.keyframes}
        others = [frame for frame in frames if id(frame.observation) not in fitted] or found.keyframes
        held = spread_views(others, UNFITTED)
        before, after = (self._error(held, head, check) for head in (present.subject, found.subject))
        log.info("calibrated in full: %.3f mm from others, %.3f mm before", after * 1e3, before * 1e3)
        return found if after <= before else self._kept(present, found, check)

    def _kept(self, present: Identity, found: Identity, check: Check) -> Identity:
        """A provisional head as if calibrated on the keyframes of another."""
        known = present.known
        subject = known.subject(self._model, check)
        states = [frame.state.at_scale(known.scale) for frame in found.keyframes]
        result = Calibration(known.coefficients, known.scale, states, known.residual_m)
        return replace(self._identity(result, subject, list(found.keyframes), check), seconds=found.seconds)

    def refine(
        self, frames: Sequence[Keyframe], present: Identity, seen: Sequence[Keyframe], check: Check
    ) -> Identity | None:
        """Work an identity out from keyframes, going on from the present one; None where it is not nearer to them.

        A present personal offset belongs to the present identity: both are compared without, and the new one gets an
        offset of its own from the frames that were `seen`.
        """
        bare = self._without_offset(present, check)
        found = self._refine(frames, bare, check)
        if found is None or bare is present:
            return found
        return self.personalise(seen, found, check) or found

    def personalise(self, seen: Sequence[Keyframe], present: Identity, check: Check) -> Identity | None:
        """Learn what the present head has beyond the model; None where these tracked frames show nothing that holds.

        The vertices keep their order, and what is there already is added to.
        """
        fits = self._fits(seen, present.subject, COMPARE_ITERATIONS, check)
        states = [(frame.observation, fit.state) for frame, fit in zip(seen, fits, strict=True)]
        subject = fuse(present.subject, states, check)
        if subject is None:
            return None
        judged = self._fits(spread_views(seen, self._config.refinement_keyframes), subject, COMPARE_ITERATIONS, check)
        residual_m, shape_error_m = np.nanmedian([(fit.residual_m, fit.shape_error_m) for fit in judged], axis=0)
        known = replace(
            present.known, offset=subject.offset, residual_m=float(residual_m), shape_error_m=float(shape_error_m)
        )
        log.info(
            "personal offset from %d frames: mean distance %.2f mm, shape %.2f mm off, %.2f mm before",
            len(seen), residual_m * 1e3, shape_error_m * 1e3, present.known.shape_error_m * 1e3,
        )  # fmt: skip
        return Identity(known, subject, present.keyframes)

    def _calibrate(
        self, frames: Sequence[Keyframe], check: Check, config: TrackerConfig, resolution: Resolution = LASTING
    ) -> Identity | None:
        chosen = spread_views(frames, config.calibration_keyframes)
        # The sensor is metric, so all start at scale 1, whatever size their landmarks alone would make the mean head.
        starts = [frame.state.at_scale(1.0) for frame in chosen]
        calibrator = Calibrator(self._model, config)
        result = calibrator.fit([frame.observation for frame in chosen], starts, check)
        if not result.residual_m < MAX_CALIBRATION_RESIDUAL_M:
            log.warning("what was seen makes no head (%.1f mm off); looking again", result.residual_m * 1e3)
            return None
        subject = build_subject(self._model, result.coefficients, result.scale, check, resolution)
        found = self._identity(result, subject, chosen, check)
        log.info(
            "calibrated on %d frames: mean distance %.2f mm, scale %.3f",
            len(chosen), result.residual_m * 1e3, result.scale,
        )  # fmt: skip
        return found

    def _refine(self, frames: Sequence[Keyframe], present: Identity, check: Check) -> Identity | None:
        config, known = self._config, present.known
        order = spread_views(frames, config.refinement_keyframes)
        held = [frame for position, frame in enumerate(order) if position % ASIDE == ASIDE - 1]
        fitted = [frame for position, frame in enumerate(order) if position % ASIDE != ASIDE - 1]
        starts = [frame.state.at_scale(known.scale) for frame in fitted]
        calibrator = Calibrator(self._model, config)
        result = calibrator.fit([frame.observation for frame in fitted], starts, check, known.coefficients)
        subject = build_subject(self._model, result.coefficients, result.scale, check)
        before, after = (self._error(held, head, check) for head in (present.subject, subject))
        change = _change_m(present.subject, subject)
        log.info(
            "refined on %d frames: %.3f mm from %d others, %.3f mm before; the face moves by %.2f mm",
            len(fitted), after * 1e3, len(held), before * 1e3, change * 1e3,
        )  # fmt: skip
        if not after < (1 - MIN_GAIN) * before or change < MIN_CHANGE_M:
            return None
        return self._identity(result, subject, fitted, check)

    def _without_offset(self, identity: Identity, check: Check) -> Identity:
        if identity.known.offset is None:
            return identity
        known = replace(identity.known, offset=None)
        return replace(identity, known=known, subject=known.subject(self._model, check))

    def _identity(self, result: Calibration, subject: Subject, fitted: list[Keyframe], check: Check) -> Identity:
        """Put an identity together: what its own frames leave tells it from others later."""
        started = [replace(frame, state=state) for frame, state in zip(fitted, result.states, strict=True)]
        fits = self._fits(started, subject, None, check)
        frames = [replace(frame, state=fit.state) for frame, fit in zip(fitted, fits, strict=True)]
        shape_error = float(np.median([fit.shape_error_m for fit in fits]))
        return Identity(self._known(result, shape_error), subject, frames)

    def _known(self, result: Calibration, shape_error_m: float) -> KnownSubject:
        model = self._model
        return KnownSubject(
            result.coefficients, result.scale, result.residual_m, shape_error_m, model.name, model_fingerprint(model)
        )

    def _error(self, frames: list[Keyframe], subject: Subject, check: Check) -> float:
        """How far a head is from keyframes, however it may pose: mean distance, cut off where points are another's."""
        fits = self._fits(frames, subject, COMPARE_ITERATIONS, check)
        return float(
            np.mean([fit.inliers * np.nan_to_num(fit.residual_m) + (1 - fit.inliers) * INLIER_M for fit in fits])
        )

    def _fits(self, frames: Sequence[Keyframe], subject: Subject, iterations: int | None, check: Check) -> list[Fit]:
        solver, fits = FrameSolver(subject, self._config, self._prior), []
        for frame in frames:
            check()
            fits.append(solver.solve(frame.observation, frame.state.at_scale(subject.scale), iterations))
        return fits


def generic_identity(model: HeadModel, check: Check = lambda: None) -> Identity:
    """The mean head, to be shown until it is known whose it is."""
    coefficients = np.zeros(model.identity_basis.shape[1], dtype=np.float32)
    known = KnownSubject(
        coefficients, 1.0, GENERIC_RESIDUAL_M, GENERIC_SHAPE_ERROR_M, model.name, model_fingerprint(model)
    )
    subject = build_subject(model, coefficients, 1.0, check, PASSING)
    return Identity(known, subject, provisional=True, most_points=GENERIC_POINTS)


def _change_m(before: Subject, after: Subject) -> float:
    """Mean distance by which a refinement moves the skin that is compared with depth, in the head's own frame."""
    template = before.model.template
    if template is None:
        return float("inf")  # vertices do not correspond
    moved = before.vertices_canonical * before.scale - after.vertices_canonical * after.scale
    return float(np.linalg.norm(moved[template.tracked], axis=1).mean()) / UNITS_PER_METRE
