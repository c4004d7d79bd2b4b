"""Schedule and conversions: consistent with each other and with the closed form of the cosine."""

from __future__ import annotations

import math

import torch

from dphm_core.diffusion.schedule import (
    LARGEST_BETA,
    add_noise,
    cosine_schedule,
    data_from_v,
    noise_from_data,
    v_loss_weight,
    v_target,
)

SCHEDULE = cosine_schedule()
STEPS = torch.tensor([0, 400, 999])


def test_closed_form_of_the_cosine() -> None:
    def survival(step: int) -> float:
        return math.cos((step / 1000 + 0.008) / 1.008 * math.pi / 2) ** 2

    for step in (0, 1, 250, 500, 998):
        expected = survival(step + 1) / survival(0)
        torch.testing.assert_close(SCHEDULE.signal[step].square().item(), expected, rtol=1e-5, atol=0)
        torch.testing.assert_close(SCHEDULE.noise[step].square().item(), 1 - expected, rtol=1e-5, atol=0)
    last = (SCHEDULE.signal[999] / SCHEDULE.signal[998]).square()
    torch.testing.assert_close(last.item(), 1 - LARGEST_BETA, rtol=1e-5, atol=0)


def test_conversions_undo_each_other() -> None:
    torch.manual_seed(0)
    data, noise = torch.randn(2, 3, 1, 8, dtype=torch.float64)
    noised = add_noise(SCHEDULE, data, STEPS, noise)
    v = v_target(SCHEDULE, data, STEPS, noise)
    torch.testing.assert_close(data_from_v(SCHEDULE, noised, STEPS, v), data, atol=1e-6, rtol=0)
    torch.testing.assert_close(noise_from_data(SCHEDULE, noised, STEPS, data), noise, atol=1e-6, rtol=0)


def test_weighted_error_in_v_is_the_error_in_noise() -> None:
    torch.manual_seed(0)
    data, noise, v = torch.randn(3, 3, 1, 8, dtype=torch.float64)
    noised = add_noise(SCHEDULE, data, STEPS, noise)
    predicted = noise_from_data(SCHEDULE, noised, STEPS, data_from_v(SCHEDULE, noised, STEPS, v))
    error_in_v = (v - v_target(SCHEDULE, data, STEPS, noise)).square().mean((1, 2))
    error_in_noise = (predicted - noise).square().mean((1, 2))
    weighted = error_in_v * v_loss_weight(SCHEDULE, STEPS)
    torch.testing.assert_close(weighted.double(), error_in_noise, rtol=1e-4, atol=1e-9)
