"""Samplers: from pure noise to normalised codes, with a network that predicts v."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from dphm_core.diffusion.schedule import Schedule, data_from_v, noise_from_data

Denoiser = Callable[[Tensor, Tensor], Tensor]
"""(x_t (B, 1, D), steps (B,)) → v (B, 1, D)."""


def clamped_data(denoiser: Denoiser, schedule: Schedule, noised: Tensor, steps: Tensor) -> Tensor:
    """x̂_0 that the network sees in x_t, clamped to the range [−1, 1] of normalised codes."""
    return data_from_v(schedule, noised, steps, denoiser(noised, steps)).clamp(-1, 1)


@torch.no_grad()
def ddim(denoiser: Denoiser, schedule: Schedule, start: Tensor, evaluations: int) -> Tensor:
    """Deterministic sampling in few steps (DDIM, arXiv 2010.02502, equation 12 with σ = 0).

    Parameters
    ----------
    denoiser : Denoiser
    schedule : Schedule
    start : (B, 1, D)
        Standard normal noise.
    evaluations : int
        Network evaluations, at most one per step of the schedule.

    Returns
    -------
    (B, 1, D) samples in [−1, 1].
    """
    if not 1 <= evaluations <= len(schedule):
        raise ValueError(f"{evaluations} evaluations of a schedule of {len(schedule)} steps")
    times = torch.linspace(-1, len(schedule) - 1, evaluations + 1).int().tolist()[::-1]
    state = start
    for now, following in pairwise(times):
        steps = _steps(state, now)
        data = clamped_data(denoiser, schedule, state, steps)
        if following < 0:
            return data
        noise = noise_from_data(schedule, state, steps, data)
        state = schedule.signal[following] * data + schedule.noise[following] * noise
    raise AssertionError("the last time is -1")


@torch.no_grad()
def ddpm(denoiser: Denoiser, schedule: Schedule, start: Tensor, generators: Sequence[torch.Generator]) -> Tensor:
    """Ancestral sampling through every step (DDPM, arXiv 2006.11239, algorithm 2 with the variance of equation 7).

    Parameters and return value are those of `ddim`; `generators`, one per sample, give the noise of each step.
    """
    signal, noise = schedule.signal.double().tolist(), schedule.noise.double().tolist()
    state = start
    for now in range(len(schedule) - 1, 0, -1):
        data = clamped_data(denoiser, schedule, state, _steps(state, now))
        alpha = (signal[now] / signal[now - 1]) ** 2
        beta, variance = 1 - alpha, noise[now] ** 2
        before = noise[now - 1] ** 2
        mean = (signal[now - 1] * beta * data + alpha**0.5 * before * state) / variance
        fresh = torch.stack([torch.randn(state.shape[1:], generator=own, dtype=state.dtype) for own in generators])
        state = mean + (beta * before / variance) ** 0.5 * fresh.to(state.device)
    return clamped_data(denoiser, schedule, state, _steps(state, 0))


def _steps(state: Tensor, step: int) -> Tensor:
    return torch.full((len(state),), step, dtype=torch.long, device=state.device)
