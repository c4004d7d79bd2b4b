"""Settings of the tracker; every weight is the standard deviation of what it weighs."""

from __future__ import annotations

from dataclasses import dataclass, fields

from dphm_core.limits import check_limits

LONGEST_FRAME_S = 10.0
"""More time than this no frame needs."""
MIN_POINTS = 50
"""Fewer depth points do not hold a head."""
LIMITS: dict[str, tuple[float, float]] = {
    "points": (MIN_POINTS, 1_000_000),
    "smoothness": (0.0, 100.0),
    "prior_spread": (0.0, 100.0),
}
"""Smallest and largest values of what may also be changed while tracking (`LiveSettings`)."""


@dataclass(frozen=True)
class TrackerConfig:
    """How heads are calibrated and tracked."""

    points: int = 1500
    """Depth points per frame."""
    frame_s: float = 0.0
    """Seconds between the frames of a live picture: on the CPU fewer points are taken where that time is short.
    0 takes all of them always, so that results do not depend on time."""
    iterations: int = 6
    """Most Gauss–Newton steps per frame: two as a rule, and more as long as one still gains something, as where a face
    moves fast."""
    depth_sigma_m: float = 0.0015
    """Expected distance between a depth point and the model."""
    independent_points: int = 400
    """How many of the points count as independent: neighbours share the model's and the sensor's errors."""
    robust_start_m: float = 0.008
    """Width of the robust weights in a frame's first step."""
    robust_end_m: float = 0.004
    """Width of the robust weights from the second step on, or in the last one of a head that is found anew."""
    max_normal_angle_deg: float = 60.0
    """Points whose normal is further than this from the model's are left out."""
    contour_sigma_m: float = 0.003
    """Expected error of eyelid and lip landmarks, at the face's depth."""
    score_sigma: float = 0.35
    """Expected difference between a blendshape weight and the detector's score."""
    expression_sigma: float = 0.5
    """Spread of blendshape weights around rest."""
    expression_step_sigma: float = 0.15
    """Spread of a blendshape weight's change from frame to frame."""
    prior_spread: float = 0.2
    """Spread of expression codes around what the model's diffusion prior makes of them, as a part of the codes' range;
    0 leaves the prior out."""
    smoothness: float = 1.0
    """How much passes for noise and is smoothed in what is shown of a still head or face, as a multiple of the usual;
    0 shows every fit as it is. What moves is shown without lag."""
    rotation_step_sigma_rad: float = 0.1
    """Spread of the head's turn in one Gauss–Newton step."""
    translation_step_sigma_m: float = 0.02
    """Spread of the head's shift in one Gauss–Newton step."""
    calibration_frames: int = 30
    """Frames with a face that are looked at before the identity is worked out."""
    calibration_keyframes: int = 8
    """How many of them, spread over the head's turn, the identity is fitted to."""
    calibration_points: int = 700
    """Depth points per keyframe in the last steps; the first steps, far from the solution, take a third of them."""
    calibration_iterations: int = 10
    """Gauss–Newton steps of the calibration."""
    refinements: int = 3
    """How many times the identity is worked out better as more views of the head come; 0 leaves it as calibrated."""
    refinement_keyframes: int = 16
    """How many frames that takes, a quarter of them only to compare on."""
    personal: bool = True
    """Whether what the model cannot express of a face is learnt from the frames that are tracked: a smooth offset of
    its surface, kept where it holds on frames that it was not made of."""
    lost_inliers: float = 0.5
    """Share of points near the model below which a frame is not tracked."""
    forget_expression_frames: int = 3
    """Lost frames after which the search starts from a resting face rather than from the last expression."""
    search_frames: int = 90
    """Lost frames after which the head is looked for everywhere rather than where it was last."""
    threads: int = 1
    """CPU threads of the network evaluation. The landmark detector runs beside it, and threads that wait for each other
    on busy cores are many times slower than one."""

    def __post_init__(self) -> None:
        counts = ("iterations", "calibration_keyframes", "calibration_iterations", "threads")
        spreads = tuple(field.name for field in fields(self) if "sigma" in field.name or "robust" in field.name)
        limits: dict[str, tuple[float, float]] = {
            **dict.fromkeys(counts, (1, 1000)),
            **dict.fromkeys(spreads, (1e-6, 100.0)),
            "frame_s": (0.0, LONGEST_FRAME_S),
            **LIMITS,
            "independent_points": (1, 1_000_000),
            "max_normal_angle_deg": (1.0, 180.0),
            "calibration_frames": (1, 10_000),
            "calibration_points": (MIN_POINTS, 100_000),
            "refinements": (0, 1000),
            "refinement_keyframes": (4, 1000),
            "lost_inliers": (0.0, 1.0),
            "forget_expression_frames": (0, 1_000_000),
            "search_frames": (0, 1_000_000),
        }
        check_limits(self, "a tracker", limits)
