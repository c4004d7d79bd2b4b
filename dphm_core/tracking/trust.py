"""How far a fit is to be trusted: each piece of evidence on a scale of 0 to 1, their product, and what it leads to.

The scales were set on held-out recordings: where a head is tracked well, every factor is near 1; a hand or a wall in
its place brings one of them to 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from dphm_core.tracking.evidence import Evidence
from dphm_core.tracking.frame_solver import INLIER_M
from dphm_core.tracking.initial_pose import MAX_RESIDUAL_M

LOST_CONFIDENCE = 0.3
"""Below it for `PATIENCE` frames, the head is lost."""
HOPELESS_CONFIDENCE = 0.1
"""Below it, at once."""
FOUND_CONFIDENCE = 0.5
"""From it on, a head that was lost is believed to be found: more than what keeps one."""
PATIENCE = 3
"""Frames, the first included, that a doubt may last."""
STRANGER_FACTOR, STRANGER_MARGIN_M = 1.5, 0.0002
"""A head is somebody else's where its shape error is larger than this factor and margin make of the subject's own."""
STRANGER_FACTOR_WHILE_FOLLOWED = 1.25
"""On that limit, while a head is followed: faces move more than those that are being found."""
CARRIED_BY_DEPTH = 0.35
"""What is left of the trust where the landmarks contradict: detectors fail on profiles, so that a head is kept which
depth shows without any doubt, and no other is."""
WITHOUT_LANDMARKS = 0.95
"""The same where there are none."""
RESIDUAL_EXCUSED = 0.45
"""Part of the noise that a camera has beyond the calibration's which is no reason for doubt in a residual: less than it
makes of one, since a stranger's hides in it."""
SHAPE_EXCUSED, SHAPE_EXCUSED_ONCE = 0.04, 0.2
"""The same in a shape error: whatever the frames, and how much more in one frame's, which shrinks as their root."""
NOISE_PER_FRAME_M = 0.0003
"""For each so much of it, one frame more is asked whose head it is, where there is one."""


@dataclass(frozen=True)
class Verdict:
    """What to think of a fit."""

    confidence: float
    """0 (no head there) to 1."""
    weakest: str
    """What speaks against it most, as a short clause for the user."""


def ramp(value: float, bad: float, good: float) -> float:
    """1 from `good` on, 0 from `bad` on, linear between; `bad` may be the larger. NaN counts as bad."""
    share = (value - bad) / (good - bad)
    return 0.0 if math.isnan(share) else min(1.0, max(0.0, share))


def residual_trust(residual_m: float, own_m: float, more_noise_m: float = 0.0) -> float:
    """1 up to 1.3 times what the calibration left; 0 where the points lie as if strewn over the inliers' range.

    A part of the noise that the camera has beyond the calibration's adds to what it left, as variances do.
    """
    good = 1.3 * math.hypot(own_m, RESIDUAL_EXCUSED * more_noise_m) + 0.0001
    return ramp(residual_m, max(INLIER_M / 2, 2.5 * own_m), good)


def inlier_trust(inliers: float) -> float:
    """1 where nine tenths of the points in the face's box are the face; 0 below three tenths."""
    return ramp(inliers, 0.3, 0.9)


def coverage_trust(coverage: float) -> float:
    """1 where 70 % of the face that looks to the camera are seen where the model says; 0 below 10 %.

    A face half of which is hidden, less its rims, must be found without luck: 44 % make 0.57 of trust.
    """
    return ramp(coverage, 0.1, 0.7)


def see_through_trust(share: float) -> float:
    """1 up to 8 % of the face with the background seen behind it; 0 from 40 % on."""
    return ramp(share, 0.4, 0.08)


def landmark_trust(distance_m: float) -> float:
    """1 up to 8 mm between landmarks and model; `CARRIED_BY_DEPTH` from 25 mm on: that is another place on the head."""
    if math.isnan(distance_m):
        return WITHOUT_LANDMARKS
    return CARRIED_BY_DEPTH + (1 - CARRIED_BY_DEPTH) * ramp(distance_m, 0.025, 0.008)


def motion_trust(speed_m_s: float, turn_rad_s: float) -> float:
    """1 for what heads do, up to 2.5 m/s and 15 rad/s; 0 at twice that. NaN: it was just found."""
    speed = 1.0 if math.isnan(speed_m_s) else ramp(speed_m_s, 5.0, 2.5)
    return speed * (1.0 if math.isnan(turn_rad_s) else ramp(turn_rad_s, 30.0, 15.0))


def facing_trust(cosine: float) -> float:
    """1 for a face up to profile; 0 where it looks 120 degrees away, and nothing of the face is to be seen."""
    return ramp(cosine, -0.5, -0.1)


def code_trust(extent: float) -> float:
    """1 for an expression within its usual spread; 0 at 1.8 times that."""
    return ramp(extent, 1.8, 1.0)


def alignment_trust(median_m: float) -> float:
    """Of a pose by landmarks alone: 1 where they lie within 4 mm of the mean head's; 0 where they make no head."""
    return ramp(median_m, MAX_RESIDUAL_M, 0.004)


def judge(evidence: Evidence, own_residual_m: float, more_noise_m: float = 0.0) -> Verdict:
    """Weigh the evidence on a fit of a subject whose calibration left `own_residual_m`.

    `more_noise_m` is the noise that the camera has beyond the calibration's (`more_noise`).
    """
    residual = residual_trust(evidence.residual_m, own_residual_m, more_noise_m)
    seen, off = f"{evidence.coverage:.0%}", f"{evidence.landmarks_m * 1e3:.0f} mm"
    factors = {
        f"its depth is {evidence.residual_m * 1e3:.1f} mm off": residual,
        f"only {evidence.inliers:.0%} of the points fit the head": inlier_trust(evidence.inliers),
        f"only {seen} of the face can be seen": coverage_trust(evidence.coverage),
        "what lies behind the head can be seen": see_through_trust(evidence.seen_through),
        f"the landmarks are {off} from the head": landmark_trust(evidence.landmarks_m),
        "no head moves like that": motion_trust(evidence.speed_m_s, evidence.turn_rad_s),
        "the face looks away": facing_trust(evidence.facing),
        "no face looks like that": code_trust(evidence.code),
    }
    return Verdict(math.prod(factors.values()), min(factors, key=lambda clause: factors[clause]))


def frames_asked(more_noise_m: float) -> int:
    """How many frames' shape errors at most tell together whose head it is: what noise does to them averages out."""
    return PATIENCE + int(more_noise_m / NOISE_PER_FRAME_M)


def stranger_limit_m(own_shape_error_m: float, more_noise_m: float = 0.0, frames: int = 1) -> float:
    """Shape error, over so many frames, above which a head is not the one whose calibration left `own_shape_error_m`.

    The noise that the camera has beyond the calibration's makes it larger, and less so the more frames there are.
    """
    own_m = STRANGER_FACTOR * own_shape_error_m + STRANGER_MARGIN_M
    return math.hypot(own_m, (SHAPE_EXCUSED + SHAPE_EXCUSED_ONCE / math.sqrt(frames)) * more_noise_m)
