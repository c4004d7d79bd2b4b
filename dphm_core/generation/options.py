"""How heads are generated; light, because the command line is made from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dphm_core.errors import SettingError
from dphm_core.limits import check_limits

Surface = Literal["auto", "template", "fields"]
Blend = Literal["linear", "noise"]
SamplerName = Literal["ddim", "ddpm"]
MAX_COUNT = 100_000


@dataclass(frozen=True)
class SamplerConfig:
    """How codes are drawn from a prior."""

    sampler: SamplerName = "ddim"
    """Few deterministic steps (ddim), or every step of the schedule with fresh noise (ddpm)."""
    steps: int = 50
    """Network evaluations of ddim, at most one per step of the schedule."""
    seed: int = 0
    """Of all chance; sample k of a seed is the same however many are drawn."""

    def __post_init__(self) -> None:
        check_limits(self, "a sampler", {"steps": (1, 1_000_000), "seed": (0, 2**63 - 1)})


@dataclass(frozen=True)
class HeadRequest:
    """Which heads are asked for.

    A code is named by: "sample" (another one for each head) or "sample:K", "mean" or "neutral", a row of the model's
    codebook, or a file (.npy, codes.npz or track.npz), with ":ROW" where it holds several.
    """

    count: int = 12
    """How many heads."""
    identity: str | None = None
    """Identity code of all heads; "sample" by default, but "mean" between two expressions."""
    expression: str | None = None
    """Expression code of all heads; "sample" by default, but "neutral" between two identities."""
    between: tuple[Literal["identity", "expression"], str, str] | None = None
    """Pass from one code to another in `count` heads: what passes, the first code, the last code."""
    blend: Blend = "linear"
    """Pass along the straight line of codes, or, between two samples of ddim, along the sphere of the noises that they
    grew from, which keeps every head on the way as typical as those."""

    def __post_init__(self) -> None:
        check_limits(self, "a sample", {"count": (1, MAX_COUNT)})
        if self.between is None:
            if self.blend != "linear":
                raise SettingError("--blend noise belongs to --between.")
            return
        part = self.between[0]
        if getattr(self, part) is not None:
            raise SettingError(f"--{part} cannot be given where --between passes from one {part} to another.")
        if self.count < 2:
            raise SettingError("--between needs a --count of 2 or more.")
