"""The latent prior of fitting: pulls codes towards what the diffusion network takes for a real head.

Source: DPHM (arXiv 2312.01068) and DreamFusion's score distillation (arXiv 2209.14988, equation 3).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from dphm_core.diffusion.samplers import Denoiser, clamped_data
from dphm_core.diffusion.schedule import Schedule, add_noise, noise_from_data, v_loss_weight, v_target
from dphm_core.diffusion.unet import UNet1D

EARLIEST, LATEST = 0.4, 0.6
"""Range of the diffusion steps that fitting looks at, as parts of the schedule."""


@dataclass(frozen=True)
class Probe:
    """Steps and noises at which codes are looked at; to be drawn once, for fresh ones would shake a still face."""

    steps: Tensor
    """(K,) int64."""
    noise: Tensor
    """(K, D) standard normal."""


@dataclass(frozen=True)
class DenoisedCode:
    """A quadratic in a code x whose gradient is the score distillation's: ½ · precision · ‖x − code‖²."""

    code: Tensor
    """(B, D)"""
    precision: float


@dataclass(frozen=True)
class LatentPrior:
    """A denoising network with the range of the codes that it was trained on."""

    unet: UNet1D
    schedule: Schedule
    minimum: float
    """Smallest entry of the training codes: −1 for the network."""
    maximum: float
    """Largest entry: +1 for the network."""

    @property
    def scale(self) -> float:
        """Normalised units per unit of a code."""
        return 2 / (self.maximum - self.minimum)

    def normalised(self, codes: Tensor) -> Tensor:
        """Codes (…, D) as the network sees them."""
        return (codes - self.minimum) * self.scale - 1

    def denormalised(self, values: Tensor) -> Tensor:
        """Codes of normalised values (…, D)."""
        return (values + 1) / self.scale + self.minimum

    def probe(self, count: int, seed: int) -> Probe:
        """Draw `count` looks: steps uniform in the middle fifth of the schedule, noise normal."""
        return self._draw(count, (EARLIEST, LATEST), seed)

    def paired_probe(self, count: int, span: tuple[float, float], seed: int) -> Probe:
        """Draw an even number of looks at steps within `span`, parts of the schedule: each noise with its negative."""
        half = self._draw(count // 2, span, seed)
        return Probe(half.steps.repeat(2), torch.cat([half.noise, -half.noise]))

    def _draw(self, count: int, span: tuple[float, float], seed: int) -> Probe:
        generator = torch.Generator().manual_seed(seed)
        low, high = (round(part * len(self.schedule)) for part in span)
        steps = torch.randint(low, high + 1, (count,), generator=generator)
        noise = torch.randn(count, self.unet.config.length, generator=generator)
        device = self.schedule.signal.device
        return Probe(steps.to(device), noise.to(device))

    def denoising_loss(self, codes: Tensor, probe: Probe) -> Tensor:
        """Weighted v-loss of codes (B, D), code b under look b of B; DPHM's regulariser.

        Its gradient runs through the network and through the target, which holds the code too.
        """
        data, noise = self.normalised(codes)[:, None], probe.noise[:, None]  # (B,1,D)
        noised = add_noise(self.schedule, data, probe.steps, noise)
        error = self.unet(noised, probe.steps) - v_target(self.schedule, data, probe.steps, noise)
        return (error.square().mean(dim=(1, 2)) * v_loss_weight(self.schedule, probe.steps)).mean()

    @torch.no_grad()
    def score_distillation(self, codes: Tensor, probe: Probe) -> tuple[Tensor, Tensor]:
        """Score distillation of codes (B, D), code b under look b of B, without a pass back through the network.

        Returns
        -------
        loss : scalar
            Half the mean square of the weighted noise residual (1−ᾱ)(ε̂ − ε): a figure to watch, which falls with the
            residual; the gradient is not its derivative.
        gradient : (B, D)
            By the codes, averaged over batch and length.
        """
        data, noise = self.normalised(codes)[:, None], probe.noise[:, None]  # (B,1,D)
        noised = add_noise(self.schedule, data, probe.steps, noise)
        estimate = clamped_data(self.unet, self.schedule, noised, probe.steps)
        predicted = noise_from_data(self.schedule, noised, probe.steps, estimate)
        residual = (1 - v_loss_weight(self.schedule, probe.steps))[:, None, None] * (predicted - noise)
        return 0.5 * residual.square().mean(), (residual * (self.scale / residual.numel()))[:, 0]

    @torch.no_grad()
    def denoised(self, codes: Tensor, probe: Probe, denoiser: Denoiser | None = None) -> DenoisedCode:
        """Quadratic form of the score distillation for each of codes (B, D), averaged over all K looks.

        `denoiser` may stand for the network: see `at_step`.

        Since ε̂ − ε = √ᾱ/√(1−ᾱ) · (z − ẑ_0), the gradient of one look is λ_t (x − x̂_0) with
        λ_t = √ᾱ √(1−ᾱ) · scale² / D. Inside Gauss–Newton it is a diagonal term.
        """
        batch, looks, length = len(codes), len(probe.steps), codes.shape[1]
        steps, noise = probe.steps.repeat(batch), probe.noise.repeat(batch, 1)[:, None]  # (B·K), (B·K,1,D)
        data = self.normalised(codes).repeat_interleave(looks, dim=0)[:, None]
        noised = add_noise(self.schedule, data, steps, noise)
        estimate = clamped_data(denoiser or self.unet, self.schedule, noised, steps).view(batch, looks, length)
        precision = self.schedule.signal[probe.steps] * self.schedule.noise[probe.steps]  # (K,)
        mean = (estimate * (precision / precision.sum())[:, None]).sum(dim=1)
        return DenoisedCode(self.denormalised(mean), float(precision.mean()) * self.scale**2 / length)
