"""Settings of the trainings on the generator and on codes; they need no torch, so that --help answers at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from dphm_core.errors import SettingError
from dphm_core.limits import check_limits

CodeKind = Literal["auto", "codebook", "made-up"]
Device = Literal["auto", "cpu", "cuda"]
POINTS_PER_SAMPLE = 6000
"""In a pool, of each head."""
HELD_OUT_SEEDS = 500_000
"""Validation heads come from seeds from here on, which no training pool uses."""
FEWEST_CODES = 10
FREE = frozenset({"steps", "learning_rate", "checkpoint_every", "threads", "device"})
"""Settings that a resume may change; any other makes it another training."""


@dataclass(frozen=True, kw_only=True)
class Workplace:
    """Where a training computes; a resume may change it."""

    threads: int = 1
    """CPU threads."""
    device: Device = "auto"
    """auto: a CUDA device where there is one."""

    def __post_init__(self) -> None:
        check_limits(self, "a training", {"threads": (1, 1024)})
        if self.device not in get_args(Device):
            raise SettingError(f"a training's device is one of {', '.join(get_args(Device))}, not {self.device}.")


@dataclass(frozen=True, kw_only=True)
class TrainingConfig(Workplace):
    """How a field is trained."""

    steps: int = 20_000
    """Optimiser steps in all."""
    batch: int = 16
    """Heads per step."""
    points: int = 1000
    """Points per head."""
    learning_rate: float = 1.5e-3
    """Of AdamW; constant for the first 60 % of the steps, then falling to zero along a cosine."""
    weight_decay: float = 1e-4
    """Of AdamW."""
    pool: int = 3000
    """Different heads in the training pool."""
    held_out: int = 48
    """Heads kept for validation."""
    seed: int = 0
    """Of the pool, of the first weights and of the batches."""
    checkpoint_every: int = 500
    """Steps between checkpoints and validations."""

    def __post_init__(self) -> None:
        super().__post_init__()
        limits = {
            "steps": (1, 10**8),
            "batch": (1, 4096),
            "points": (1, POINTS_PER_SAMPLE),
            "learning_rate": (0, 1),
            "weight_decay": (0, 1),
            "pool": (1, 10**6),
            "held_out": (1, 10**5),
            "seed": (0, HELD_OUT_SEEDS - 1),
            "checkpoint_every": (1, 10**8),
        }
        check_limits(self, "a training", limits)


@dataclass(frozen=True, kw_only=True)
class DiffusionConfig(Workplace):
    """How a diffusion is trained; sizes and rates are those of DPHM by default."""

    steps: int = 100_000
    """Optimiser steps in all; DPHM took 1.5 million."""
    batch: int = 32
    """Codes per step."""
    learning_rate: float | None = None
    """Of Adam; where not given 1e-4 for identities and 8e-5 for expressions."""
    count: int = 50_000
    """Codes to make up, where they are not of a codebook."""
    dim: int = 64
    """Channels of the network's first level; a multiple of 8."""
    multipliers: tuple[int, ...] = (1, 2, 4, 8)
    """Channels of each level, as multiples of `dim`."""
    seed: int = 0
    """Of the codes, of the first weights and of the batches."""
    checkpoint_every: int = 1000
    """Steps between checkpoints and validations."""

    def __post_init__(self) -> None:
        super().__post_init__()
        limits = {
            "steps": (1, 10**8),
            "batch": (1, 4096),
            "count": (FEWEST_CODES, 10**6),
            "dim": (8, 512),
            "seed": (0, 2**31),
            "checkpoint_every": (1, 10**8),
        }
        if self.learning_rate is not None:
            limits["learning_rate"] = (0, 1)
        check_limits(self, "a diffusion training", limits)
