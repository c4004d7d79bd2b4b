"""The latent diffusion of an official checkpoint, as a prior over the codes that it was trained on."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from dphm_core.diffusion.prior import LatentPrior
from dphm_core.diffusion.prior_file import assemble_prior
from dphm_core.diffusion.schedule import Schedule
from dphm_core.diffusion.unet import UNet1D, UNetConfig, config_of_weights
from dphm_core.errors import CheckpointError
from dphm_core.heads.settings_file import read_settings
from dphm_core.heads.torch_file import TensorTable, latest_checkpoint, read_torch_file

UNET = "model."
SCHEDULE = ("sqrt_alphas_cumprod", "sqrt_one_minus_alphas_cumprod")
SETTINGS = ("config.yaml", "configs.yaml")


def read_prior(folder: Path, codes: Tensor) -> LatentPrior:
    """Read a diffusion's last checkpoint; `codes` (n, D) are those of the head model's training.

    Raises
    ------
    CheckpointError
        A file is missing, is of another kind, or does not fit the codes.
    """
    path = latest_checkpoint(folder / "checkpoints", "model-*.pt")
    table = TensorTable(path, read_torch_file(path), "model")
    try:
        sizes = _unet_config(table, codes.shape[1])
        _check_settings(folder, sizes)
        weights = _take_weights(table, sizes)
        length = table.shape(SCHEDULE[0], 1)
        schedule = Schedule(*(table.take(name, length) for name in SCHEDULE))
        return assemble_prior(sizes, weights, schedule, (float(codes.min()), float(codes.max())))
    except ValueError as error:
        raise CheckpointError(f"{path} is no diffusion of codes of length {codes.shape[1]}: {error}.") from error


def _unet_config(table: TensorTable, length: int) -> UNetConfig:
    levels = [f"downs.{level}.3.weight" for level in range(table.count(UNET + "downs."))]
    shapes = {name: table.shape(UNET + name, 3) for name in ("init_conv.weight", *levels)}
    return config_of_weights(shapes, length)


def _take_weights(table: TensorTable, sizes: UNetConfig) -> dict[str, Tensor]:
    with torch.device("meta"):
        shapes = {name: value.shape for name, value in UNet1D(sizes).state_dict().items()}
    weights = {name: table.take(UNET + name, shape) for name, shape in shapes.items()}
    unknown = next((name for name in table.left_over() if name.startswith(UNET)), None)
    if unknown is not None:
        raise table.complaint(unknown, "belongs to another network than the official U-Net")
    return weights


def _check_settings(folder: Path, sizes: UNetConfig) -> None:
    """Hold a diffusion's settings, which may be absent, against its weights."""
    path = next((folder / name for name in SETTINGS if (folder / name).is_file()), None)
    if path is None:
        return
    settings = read_settings(path)
    settings.require("diffusion.diff_kwargs.objective", "pred_v")
    settings.require("diffusion.diff_kwargs.auto_normalize", True)
    settings.require("diffusion.net_kwargs.channels", 1)
    settings.agree("diffusion.diff_kwargs.seq_length", sizes.length)
    settings.agree("diffusion.net_kwargs.dim", sizes.dim)
    settings.agree("diffusion.net_kwargs.dim_mults", list(sizes.multipliers))
