"""A latent prior as one safetensors file beside its head model, its sizes in the file's own metadata."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from dphm_core.diffusion.prior import LatentPrior
from dphm_core.diffusion.schedule import Schedule
from dphm_core.diffusion.unet import UNet1D, UNetConfig
from dphm_core.errors import CheckpointError
from dphm_core.files import bytes_in, write_atomically

IDENTITY_PRIOR = "identity_diffusion.safetensors"
EXPRESSION_PRIOR = "expression_diffusion.safetensors"
Part = Literal["identity", "expression"]
"""Which of a head model's two codes."""
PRIOR_FILES: dict[Part, str] = {"identity": IDENTITY_PRIOR, "expression": EXPRESSION_PRIOR}
FORMAT = "dphm-latent-prior/1"
UNET = "unet."
MAX_FILE_BYTES = 1_000_000_000
MAX_SIZE = 4096
"""Largest plausible code length and channel count."""
MAX_LEVELS = 8
NOT_UNIT = 1e-3
"""Tolerance of signal² + noise² = 1."""


def save_prior(prior: LatentPrior, path: Path) -> None:
    """Write a prior to `path`, one of `IDENTITY_PRIOR` and `EXPRESSION_PRIOR` in a model's folder."""
    tensors = {UNET + name: value.contiguous() for name, value in prior.unet.state_dict().items()}
    tensors |= {"schedule.signal": prior.schedule.signal, "schedule.noise": prior.schedule.noise}
    sizes = prior.unet.config
    config = {
        "length": sizes.length,
        "dim": sizes.dim,
        "multipliers": list(sizes.multipliers),
        "minimum": prior.minimum,
        "maximum": prior.maximum,
    }
    write_atomically(path, save(tensors, {"format": FORMAT, "config": json.dumps(config)}))


def load_prior(path: Path) -> LatentPrior:
    """Read a prior.

    Raises
    ------
    CheckpointError
        The file is missing, of another kind, or does not fit its own configuration.
    """
    metadata, tensors = _read(path)
    try:
        if metadata.get("format") != FORMAT:
            raise ValueError(f"its format is {metadata.get('format')!r}, not {FORMAT!r}")
        values = json.loads(metadata["config"])
        sizes = UNetConfig(int(values["length"]), int(values["dim"]), tuple(int(m) for m in values["multipliers"]))
        weights = {name.removeprefix(UNET): value for name, value in tensors.items() if name.startswith(UNET)}
        prior = assemble_prior(
            sizes,
            weights,
            Schedule(tensors["schedule.signal"], tensors["schedule.noise"]),
            (float(values["minimum"]), float(values["maximum"])),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path} is not a latent prior: {error}; import the model again.") from error
    return prior


def assemble_prior(
    sizes: UNetConfig, weights: dict[str, torch.Tensor], schedule: Schedule, code_range: tuple[float, float]
) -> LatentPrior:
    """Put a prior together from parts that were read from a file.

    Raises
    ------
    ValueError
        The parts do not fit each other; the message names the one that does not.
    """
    if max(sizes.length, sizes.dim * max(sizes.multipliers)) > MAX_SIZE or len(sizes.multipliers) > MAX_LEVELS:
        raise ValueError(f"{sizes} is larger than any latent prior")
    with torch.device("meta"):
        unet = UNet1D(sizes)
    _check_weights(unet, weights)
    _check_schedule(schedule)
    minimum, maximum = code_range
    if not minimum < maximum:
        raise ValueError(f"codes range from {minimum} to {maximum}")
    unet = UNet1D(sizes)
    unet.load_state_dict({name: weights[name] for name in unet.state_dict()})
    return LatentPrior(unet.requires_grad_(False).eval(), schedule, minimum, maximum)


def _check_weights(unet: UNet1D, weights: dict[str, torch.Tensor]) -> None:
    """Compare names and shapes before anything of that size is allocated."""
    expected = unet.state_dict()
    missing = next((name for name in expected if name not in weights), None)
    if missing is not None:
        raise ValueError(f"'{missing}' is missing")
    unknown = next((name for name in weights if name not in expected), None)
    if unknown is not None:
        raise ValueError(f"'{unknown}' belongs to another network")
    for name, value in expected.items():
        if weights[name].shape != value.shape:
            raise ValueError(f"'{name}' is {tuple(weights[name].shape)}, not {tuple(value.shape)}")
        if not weights[name].isfinite().all():
            raise ValueError(f"'{name}' holds values that are not finite")


def _check_schedule(schedule: Schedule) -> None:
    signal, noise = schedule.signal, schedule.noise
    if signal.ndim != 1 or signal.shape != noise.shape or len(signal) < 2:
        raise ValueError("the schedule is not two rows of amplitudes")
    unit = ((signal.square() + noise.square() - 1).abs() < NOT_UNIT).all()
    if not (unit and (signal.diff() < 0).all() and signal.min() > 0 and noise.min() > 0):
        raise ValueError("the schedule's amplitudes are not those of a variance-preserving diffusion")


def _read(path: Path) -> tuple[dict[str, str], dict[str, torch.Tensor]]:
    try:
        if bytes_in(path) > MAX_FILE_BYTES:
            raise CheckpointError(f"{path} is larger than any latent prior; is it the right file?")
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
            return file.metadata() or {}, tensors
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} cannot be read as a latent prior ({error}); import the model again.") from error
