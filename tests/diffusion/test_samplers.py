"""Samplers against denoisers that are known in closed form."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from dphm_core.diffusion.samplers import Denoiser, ddim, ddpm
from dphm_core.diffusion.schedule import cosine_schedule

SCHEDULE = cosine_schedule()
MEAN, SPREAD = 0.3, 0.08


def gaussian_denoiser(noised: Tensor, steps: Tensor) -> Tensor:
    """The best possible v where data are normal: the posterior mean of x_0 is linear in x_t."""
    signal, noise = SCHEDULE.at(steps, noised)
    gain = signal * SPREAD**2 / (signal**2 * SPREAD**2 + noise**2)
    data = MEAN + gain * (noised - signal * MEAN)
    return (signal * noised - data) / noise


def constant_denoiser(target: Tensor) -> Denoiser:
    def predict(noised: Tensor, steps: Tensor) -> Tensor:
        signal, noise = SCHEDULE.at(steps, noised)
        return (signal * noised - target) / noise

    return predict


def start(batch: int, length: int) -> Tensor:
    return torch.randn(batch, 1, length, generator=torch.Generator().manual_seed(3))


def chance(count: int) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed) for seed in range(count)]


def test_ddim_draws_from_the_data() -> None:
    samples = ddim(gaussian_denoiser, SCHEDULE, start(64, 64), 1000)
    assert samples.mean().item() == pytest.approx(MEAN, abs=0.01)
    assert samples.std().item() == pytest.approx(SPREAD, rel=0.08)


def test_ddpm_draws_from_the_data() -> None:
    samples = ddpm(gaussian_denoiser, SCHEDULE, start(64, 64), chance(64))
    assert samples.mean().item() == pytest.approx(MEAN, abs=0.01)
    assert samples.std().item() == pytest.approx(SPREAD, rel=0.08)


@pytest.mark.parametrize("evaluations", [1, 7])
def test_ddim_finds_the_only_datum(evaluations: int) -> None:
    target = torch.linspace(-1, 1, 16).expand(2, 1, 16)
    found = ddim(constant_denoiser(target), SCHEDULE, start(2, 16), evaluations)
    torch.testing.assert_close(found, target, atol=1e-3, rtol=0)


def test_ddpm_is_repeatable_and_stays_in_range() -> None:
    target = torch.full((2, 1, 16), 1.5)  # beyond the range of codes
    runs = [ddpm(constant_denoiser(target), SCHEDULE, start(2, 16), chance(2)) for _ in range(2)]
    assert torch.equal(*runs)
    torch.testing.assert_close(runs[0], torch.ones(2, 1, 16), atol=1e-6, rtol=0)


@pytest.mark.parametrize("evaluations", [0, 1001])
def test_impossible_counts_are_refused(evaluations: int) -> None:
    with pytest.raises(ValueError, match="evaluations"):
        ddim(gaussian_denoiser, SCHEDULE, start(1, 16), evaluations)
