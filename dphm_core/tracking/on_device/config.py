"""Settings of the fit on a torch device."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from dphm_core.errors import SettingError


@dataclass(frozen=True)
class DeviceConfig:
    """How a CUDA device computes what is the same everywhere."""

    graph: bool = True
    """Record a fit once and replay it as a CUDA graph; without it every operation is launched by itself."""
    tf32: bool = True
    """Let products and convolutions round their inputs to 10 bits of mantissa, which tensor cores take. It moves the
    mesh by 0.01 mm on average, by 0.03 mm at most (emulated on the demo recording); systems are solved in float64."""


@contextmanager
def memory_told(device: torch.device) -> Iterator[None]:
    """Tell in one line where a device's memory ends.

    Raises
    ------
    SettingError
        What runs inside needs more than there is.
    """
    try:
        yield
    except torch.cuda.OutOfMemoryError as error:
        raise SettingError(
            f"device '{device}' has not enough free memory for this model; end what else uses it, or use cpu."
        ) from error


@contextmanager
def products_of(config: DeviceConfig, device: torch.device) -> Iterator[None]:
    """Set what float32 products of a CUDA device round their inputs to; afterwards it is as before."""
    if device.type != "cuda":
        yield
        return
    # These switches keep torch's newer ones in step; the other way round, torch refuses to tell the older ones.
    products, convolutions = torch.backends.cuda.matmul, torch.backends.cudnn
    before = products.allow_tf32, convolutions.allow_tf32
    try:
        products.allow_tf32 = convolutions.allow_tf32 = config.tf32
        yield
    finally:
        products.allow_tf32, convolutions.allow_tf32 = before
