"""Trains one field on its objective: steps, learning rate, checkpoints, resume."""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dphm_core.errors import CheckpointError, TrainingError
from dphm_core.files import make_folder
from dphm_core.heads.numerics import prepare_thread
from dphm_core.heads.torch_file import read_torch_file, write_torch_file
from dphm_core.training.config import FREE, HELD_OUT_SEEDS, TrainingConfig
from dphm_core.training.events import FOLDER, Events, open_events
from dphm_core.training.ict import HeadGenerator
from dphm_core.training.objectives import Objective, Pool, load_or_make_pool
from dphm_core.training.processes import StopRequest, chosen_device
from dphm_core.training.progress import Progress
from dphm_core.training.resume import Settings, refuse_another, told_settings

log = logging.getLogger(__name__)


def save_checkpoint(
    path: Path, field: nn.Module, optimizer: torch.optim.Optimizer, progress: Progress, settings: Settings
) -> None:
    """Write what `load_checkpoint` reads, atomically; makes the folder where it is missing."""
    state = {
        "settings": json.dumps(settings),
        "field": field.state_dict(),
        "optimizer": optimizer.state_dict(),
        "progress": vars(progress),
    }
    write_torch_file(path, state)


def load_checkpoint(
    path: Path, field: nn.Module, optimizer: torch.optim.Optimizer | None = None, settings: Settings | None = None
) -> Progress:
    """Read a training's checkpoint into a field; to go on with it, into its optimiser, if its settings are `settings`.

    Raises
    ------
    CheckpointError
        The file is damaged, of another kind, of a field of another size, or of a training with other settings.
    """
    state = read_torch_file(path)
    try:
        if settings is not None:
            refuse_another(path, json.loads(state["settings"]), settings)
        _check_sizes(field, state["field"])
        field.load_state_dict(state["field"])
        if optimizer is not None:
            optimizer.load_state_dict(state["optimizer"])
        progress = Progress.of(state["progress"])
    except (RuntimeError, KeyError, ValueError, TypeError, AttributeError, IndexError) as error:
        reason = " ".join(str(error).split())
        raise CheckpointError(f"{path} is not of this training ({reason}); choose another folder.") from error
    return progress


def _check_sizes(field: nn.Module, saved: dict[str, Tensor]) -> None:
    """Say in few words what torch would say of every layer."""
    for name, value in field.state_dict().items():
        if saved[name].shape != value.shape:
            then, now = tuple(saved[name].shape), tuple(value.shape)
            raise ValueError(f"{name}: {then} then, {now} now; was it another --width?")


def run_steps(
    progress: Progress, last: int, checkpoint_every: int,
    step: Callable[[], float], report: Callable[[float], None], save: Callable[[], None],
) -> None:  # fmt: skip
    """Train up to step `last`; each `step` answers its figure, of which the one before a checkpoint is reported.

    Raises
    ------
    TrainingError
        A step's figure is not a number any more; the last checkpoint stays.
    KeyboardInterrupt
        The training was asked to stop; its checkpoint is written.
    """
    with StopRequest() as request:
        while progress.step < last:
            started = time.perf_counter()
            figure = step()
            if not math.isfinite(figure):
                raise TrainingError(
                    f"step {progress.step}: not a number any more; go on from the last checkpoint with a lower"
                    " --learning-rate, or begin anew with one"
                )
            progress.step += 1
            progress.seconds += time.perf_counter() - started
            if progress.step % checkpoint_every == 0 or progress.step == last:
                report(figure)
                save()
            if request.asked:
                save()
                raise KeyboardInterrupt


