"""What the tracking benchmark leaves out or makes harder, one thing at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from dphm_core.evaluation.ground_truth import GroundTruth
from dphm_core.evaluation.track_benchmark.spoil import Board, MoreNoise
from dphm_core.frames import RGBDFrame
from dphm_core.tracking.config import MIN_POINTS, TrackerConfig

OFF = 100.0
"""A standard deviation so large that what it weighs has no say."""
AS_IT_IS = "as it is"
NO_PRIOR = "no prior"
KNOWN_EXPRESSIONS = "expressions known"
NOISES = (1, 2, 3)


@dataclass(frozen=True)
class Variant:
    """One run of the same frames."""

    name: str
    """For tables."""
    config: TrackerConfig
    """The tracker's settings."""
    noise: int = 1
    """Factor on the depth noise."""
    half_hidden: bool = False
    """Whether half of the face is behind a board."""
    known_expressions: bool = False
    """Whether the true expressions are told, so that pose and identity alone can be wrong."""

    def change(self, truth: GroundTruth) -> Callable[[RGBDFrame], RGBDFrame] | None:
        """What is done to each frame; None for nothing."""
        if self.half_hidden:
            return Board(truth)
        return MoreNoise(self.noise) if self.noise > 1 else None


def variants(config: TrackerConfig, has_prior: bool, named: bool = True) -> list[Variant]:
    """All runs, `AS_IT_IS` first; those without the prior only where there is one.

    `named`: whether expression codes have names, by which the true ones can be told.
    """
    bare = replace(config, prior_spread=0.0)
    found = [
        Variant(AS_IT_IS, config),
        Variant("no normals", replace(config, max_normal_angle_deg=180.0)),
        Variant("no landmarks", replace(config, contour_sigma_m=OFF, score_sigma=OFF)),
        Variant("no temporal terms", replace(config, expression_step_sigma=OFF)),
        Variant("half the points", replace(config, points=max(MIN_POINTS, config.points // 2))),
        *(Variant(noise_name(noise), config, noise) for noise in NOISES[1:]),
        Variant("half hidden", config, half_hidden=True),
    ]
    harder = [variant for variant in found if variant.noise > 1 or variant.half_hidden]
    found += [
        replace(variant, name=f"{variant.name}, {KNOWN_EXPRESSIONS}", known_expressions=True)
        for variant in harder
        if named
    ]
    if not has_prior:
        return found
    without = [replace(variant, name=f"{variant.name}, {NO_PRIOR}", config=bare) for variant in harder]
    return [found[0], Variant(NO_PRIOR, bare), *found[1:], *without]


def noise_name(noise: int, without_prior: bool = False) -> str:
    """Name of the run with a multiple of the noise, with or without the prior."""
    name = AS_IT_IS if noise == 1 else f"noise ×{noise}"
    if not without_prior:
        return name
    return NO_PRIOR if noise == 1 else f"{name}, {NO_PRIOR}"
