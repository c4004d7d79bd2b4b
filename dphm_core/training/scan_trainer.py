"""Trains head models on scans by auto-decoding: networks and codes together, in one process or many (NPHM)."""

from __future__ import annotations

import logging
import time
from contextlib import closing
from pathlib import Path

import torch
from torch import Tensor, nn

from dphm_core.errors import TrainingError
from dphm_core.heads.numerics import prepare_thread
from dphm_core.training.events import FOLDER, Events, open_events
from dphm_core.training.prepared import PreparedScans, open_prepared
from dphm_core.training.processes import Processes, StopRequest, joined_processes
from dphm_core.training.progress import Progress
from dphm_core.training.resume import told_settings
from dphm_core.training.scan_checkpoint import (
    CHECKPOINT,
    FREE,
    load_scan_checkpoint,
    save_scan_checkpoint,
)
from dphm_core.training.scan_config import ScanTrainingConfig
from dphm_core.training.scan_data import ScanBatch, ScanFeed, fingerprint
from dphm_core.training.scan_losses import ScanHeads, total
from dphm_core.training.scan_pictures import draw_subject, shown_scans
from dphm_core.training.scan_validation import scan_errors

log = logging.getLogger(__name__)


def train_on_scans(prepared: Path, folder: Path, config: ScanTrainingConfig) -> Progress:
    """Train on prepared scans; goes on from the checkpoint in `folder` where there is one.

    Under torchrun each process trains on its share, and the first one writes.

    Raises
    ------
    DataError
        The scans cannot be read.
    CheckpointError
        The checkpoint is damaged or of another training.
    SettingError
        There is no device as asked for.
    TrainingError
        The loss became something else than a number.
    KeyboardInterrupt
        The training was asked to stop; its checkpoint is written.
    """
    with joined_processes(config.device) as processes:
        return ScanTrainer(open_prepared(prepared), config, folder, processes).run()


