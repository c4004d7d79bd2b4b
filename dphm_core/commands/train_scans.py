"""The command that trains head models on scans."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from dphm_core.commands.base import OK, Command, Say
from dphm_core.training.scan_config import ScanTrainingConfig


@dataclass(frozen=True, kw_only=True)
class TrainHeadsScans(Command):
    """Train both fields and the codes of all subjects on scans; goes on from the last checkpoint where there is one.

    Under torchrun each process takes its share of the scans: torchrun --nproc-per-node N -m dphm_core.cli train heads
    scans PREPARED --out RUN. TensorBoard shows RUN/events.
    """

    prepared: Positional[Path]
    """Folder of `dphm train prepare`."""
    out: Path
    """Folder for the checkpoint and TensorBoard's log."""
    training: Annotated[ScanTrainingConfig, arg(name="")] = field(default_factory=ScanTrainingConfig)

    def run(self, say: Say) -> int:
        """Train to the last epoch."""
        from dphm_core.training.processes import leads
        from dphm_core.training.scan_trainer import train_on_scans

        logging.getLogger("dphm_core.training").setLevel(logging.INFO)  # days: its epochs are told, asked or not
        progress = train_on_scans(self.prepared, self.out, self.training)
        if leads():
            say(f"heads on scans: step {progress.step}, {progress.seconds:.0f} s in {self.out}")
        return OK
