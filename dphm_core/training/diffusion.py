"""Trains the diffusion network of a latent prior on codes (DPHM, arXiv 2312.01068): v-objective, Adam, averaging."""

from __future__ import annotations

import copy
import logging
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from dphm_core.diffusion.prior import LatentPrior
from dphm_core.diffusion.prior_file import MAX_LEVELS, MAX_SIZE, PRIOR_FILES, Part, save_prior
from dphm_core.diffusion.schedule import add_noise, cosine_schedule, v_loss_weight, v_target
from dphm_core.diffusion.unet import UNet1D, UNetConfig
from dphm_core.errors import SettingError
from dphm_core.files import make_folder
from dphm_core.frames import FloatArray
from dphm_core.heads.numerics import prepare_thread
from dphm_core.training.codes import codes_to_learn
from dphm_core.training.config import FEWEST_CODES, FREE, CodeKind, DiffusionConfig
from dphm_core.training.events import FOLDER, Events, open_events
from dphm_core.training.processes import chosen_device
from dphm_core.training.progress import Progress
from dphm_core.training.resume import fingerprint, told_settings
from dphm_core.training.trainer import load_checkpoint, run_steps, save_checkpoint

log = logging.getLogger(__name__)

LEARNING_RATES: dict[Part, float] = {"identity": 1e-4, "expression": 8e-5}
"""DPHM's, for a batch of 32."""
AVERAGE_DECAY, AVERAGE_EVERY = 0.995, 10
"""Of the moving average of the weights, which is what the prior gets."""
MOST_HELD_OUT = 256
GRADIENT_NORM = 1.0


def train_diffusion(
    part: Part, model: str | Path, folder: Path, config: DiffusionConfig, kind: CodeKind = "auto"
) -> tuple[Progress, Path]:
    """Train the prior over a model's codes; resumes from `folder` where a checkpoint lies there.

    Parameters
    ----------
    part : Part
        Which codes.
    model : str or Path
        Name or folder of the head model.
    folder : Path
        Gets the checkpoint and the prior.
    config : DiffusionConfig
        How to train.
    kind : CodeKind
        Whose codes: the model's codebook's, or made-up ones.

    Returns
    -------
    progress : Progress
    prior : Path
        The prior's file, for the model's folder.

    Raises
    ------
    CheckpointError
        The model, the codebook or the checkpoint cannot be read, or they do not fit each other.
    SettingError
        Codes cannot be made up for the model, or a setting is impossible.
    """
    log.info("%s diffusion: codes", part)
    codes = codes_to_learn(part, model, kind, config.count, config.seed)
    trainer = DiffusionTrainer(part, codes, config, folder)
    return trainer.run(), trainer.result


class Networks(nn.Module):
    """What a checkpoint keeps: the network in training, the average of its weights, the range of its codes."""

    code_range: Tensor

    def __init__(self, sizes: UNetConfig, code_range: tuple[float, float]) -> None:
        super().__init__()
        self.trained = UNet1D(sizes)
        self.average = copy.deepcopy(self.trained).requires_grad_(False).eval()
        self.register_buffer("code_range", torch.tensor(code_range, dtype=torch.float64))

    @torch.no_grad()
    def follow(self, updates: int) -> None:
        """Move the average towards the trained weights; `updates` so far let it forget its first ones sooner."""
        decay = min(AVERAGE_DECAY, (1 + updates) / (10 + updates))
        for mean, value in zip(self.average.parameters(), self.trained.parameters(), strict=True):
            mean.lerp_(value, 1 - decay)