class ScanTrainer:
    """One process's part of a training; `run()` goes on from the checkpoint in `folder` where there is one."""

    def __init__(self, data: PreparedScans, config: ScanTrainingConfig, folder: Path, processes: Processes) -> None:
        self.data, self.config, self.folder, self.processes = data, config, folder, processes
        self.feed = ScanFeed(data, config, processes.rank, processes.world)
        self.settings = told_settings(config, FREE, processes=processes.world, scans=fingerprint(data))
        torch.manual_seed(config.seed)
        anchors = torch.from_numpy(data.mean_anchors)
        self.heads = ScanHeads(config, anchors, len(data.subjects), len(data.scans)).to(processes.device)
        # The sparse kind leaves the codes alone that a step has nothing to say of.
        self.optimizers: dict[str, torch.optim.Optimizer] = {
            "networks": torch.optim.AdamW(
                self.heads.networks(), lr=config.learning_rate, weight_decay=config.weight_decay
            ),
            "codes": torch.optim.SparseAdam(self.heads.codebooks(), lr=config.code_learning_rate),
        }
        self.progress = Progress()
        self._sums: list[Tensor] = []

    @property
    def checkpoint(self) -> Path:
        """File that a resume starts from."""
        return self.folder / CHECKPOINT

    @property
    def epoch(self) -> int:
        """Epoch of the next step, from 0."""
        return self.progress.step // self.feed.steps_per_epoch

    def run(self) -> Progress:
        """Train to the last epoch; returns the progress."""
        prepare_thread(self.config.threads)
        self.resume()
        module = self.processes.wrap(self.heads)
        last = self.config.epochs * self.feed.steps_per_epoch
        batches = closing(self.feed.batches(self.progress.step, last))
        with StopRequest(self.processes.leads) as request, self._events() as events, batches as steps:
            started = time.perf_counter()
            for batch in steps:
                self._step(module, batch)
                self.progress.step += 1
                now = time.perf_counter()
                self.progress.seconds, started = self.progress.seconds + now - started, now
                due = self.progress.step % (self.config.checkpoint_every * self.feed.steps_per_epoch) == 0
                if due or self.progress.step == last:
                    self._report(events)
                    self.save()
                if self.processes.any(request.asked):
                    self.save()
                    raise KeyboardInterrupt
        return self.progress

    def save(self) -> None:
        """Write the checkpoint, if this is the process that writes."""
        if self.processes.leads:
            save_scan_checkpoint(
                self.checkpoint, self.heads, self.optimizers, self.progress, self.settings, self.feed.training.tolist()
            )

    def resume(self) -> None:
        """Go on from the checkpoint, where there is one.

        Raises
        ------
        CheckpointError
            It is damaged or of another training.
        """
        if not self.checkpoint.exists():
            return
        self.progress = load_scan_checkpoint(self.checkpoint, self.heads, self.optimizers, self.settings)
        if self.processes.leads:
            log.info("resuming at epoch %d, step %d", self.epoch, self.progress.step)

    def _events(self) -> Events:
        return open_events(self.folder / FOLDER, self.progress.step) if self.processes.leads else Events()

    def _step(self, module: nn.Module, batch: ScanBatch) -> None:
        self._set_learning_rates()
        losses = module(batch.to(self.processes.device))
        for optimizer in self.optimizers.values():
            optimizer.zero_grad(set_to_none=True)
        total(losses, self.config.losses.at(self.epoch)).backward()
        norm = nn.utils.clip_grad_norm_(self.heads.parameters(), self.config.gradient_norm)
        if not bool(norm.isfinite()):  # the same in every process, since gradients are shared
            raise TrainingError(self._not_finite(losses))
        for codes in self.heads.codebooks():
            assert codes.grad is not None
            codes.grad = codes.grad.to_sparse(1)
        for optimizer in self.optimizers.values():
            optimizer.step()
        self.heads.shorten_codes()
        self._sums.append(torch.stack([loss.detach() for loss in losses.values()]))

    def _set_learning_rates(self) -> None:
        share = 0.5 ** (self.epoch // self.config.halve_every)
        rates = {"networks": self.config.learning_rate, "codes": self.config.code_learning_rate}
        for name, optimizer in self.optimizers.items():
            for group in optimizer.param_groups:
                group["lr"] = rates[name] * share

    def _not_finite(self, losses: dict[str, Tensor]) -> str:
        wrong = [name for name, loss in losses.items() if not bool(loss.isfinite())] or ["gradient"]
        kept = "its last checkpoint is kept" if self.checkpoint.exists() else "there is no checkpoint yet"
        return f"epoch {self.epoch}: not a number any more ({', '.join(wrong)}); {kept}: try a lower --learning-rate"

    def _report(self, events: Events) -> None:
        """Log and keep the mean losses since the last report, and the errors; draw what the log can hold."""
        means = self.processes.mean(torch.stack(self._sums).mean(dim=0)).tolist()
        self._sums.clear()
        if not self.processes.leads:
            return
        weights = self.config.losses.at((self.progress.step - 1) // self.feed.steps_per_epoch)
        losses = dict(zip(weights, means, strict=True))
        figures = {"loss": sum(weights[name] * loss for name, loss in losses.items())} | losses
        errors = scan_errors(self.heads, self.data, self.feed.training, self.feed.held_out)
        self.progress.history.append({"step": self.progress.step, "seconds": self.progress.seconds} | figures | errors)
        self._log(figures, errors)
        self._show(events, {f"loss/{name}": value for name, value in figures.items()} | errors)

    def _log(self, losses: dict[str, float], errors: dict[str, float]) -> None:
        log.info(
            "epoch %d/%d: %s; %s; %s",
            self.epoch, self.config.epochs, ", ".join(f"{name} {value:.3g}" for name, value in losses.items()),
            ", ".join(f"{name} {value:.2f}" for name, value in errors.items()),
            self.progress.time(self.config.epochs * self.feed.steps_per_epoch),
        )  # fmt: skip

    def _show(self, events: Events, figures: dict[str, float]) -> None:
        for name, value in figures.items():
            events.scalar(name, value, self.progress.step)
        for name, optimizer in self.optimizers.items():
            events.scalar(f"learning_rate/{name}", optimizer.param_groups[0]["lr"], self.progress.step)
        if events.written:
            for scans in shown_scans(self.data, self.feed.training, self.config.pictures):
                subject = self.data.subjects[self.data.scans[scans[0]].subject]
                events.picture(f"subject/{subject}", draw_subject(self.heads, self.data, scans), self.progress.step)
