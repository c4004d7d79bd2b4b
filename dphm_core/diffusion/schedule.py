"""The noise schedule, and the conversions between data, noise and v at a diffusion step."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

STEPS = 1000
COSINE_OFFSET = 0.008
LARGEST_BETA = 0.999


@dataclass(frozen=True)
class Schedule:
    """Amplitudes of a variance-preserving diffusion: x_t = signal_t · x_0 + noise_t · ε, signal² + noise² = 1.

    Both are kept, since 1 − signal² loses its digits where there is little noise.
    """

    signal: Tensor
    """(T,) √ᾱ_t."""
    noise: Tensor
    """(T,) √(1 − ᾱ_t)."""

    def __len__(self) -> int:
        return len(self.signal)

    def to(self, device: torch.device) -> Schedule:
        """The same on another device."""
        return Schedule(self.signal.to(device), self.noise.to(device))

    def at(self, steps: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
        """Amplitudes of signal and noise at steps (B,), shaped to broadcast over `like` (B, …)."""
        shape = (-1, *[1] * (like.ndim - 1))
        return self.signal[steps].view(shape), self.noise[steps].view(shape)


def cosine_schedule(steps: int = STEPS, offset: float = COSINE_OFFSET) -> Schedule:
    """ᾱ_t falls like a squared cosine (Nichol and Dhariwal, arXiv 2102.09672, section 3.2)."""
    time = torch.arange(steps + 1, dtype=torch.float64) / steps
    survival = torch.cos((time + offset) / (1 + offset) * (math.pi / 2)).square()
    beta = (1 - survival[1:] / survival[:-1]).clamp_max(LARGEST_BETA)
    alphas = torch.cumprod(1 - beta, dim=0)
    return Schedule(alphas.sqrt().float(), (1 - alphas).sqrt().float())


def add_noise(schedule: Schedule, data: Tensor, steps: Tensor, noise: Tensor) -> Tensor:
    """Noised x_t of data x_0 (B, …) and noise ε (DDPM, arXiv 2006.11239, equation 4)."""
    signal_t, noise_t = schedule.at(steps, data)
    return signal_t * data + noise_t * noise


def v_target(schedule: Schedule, data: Tensor, steps: Tensor, noise: Tensor) -> Tensor:
    """The target v = √ᾱ ε − √(1−ᾱ) x_0 (Salimans and Ho, arXiv 2202.00512, section 4)."""
    signal_t, noise_t = schedule.at(steps, data)
    return signal_t * noise - noise_t * data


def data_from_v(schedule: Schedule, noised: Tensor, steps: Tensor, v: Tensor) -> Tensor:
    """Data x_0 = √ᾱ x_t − √(1−ᾱ) v (Salimans and Ho, arXiv 2202.00512, section 4)."""
    signal_t, noise_t = schedule.at(steps, noised)
    return signal_t * noised - noise_t * v


def noise_from_data(schedule: Schedule, noised: Tensor, steps: Tensor, data: Tensor) -> Tensor:
    """Noise ε that takes data x_0 to x_t (DDPM, arXiv 2006.11239, equation 4 solved for ε)."""
    signal_t, noise_t = schedule.at(steps, noised)
    return (noised - signal_t * data) / noise_t


def v_loss_weight(schedule: Schedule, steps: Tensor) -> Tensor:
    """Weight snr/(snr+1) = ᾱ_t (B,), by which an error in v becomes that in ε (DDPM, arXiv 2006.11239, equation 14)."""
    return schedule.signal[steps].square()