class Trainer:
    """Runs an objective to its last step; `run()` resumes from the checkpoint in `folder` where there is one."""

    def __init__(self, objective: Objective, generator: HeadGenerator, config: TrainingConfig, folder: Path) -> None:
        self.objective, self.config, self.folder = objective, config, folder
        self.generator = generator
        self.device = chosen_device(config.device)
        objective.to(self.device)
        self.progress = Progress()
        self.optimizer = torch.optim.AdamW(
            objective.field.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )

    @property
    def checkpoint(self) -> Path:
        """File that a resume starts from."""
        return self.folder / f"{self.objective.name}.pt"

    def run(self) -> Progress:
        """Train to the last step; returns the progress."""
        prepare_thread(self.config.threads)
        make_folder(self.folder)
        self.resume()
        pool, held_out = self._pools()
        with open_events(self.folder / FOLDER / self.objective.name, self.progress.step) as events:
            run_steps(
                self.progress, self.config.steps, self.config.checkpoint_every,
                step=lambda: self._step(pool),
                report=lambda error: self._report(error, self.validate(held_out), events),
                save=self.save,
            )  # fmt: skip
        return self.progress

    def validate(self, held_out: Pool) -> float:
        """Mean error over the held-out heads, millimetres."""
        errors = []
        with torch.no_grad():
            for start in range(0, len(held_out.identity), self.config.batch):
                rows = slice(start, start + self.config.batch)
                errors.append(self.objective.loss(*self._tensors(held_out, rows, slice(0, 2000)))[1])
        return float(np.mean(errors))

    def save(self) -> None:
        """Write the checkpoint atomically."""
        save_checkpoint(self.checkpoint, self.objective.field, self.optimizer, self.progress, self._settings)

    def resume(self) -> None:
        """Go on from the checkpoint, where there is one."""
        if not self.checkpoint.exists():
            return
        self.progress = load_checkpoint(self.checkpoint, self.objective.field, self.optimizer, self._settings)
        log.info("resuming %s at step %d", self.objective.name, self.progress.step)

    @property
    def _settings(self) -> Settings:
        return told_settings(self.config, FREE)

    def _pools(self) -> tuple[Pool, Pool]:
        config = self.config

        def tell(done: int, count: int) -> None:
            if done % 100 == 0 or done == count:
                log.info("%s samples: %d of %d heads", self.objective.name, done, count)

        def make(kind: str, count: int, seed: int) -> Pool:
            path = self.folder / f"{self.objective.name}-{kind}.npz"
            return load_or_make_pool(self.objective, self.generator, count, seed, path, tell)

        return make("train", config.pool, config.seed), make("held-out", config.held_out, config.seed + HELD_OUT_SEEDS)

    def _step(self, pool: Pool) -> float:
        self._set_learning_rate()
        rng = np.random.default_rng((self.config.seed, self.progress.step))
        rows = rng.integers(len(pool.identity), size=self.config.batch)
        start = int(rng.integers(pool.points.shape[1] - self.config.points + 1))
        loss, error = self.objective.loss(*self._tensors(pool, rows, slice(start, start + self.config.points)))
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.objective.field.parameters(), 1.0)
        self.optimizer.step()
        return error

    def _set_learning_rate(self) -> None:
        """Constant, then a cosine to zero over the last 40 % of `steps`: a resume with fewer steps falls sooner."""
        done = self.progress.step / self.config.steps
        fall = max(0.0, (done - 0.6) / 0.4)
        warm = min(1.0, (self.progress.step + 1) / 200)
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * fall))

    def _report(self, training_error: float, held_out_error: float, events: Events) -> None:
        progress = self.progress
        events.scalar("error_mm/training", training_error, progress.step)
        events.scalar("error_mm/held_out", held_out_error, progress.step)
        events.scalar("learning_rate", self.optimizer.param_groups[0]["lr"], progress.step)
        progress.history.append({"step": progress.step, "seconds": progress.seconds, "held_out_mm": held_out_error})
        log.info(
            "%s step %d/%d: training %.3f mm, held out %.3f mm, %s",
            self.objective.name, progress.step, self.config.steps, training_error, held_out_error,
            progress.time(self.config.steps),
        )  # fmt: skip

    def _tensors(
        self, pool: Pool, rows: slice | NDArray[np.int64], points: slice
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        identity, expression, where, target = (
            torch.from_numpy(np.ascontiguousarray(array)).to(self.device)
            for array in (
                pool.identity[rows],
                pool.expression[rows],
                pool.points[rows, points],
                pool.target[rows, points],
            )
        )
        return identity, expression, where, target
