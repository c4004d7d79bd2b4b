"""Codes drawn from a latent prior: each sample has its own seed, so that it does not depend on the others."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from dphm_core.diffusion.prior import LatentPrior
from dphm_core.diffusion.prior_file import Part
from dphm_core.diffusion.samplers import ddim, ddpm
from dphm_core.errors import SettingError
from dphm_core.frames import FloatArray
from dphm_core.generation.options import SamplerConfig
from dphm_core.heads.latent_prior import codes_of_latents
from dphm_core.heads.model import HeadModel

log = logging.getLogger(__name__)

BATCH = 8
"""Samples that go through the network together: always whole batches, since rounding depends on their size."""
PARTS: tuple[Part, ...] = ("identity", "expression")


class CodeSampler:
    """Samples of one prior, numbered from 0."""

    def __init__(self, model: HeadModel, prior: LatentPrior, part: Part, config: SamplerConfig) -> None:
        if config.sampler == "ddim" and config.steps > len(prior.schedule):
            raise SettingError(
                f"this prior's schedule has {len(prior.schedule)} steps; --steps {config.steps} is more."
            )
        self._model, self._prior, self._part, self._config = model, prior, part, config

    def codes(self, numbers: Sequence[int]) -> FloatArray:
        """Codes (n, D) float32 of the samples of these numbers."""
        batches = {number // BATCH: np.empty(0, np.float32) for number in numbers}
        for done, batch in enumerate(batches):
            batches[batch] = self._batch(range(batch * BATCH, (batch + 1) * BATCH))
            log.info("%s samples: %d of %d batches", self._part, done + 1, len(batches))
        return np.array([batches[number // BATCH][number % BATCH] for number in numbers])

    def noise(self, number: int) -> FloatArray:
        """Standard normal noise (L,) that a sample starts from."""
        return self._start(self._chance(number))[0].numpy()

    def of_noise(self, noise: FloatArray) -> FloatArray:
        """Codes (n, D) that DDIM makes of noises (n, L)."""
        spare = -len(noise) % BATCH
        start = torch.from_numpy(np.pad(noise, ((0, spare), (0, 0))))[:, None]  # (n,1,L)
        return np.concatenate([self._ddim(part) for part in start.split(BATCH)])[: len(noise)]

    def _batch(self, numbers: range) -> FloatArray:
        chances = [self._chance(number) for number in numbers]
        start = torch.stack([self._start(chance) for chance in chances])
        if self._config.sampler == "ddim":
            return self._ddim(start)
        return self._codes(ddpm(self._prior.unet, self._prior.schedule, start, chances))

    def _ddim(self, start: Tensor) -> FloatArray:
        return self._codes(ddim(self._prior.unet, self._prior.schedule, start, self._config.steps))

    def _codes(self, values: Tensor) -> FloatArray:
        latents = self._prior.denormalised(values)[:, 0].numpy()
        return codes_of_latents(self._model, self._part, np.asarray(latents, dtype=np.float32))

    def _start(self, chance: torch.Generator) -> Tensor:
        return torch.randn(1, self._prior.unet.config.length, generator=chance)

    def _chance(self, number: int) -> torch.Generator:
        words = np.random.SeedSequence((self._config.seed, PARTS.index(self._part), number)).generate_state(
            1, np.uint64
        )
        return torch.Generator().manual_seed(int(words[0]) >> 1)
