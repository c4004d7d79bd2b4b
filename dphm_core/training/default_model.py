"""The default model: its sizes, and how it is trained on the generator."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import torch

from dphm_core.errors import SettingError
from dphm_core.heads.config import HeadConfig
from dphm_core.training.binding import bind
from dphm_core.training.config import TrainingConfig
from dphm_core.training.ict import load_generator
from dphm_core.training.objectives import ExpressionObjective, IdentityObjective
from dphm_core.training.progress import Progress
from dphm_core.training.trainer import Trainer

DEFAULT_CONFIG = HeadConfig(
    global_dim=64,
    local_dim=12,
    identity_width=48,
    identity_layers=4,
    expression_dim=53,
    condition_dim=24,
    expression_width=128,
    expression_layers=4,
    hyper_dim=0,
    position_octaves=4,
)
"""Small enough for real time on two CPU cores."""
MAX_WIDTH = 2048


def train_field(
    field: Literal["identity", "expression"],
    generator_folder: Path,
    folder: Path,
    training: TrainingConfig,
    width: int | None = None,
) -> Progress:
    """Train one field of the default model; resumes from `folder` where a checkpoint lies there.

    `width` of its hidden layers is the default model's where not given.
    """
    config = DEFAULT_CONFIG
    if width is not None:
        if not 1 <= width <= MAX_WIDTH:
            raise SettingError(f"a field's width is 1 to {MAX_WIDTH}, not {width}")
        config = replace(config, **{f"{field}_width": width})
    torch.manual_seed(training.seed)
    generator = load_generator(generator_folder)
    binding = bind(generator, config)
    objective: IdentityObjective | ExpressionObjective
    if field == "identity":
        objective = IdentityObjective(config, binding)
        objective.attach(generator)
    else:
        objective = ExpressionObjective(config, binding)
    return Trainer(objective, generator, training, folder).run()
