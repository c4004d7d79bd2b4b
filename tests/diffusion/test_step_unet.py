"""The network at one step, against the network."""

from __future__ import annotations

import pytest
import torch

from dphm_core.diffusion.step_unet import StepUNet, at_step
from dphm_core.diffusion.unet import UNet1D, UNetConfig


@pytest.mark.parametrize("config", [UNetConfig(13, 8, (1, 2, 4)), UNetConfig(16, 16, (1, 2)), UNetConfig(5, 8, (1,))])
def test_it_gives_the_networks_own_numbers(config: UNetConfig) -> None:
    torch.manual_seed(0)
    unet = UNet1D(config)
    with torch.no_grad():
        for weight in unet.parameters():  # gains and offsets start as ones and zeros, which would hide a mix-up
            weight.add_(0.1 * torch.randn_like(weight))
        for step in (0, 250, 999):
            noised, steps = torch.randn(1, 1, config.length), torch.tensor([step])
            quick = at_step(unet, step)
            assert isinstance(quick, StepUNet)
            torch.testing.assert_close(quick(noised, steps), unet(noised, steps), atol=5e-6, rtol=1e-4)


def test_other_networks_stay_what_they_are() -> None:
    double = UNet1D(UNetConfig(8, 8, (1, 2))).double()
    assert at_step(double, 10) is double


def test_one_code_at_a_time() -> None:
    quick = at_step(UNet1D(UNetConfig(8, 8, (1, 2))), 10)
    with pytest.raises(ValueError, match="one code"):
        quick(torch.zeros(2, 1, 8), torch.zeros(2))
