"""The diffusion prior's pull on a device: `PriorTerm`, whose remembered changes are handed in and out."""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from dphm_core.diffusion.prior import LatentPrior
from dphm_core.diffusion.samplers import clamped_data
from dphm_core.diffusion.schedule import add_noise
from dphm_core.tracking.prior_term import LOOKS, STEPS, spread_weight


class PriorOnDevice:
    """Draws expression codes towards plausible ones."""

    def __init__(self, prior: LatentPrior, device: torch.device) -> None:
        looks = prior.paired_probe(LOOKS, STEPS, seed=0)
        self._steps, self._noise = looks.steps.to(device), looks.noise.to(device)
        unet = copy.deepcopy(prior.unet).requires_grad_(False).to(device)
        self._prior = LatentPrior(unet, prior.schedule.to(device), prior.minimum, prior.maximum)

    def change(self, expression: Tensor, look: Tensor) -> Tensor:
        """What the network would change (1, E) in an expression code (E,), by the look of that number (1,)."""
        prior, steps = self._prior, self._steps[look]
        data = prior.normalised(expression)[None, None]
        noised = add_noise(prior.schedule, data, steps, self._noise[look][:, None])
        return prior.denormalised(clamped_data(prior.unet, prior.schedule, noised, steps))[0] - expression

    def weight(self, spread: float) -> float:
        """As `PriorTerm` has it."""
        return spread_weight(self._prior, spread)

    def all_changes(self, expression: Tensor) -> Tensor:
        """The same (LOOKS, E) by all looks."""
        looks = torch.arange(LOOKS, device=expression.device)
        return torch.cat([self.change(expression, look) for look in looks[:, None]])