class DiffusionTrainer:
    """Trains on codes (n, D) to the last step; `run()` resumes from the checkpoint in `folder` where there is one."""

    def __init__(self, part: Part, codes: FloatArray, config: DiffusionConfig, folder: Path) -> None:
        if len(codes) < FEWEST_CODES or not codes.min() < codes.max():
            raise SettingError(f"{len(codes)} codes cannot train a diffusion: it takes {FEWEST_CODES} different ones.")
        self.part, self.config, self.folder = part, config, folder
        torch.manual_seed(config.seed)
        sizes = _sizes(codes.shape[1], config)
        self.device = chosen_device(config.device)
        self.networks = Networks(sizes, (float(codes.min()), float(codes.max()))).to(self.device)
        self.rate = LEARNING_RATES[part] if config.learning_rate is None else config.learning_rate
        self.optimizer = torch.optim.Adam(self.networks.trained.parameters(), lr=self.rate)
        self.schedule = cosine_schedule().to(self.device)
        kept = min(MOST_HELD_OUT, len(codes) // FEWEST_CODES)
        values = self.prior().normalised(torch.from_numpy(codes)).to(self.device)  # (n,D)
        self.training, self.held_out = values[:-kept], values[-kept:]
        self._settings = told_settings(config, FREE, codes=fingerprint(codes))
        self.progress = Progress()

    @property
    def checkpoint(self) -> Path:
        """File that a resume starts from."""
        return self.folder / f"{self.part}_diffusion.pt"

    @property
    def result(self) -> Path:
        """File of the prior."""
        return self.folder / PRIOR_FILES[self.part]

    def prior(self) -> LatentPrior:
        """The prior with the averaged weights."""
        low, high = self.networks.code_range.tolist()
        return LatentPrior(copy.deepcopy(self.networks.average).cpu(), cosine_schedule(), low, high)

    def run(self) -> Progress:
        """Train to the last step and write the prior; returns the progress."""
        prepare_thread(self.config.threads)
        make_folder(self.folder)
        self.resume()
        with open_events(self.folder / FOLDER / self.checkpoint.stem, self.progress.step) as events:
            run_steps(
                self.progress, self.config.steps, self.config.checkpoint_every,
                step=self._step, report=lambda loss: self._report(loss, events), save=self.save,
            )  # fmt: skip
        save_prior(self.prior(), self.result)
        return self.progress

    def validate(self) -> float:
        """Weighted v-loss of the averaged network on held-out codes, at the same steps and noises every time."""
        rng, losses = np.random.default_rng(self.config.seed), []
        with torch.no_grad():
            for data in self.held_out.split(self.config.batch):
                losses.append(float(self._loss(self.networks.average, data, rng)) * len(data))
        return sum(losses) / len(self.held_out)

    def save(self) -> None:
        """Write the checkpoint atomically."""
        save_checkpoint(self.checkpoint, self.networks, self.optimizer, self.progress, self._settings)

    def resume(self) -> None:
        """Go on from the checkpoint, where there is one.

        Raises
        ------
        CheckpointError
            It cannot be read, or is of a training on other codes or with other settings.
        """
        if not self.checkpoint.exists():
            return
        self.progress = load_checkpoint(self.checkpoint, self.networks, self.optimizer, self._settings)
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate  # as asked for now
        log.info("resuming the %s diffusion at step %d", self.part, self.progress.step)

    def _step(self) -> float:
        """One step; its chance depends on nothing but the seed and its number, so that a resume continues exactly."""
        rng = np.random.default_rng((self.config.seed, self.progress.step))
        rows = torch.from_numpy(rng.integers(len(self.training), size=self.config.batch)).to(self.device)
        loss = self._loss(self.networks.trained, self.training[rows], rng)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.networks.trained.parameters(), GRADIENT_NORM)
        self.optimizer.step()
        updates, rest = divmod(self.progress.step, AVERAGE_EVERY)
        if rest == 0:
            self.networks.follow(updates)
        return float(loss.detach())

    def _loss(self, unet: UNet1D, data: Tensor, rng: np.random.Generator) -> Tensor:
        """Weighted v-loss of normalised codes (B, D), each at a step and a noise of its own."""
        steps = torch.from_numpy(rng.integers(len(self.schedule), size=len(data))).to(self.device)
        noise = torch.from_numpy(rng.standard_normal((len(data), 1, data.shape[1]), dtype=np.float32)).to(self.device)
        noised = add_noise(self.schedule, data[:, None], steps, noise)  # (B,1,D)
        target = v_target(self.schedule, data[:, None], steps, noise)
        weight = v_loss_weight(self.schedule, steps)  # (B,)
        error = unet(noised, steps) - target
        return (error.square().mean(dim=(1, 2)) * weight).mean()

    def _report(self, loss: float, events: Events) -> None:
        progress, held_out = self.progress, self.validate()
        events.scalar("loss/training", loss, progress.step)
        events.scalar("loss/held_out", held_out, progress.step)
        progress.history.append({"step": progress.step, "seconds": progress.seconds, "held_out_loss": held_out})
        log.info(
            "%s diffusion step %d/%d: loss %.4f, held out %.4f, %s",
            self.part, progress.step, self.config.steps, loss, held_out, progress.time(self.config.steps),
        )  # fmt: skip


def _sizes(length: int, config: DiffusionConfig) -> UNetConfig:
    try:
        sizes = UNetConfig(length, config.dim, config.multipliers)
        if len(sizes.multipliers) > MAX_LEVELS or sizes.dim * max(sizes.multipliers) > MAX_SIZE:
            raise ValueError(f"it may have {MAX_LEVELS} levels and {MAX_SIZE} channels")
        return sizes
    except ValueError as error:
        raise SettingError(f"a diffusion training's network cannot be made: {error}.") from error
