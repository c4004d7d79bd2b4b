"""Commands that make head models."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tyro.conf import OmitArgPrefixes, Positional

from dphm_core.commands.base import OK, Command, Say
from dphm_core.training.trainer import TrainingConfig


@dataclass(frozen=True, kw_only=True)
class TrainHeads(Command):
    """Train one field of the default model; goes on from the last checkpoint where there is one."""

    part: Positional[Literal["identity", "expression"]]
    """Which field."""
    generator: Path
    """Prepared ICT-FaceKit folder, from `dphm synth prepare`."""
    out: Path
    """Folder for checkpoints and validation figures."""
    training: OmitArgPrefixes[TrainingConfig] = field(default_factory=TrainingConfig)

    def run(self, say: Say) -> int:
        """Train to the last step."""
        from dphm_core.training.default_model import train_field

        logging.getLogger("dphm_core.training").setLevel(logging.INFO)  # hours: its steps are told, asked or not
        progress = train_field(self.part, self.generator, self.out, self.training)
        say(f"{self.part} field: step {progress.step}, {progress.seconds:.0f} s in {self.out}")
        return OK


@dataclass(frozen=True, kw_only=True)
class TrainExport(Command):
    """Put both trained fields together into a model that `dphm track --model` takes."""

    generator: Path
    """Prepared ICT-FaceKit folder, from `dphm synth prepare`."""
    training: Path
    """Folder of `dphm train heads`, with both fields."""
    out: Path
    """Folder of the model."""

    def run(self, say: Say) -> int:
        """Write the model."""
        from dphm_core.training.export import export_default_model

        export_default_model(self.generator, self.training, self.out)
        say(f"model in {self.out}")
        return OK
