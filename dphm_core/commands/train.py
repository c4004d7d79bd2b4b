"""Commands that make head models."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tyro.conf import OmitArgPrefixes, Positional

from dphm_core.commands.base import OK, Command, Say, progress
from dphm_core.errors import SettingError
from dphm_core.training.config import CodeKind, DiffusionConfig, TrainingConfig
from dphm_core.training.prepare_config import PrepareConfig, SampleCounts


@dataclass(frozen=True, kw_only=True)
class TrainHeads(Command):
    """Train one field of the default model; goes on from the last checkpoint where there is one."""

    part: Positional[Literal["identity", "expression"]]
    """Which field."""
    generator: Path
    """Prepared ICT-FaceKit folder, from `dphm synth prepare`."""
    out: Path
    """Folder for checkpoints and validation figures."""
    width: int | None = None
    """Of the field's hidden layers; the default model's (identity 48, expression 128) where not given."""
    training: OmitArgPrefixes[TrainingConfig] = field(default_factory=TrainingConfig)

    def run(self, say: Say) -> int:
        """Train to the last step."""
        from dphm_core.training.default_model import train_field

        logging.getLogger("dphm_core.training").setLevel(logging.INFO)  # hours: its steps are told, asked or not
        progress = train_field(self.part, self.generator, self.out, self.training, self.width)
        say(f"{self.part} field: step {progress.step}, {progress.seconds:.0f} s in {self.out}")
        return OK


@dataclass(frozen=True, kw_only=True)
class TrainPrepare(Command):
    """Draw training samples from a folder of head scans; goes on where it was interrupted.

    The folder is NPHM's data set, `dphm synth scans`', or anybody's scans in the same layout (docs/training-data.md).
    """

    scans: Positional[Path]
    """SCANS/SUBJECT/EXPRESSION/scan.ply and registration.ply, SCANS/neutrals.json."""
    out: Path
    """Folder for the samples and their index."""
    preparing: OmitArgPrefixes[PrepareConfig] = field(default_factory=PrepareConfig)
    points: SampleCounts = field(default_factory=SampleCounts)

    def run(self, say: Say) -> int:
        """Prepare all scans, with a progress bar; what was left out is named."""
        from dphm_core.training.prepare_scans import prepare_scans

        with progress("scans") as tell:
            done = prepare_scans(self.scans, self.out, self.preparing, self.points, tell)
        say(f"{done.scans} scans of {done.subjects} subjects in {self.out}, {done.kept} of them there before")
        for reason in done.left_out:
            say(f"left out: {reason}")
        return OK


@dataclass(frozen=True, kw_only=True)
class TrainDiffusion(Command):
    """Train the prior over a model's latent codes; goes on from the last checkpoint where there is one.

    Identities are drawn from the model's own space of heads. Expressions of a model with named blendshapes are faces
    that talk, blink, look about and feel. Any other model's are those of its codebook.
    """

    part: Positional[Literal["identity", "expression"]]
    """Which codes."""
    out: Path
    """Folder for the checkpoint and the prior, PART_diffusion.safetensors, which belongs into the model's folder."""
    model: str = "default"
    """Head model: a name under models/, or a folder."""
    codes: CodeKind = "auto"
    """The model's own codebook, or made-up ones; auto makes them up for a model with named blendshapes."""
    training: OmitArgPrefixes[DiffusionConfig] = field(default_factory=DiffusionConfig)

    def run(self, say: Say) -> int:
        """Train to the last step."""
        from dphm_core.training.diffusion import train_diffusion

        logging.getLogger("dphm_core.training").setLevel(logging.INFO)  # hours: its steps are told, asked or not
        progress, prior = train_diffusion(self.part, self.model, self.out, self.training, self.codes)
        say(f"{self.part} diffusion: step {progress.step}, {progress.seconds:.0f} s in {prior}")
        return OK


@dataclass(frozen=True, kw_only=True)
class TrainExport(Command):
    """Put what was trained together into a model that `dphm track --model` takes."""

    training: Path
    """Folder of `dphm train heads scans`, or of `dphm train heads generator` with both fields."""
    generator: Path | None = None
    """Prepared ICT-FaceKit folder, from `dphm synth prepare`, which fields trained on it need."""
    out: Path
    """Folder of the model."""

    def run(self, say: Say) -> int:
        """Write the model."""
        from dphm_core.training.export_scans import export_scan_model, is_scan_training

        if is_scan_training(self.training):
            export_scan_model(self.training, self.out)
        elif self.generator is None:
            raise SettingError(f"{self.training} holds no training on scans; for the generator's give --generator.")
        else:
            from dphm_core.training.export import export_default_model

            export_default_model(self.generator, self.training, self.out)
        say(f"model in {self.out}")
        return OK


@dataclass(frozen=True, kw_only=True)
class TrainReport(Command):
    """Measure a model: on heads it never saw, and the heads that its priors draw, where it has them.

    Pictures show telling expressions beside the truth, and a dozen sampled heads.
    """

    generator: Path | None = None
    """Prepared ICT-FaceKit folder, from `dphm synth prepare`; without it only samples are measured."""
    out: Path
    """Folder for errors.json, expressions.png and samples.png."""
    model: str = "default"
    """Head model: a name under models/, or a folder."""
    heads: int = 40
    """How many heads, each with another expression."""

    samples: int = 200
    """How many identities and expressions to draw from the priors."""

    def run(self, say: Say) -> int:
        """Write the files, print the figures."""
        from dphm_core.commands.look import single_figures
        from dphm_core.evaluation.model_report import report_model
        from dphm_core.heads.numerics import prepare_thread

        prepare_thread(1)
        for name, value in single_figures(report_model(self.model, self.generator, self.out, self.heads, self.samples)):
            say(f"{name:44}{value:>8}")
        return OK
