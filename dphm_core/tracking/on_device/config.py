"""Settings of the fit on a torch device."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class DeviceConfig:
    """How a device computes; none of it changes what is computed."""

    graph: bool = True
    """Record a fit once and replay it as a CUDA graph; without it every operation is launched by itself."""
    tf32: bool = False
    """Let products and convolutions round their inputs to 10 bits of mantissa, which tensor cores take."""


@contextmanager
def products_of(config: DeviceConfig, device: torch.device) -> Iterator[None]:
    """Set what float32 products of a CUDA device round their inputs to; afterwards it is as before."""
    if device.type != "cuda":
        yield
        return
    backends: list[Any] = [torch.backends.cuda.matmul, torch.backends.cudnn.conv]  # type: ignore[attr-defined]
    before = [backend.fp32_precision for backend in backends]
    try:
        for backend in backends:
            backend.fp32_precision = "tf32" if config.tf32 else "ieee"
        yield
    finally:
        for backend, precision in zip(backends, before, strict=True):
            backend.fp32_precision = precision
