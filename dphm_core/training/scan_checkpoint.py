"""The checkpoint of a training on scans: one file, which a resume and the export read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from dphm_core.errors import CheckpointError
from dphm_core.heads.config import HeadConfig
from dphm_core.heads.torch_file import TensorTable, read_torch_file, write_torch_file
from dphm_core.training.progress import Progress
from dphm_core.training.resume import Settings, refuse_another
from dphm_core.training.scan_config import check_head

CHECKPOINT = "scan_heads.pt"
"""In the training's folder."""
FORMAT = "dphm-scan-training/1"
FREE = (
    *("epochs", "checkpoint_every", "threads", "readers", "pictures", "device"),
    *("learning_rate", "code_learning_rate", "halve_every"),
)
"""Settings that a resume may change; any other makes it another training."""


@dataclass(frozen=True)
class TrainedCodes:
    """What an export needs of a checkpoint."""

    head: HeadConfig
    heads: TensorTable
    """Tensors of `ScanHeads`."""
    trained: list[int]
    """Scans whose expression codes were trained."""


def save_scan_checkpoint(
    path: Path, heads: nn.Module, optimizers: dict[str, torch.optim.Optimizer], progress: Progress,
    settings: Settings, trained: list[int],
) -> None:  # fmt: skip
    """Write a checkpoint atomically; makes the folder where it is missing."""
    state = {
        "format": FORMAT,
        "settings": json.dumps(settings),
        "heads": heads.state_dict(),
        "optimizers": {name: optimizer.state_dict() for name, optimizer in optimizers.items()},
        "progress": vars(progress),
        "trained": trained,
    }
    write_torch_file(path, state)


def load_scan_checkpoint(
    path: Path, heads: nn.Module, optimizers: dict[str, torch.optim.Optimizer], settings: Settings
) -> Progress:
    """Read a checkpoint of this very training.

    Raises
    ------
    CheckpointError
        It is damaged, or of a training with another setting, which the message names.
    """
    state, told = _read(path)
    refuse_another(path, told, settings)
    try:
        heads.load_state_dict(state["heads"])
        for name, optimizer in optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name])
        progress = Progress.of(state["progress"])
    except (RuntimeError, KeyError, ValueError, TypeError, AttributeError, IndexError) as error:
        raise CheckpointError(
            f"{path} is damaged ({' '.join(str(error).split())}); delete it to begin anew."
        ) from error
    return progress


def read_trained(path: Path) -> TrainedCodes:
    """Read the parts of a checkpoint that make a model.

    Raises
    ------
    CheckpointError
        It is damaged or of another kind.
    """
    state, told = _read(path)
    try:
        sizes = {name.removeprefix("head."): value for name, value in told.items() if name.startswith("head.")}
        head = HeadConfig(**sizes)
        check_head(head)
        trained = [int(index) for index in state["trained"]]
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path} is damaged ({error}).") from error
    return TrainedCodes(head, TensorTable(path, state, "heads"), trained)


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Content and settings."""
    state = read_torch_file(path)
    try:
        told = json.loads(state["settings"])
        if state["format"] != FORMAT or not isinstance(told, dict):
            raise ValueError(f"its format is not {FORMAT}")
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path} is no checkpoint of a training on scans ({error}).") from error
    return state, told


def rows_of(codes: Tensor, rows: list[int]) -> Tensor:
    """Chosen codes (k, D) of a codebook (n, D); refuses rows that it does not have."""
    if not rows or min(rows) < 0 or max(rows) >= len(codes):
        raise CheckpointError(f"a checkpoint tells of scans that its {len(codes)} codes are not of.")
    return codes[rows]
