"""The denoising network: a one-dimensional U-Net over a latent code, read as a sequence of one channel.

Source: DDPM (arXiv 2006.11239, appendix B) with linear attention, as DPHM uses it (arXiv 2312.01068).
Module names follow the official checkpoints, so that their files load directly.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

GROUPS = 8
HEADS = 4
HEAD_DIM = 32
LOWEST_FREQUENCY = 1e-4
"""Of the time embedding; its highest is 1."""


@dataclass(frozen=True)
class UNetConfig:
    """Sizes of a U-Net; the defaults are the official model's."""

    length: int
    """Length of the latent code; one that does not halve evenly gets zeros at its end inside the network."""
    dim: int = 64
    """Channels of the first level; a multiple of 8."""
    multipliers: tuple[int, ...] = (1, 2, 4, 8)
    """Channels of each level, as multiples of `dim`; the length is halved between levels."""

    def __post_init__(self) -> None:
        if not self.multipliers or min(self.multipliers) < 1:
            raise ValueError(f"multipliers {self.multipliers} are not one positive factor per level")
        if self.dim < GROUPS or self.dim % GROUPS:
            raise ValueError(f"{self.dim} channels are not a positive multiple of {GROUPS}")
        if self.length < 1:
            raise ValueError(f"a code of length {self.length} has no entry")

    @property
    def padding(self) -> int:
        """Zeros that make a code's length a multiple of what the levels halve it by."""
        return -self.length % 2 ** (len(self.multipliers) - 1)


class UNet1D(nn.Module):
    """Network (x_t, t) → v over codes of one channel."""

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config = config
        dim, time_dim = config.dim, 4 * config.dim
        widths = [dim, *(dim * factor for factor in config.multipliers)]
        levels = list(pairwise(widths))
        self.init_conv = nn.Conv1d(1, dim, 7, padding=3)
        self.time_mlp = nn.Sequential(
            SinusoidalEmbedding(dim), nn.Linear(dim, time_dim), nn.GELU(), nn.Linear(time_dim, time_dim)
        )
        self.downs = nn.ModuleList()
        for index, (before, after) in enumerate(levels):
            last = index == len(levels) - 1
            shrink = nn.Conv1d(before, after, 3, padding=1) if last else nn.Conv1d(before, after, 4, 2, 1)
            self.downs.append(_level(before, before, LinearAttention(before), shrink, time_dim))
        middle = widths[-1]
        self.mid_block1 = ResnetBlock(middle, middle, time_dim)
        self.mid_attn = Residual(PreNorm(Attention(middle), middle))
        self.mid_block2 = ResnetBlock(middle, middle, time_dim)
        self.ups = nn.ModuleList()
        for index, (before, after) in enumerate(reversed(levels)):
            conv = nn.Conv1d(after, before, 3, padding=1)
            grow = conv if index == len(levels) - 1 else nn.Sequential(nn.Upsample(scale_factor=2), conv)
            self.ups.append(_level(after + before, after, LinearAttention(after), grow, time_dim))
        self.final_res_block = ResnetBlock(2 * dim, dim, time_dim)
        self.final_conv = nn.Conv1d(dim, 1, 1)

    def forward(self, noised: Tensor, steps: Tensor) -> Tensor:
        """Predict v (B, 1, D) of noised, normalised codes (B, 1, D) at diffusion steps (B,)."""
        first = state = self.init_conv(functional.pad(noised, (0, self.config.padding)))
        time = self.time_mlp(steps)  # (B,4·dim)
        skips: list[Tensor] = []
        for block1, block2, attention, shrink in map(_parts, self.downs):
            skips.append(block1(state, time))
            skips.append(attention(block2(skips[-1], time)))
            state = shrink(skips[-1])
        state = self.mid_block2(self.mid_attn(self.mid_block1(state, time)), time)
        for block1, block2, attention, grow in map(_parts, self.ups):
            state = block1(torch.cat([state, skips.pop()], dim=1), time)
            state = block2(torch.cat([state, skips.pop()], dim=1), time)
            state = grow(attention(state))
        v = self.final_conv(self.final_res_block(torch.cat([state, first], dim=1), time))
        return v[..., : self.config.length]


def _level(fan_in: int, width: int, attention: nn.Module, resize: nn.Module, time_dim: int) -> nn.ModuleList:
    """One level: two blocks, attention, change of length. Going up, both blocks read a skip beside the state."""
    skip = fan_in - width
    return nn.ModuleList(
        [
            ResnetBlock(fan_in, width, time_dim),
            ResnetBlock(width + skip, width, time_dim),
            Residual(PreNorm(attention, width)),
            resize,
        ]
    )


def _parts(level: nn.Module) -> tuple[nn.Module, ...]:
    assert isinstance(level, nn.ModuleList)
    return tuple(level)


class SinusoidalEmbedding(nn.Module):
    """Sines, then cosines, of the diffusion step at geometrically falling frequencies."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        count = dim // 2
        exponents = torch.arange(count) * (math.log(LOWEST_FREQUENCY) / (count - 1))
        self.register_buffer("frequencies", torch.exp(exponents), persistent=False)

    frequencies: Tensor

    def forward(self, steps: Tensor) -> Tensor:
        """Embedding (B, dim) of steps (B,)."""
        phase = steps[:, None] * self.frequencies
        return torch.cat([phase.sin(), phase.cos()], dim=-1)


class RMSNorm(nn.Module):
    """Scales the channels of every position to unit root mean square, times a learned gain."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.g = nn.Parameter(torch.ones(1, channels, 1))

    def forward(self, state: Tensor) -> Tensor:
        """Normalise (B, C, L) over C."""
        return functional.normalize(state, dim=1) * self.g * state.shape[1] ** 0.5


class Block(nn.Module):
    """Convolution, group normalisation, optional scale and shift, SiLU."""

    def __init__(self, fan_in: int, fan_out: int) -> None:
        super().__init__()
        self.proj = nn.Conv1d(fan_in, fan_out, 3, padding=1)
        self.norm = nn.GroupNorm(GROUPS, fan_out)

    def forward(self, state: Tensor, scale_shift: Tensor | None = None) -> Tensor:
        """(B, fan_in, L) → (B, fan_out, L); `scale_shift` is (B, 2 · fan_out, 1)."""
        state = self.norm(self.proj(state))
        if scale_shift is not None:
            scale, shift = scale_shift.chunk(2, dim=1)
            state = state * (scale + 1) + shift
        return functional.silu(state)


class ResnetBlock(nn.Module):
    """Two blocks, the first modulated by the time embedding, and a residual."""

    def __init__(self, fan_in: int, fan_out: int, time_dim: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.SiLU(), nn.Linear(time_dim, 2 * fan_out))
        self.block1 = Block(fan_in, fan_out)
        self.block2 = Block(fan_out, fan_out)
        self.res_conv = nn.Identity() if fan_in == fan_out else nn.Conv1d(fan_in, fan_out, 1)

    def forward(self, state: Tensor, time: Tensor) -> Tensor:
        """(B, fan_in, L) → (B, fan_out, L)."""
        hidden = self.block1(state, self.mlp(time)[..., None])
        return self.block2(hidden) + self.res_conv(state)


class Residual(nn.Module):
    """A module whose input is added to its output."""

    def __init__(self, fn: nn.Module) -> None:
        super().__init__()
        self.fn = fn

    def forward(self, state: Tensor) -> Tensor:
        """(B, C, L) → (B, C, L)."""
        return state + self.fn(state)


class PreNorm(nn.Module):
    """A module behind an RMSNorm."""

    def __init__(self, fn: nn.Module, channels: int) -> None:
        super().__init__()
        self.fn = fn
        self.norm = RMSNorm(channels)

    def forward(self, state: Tensor) -> Tensor:
        """(B, C, L) → (B, C, L)."""
        return self.fn(self.norm(state))


class LinearAttention(nn.Module):
    """Attention whose cost is linear in the length (arXiv 1812.01243): keys and values are summed up first."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = HEADS * HEAD_DIM
        self.to_qkv = nn.Conv1d(channels, 3 * inner, 1, bias=False)
        self.to_out = nn.Sequential(nn.Conv1d(inner, channels, 1), RMSNorm(channels))

    def forward(self, state: Tensor) -> Tensor:
        """(B, C, L) → (B, C, L)."""
        query, key, value = _heads(self.to_qkv(state))  # (B,H,E,L)
        query = query.softmax(dim=-2) * HEAD_DIM**-0.5
        context = value @ key.softmax(dim=-1).transpose(-1, -2)  # (B,H,E,E)
        return self.to_out((context @ query).flatten(1, 2))


class Attention(nn.Module):
    """Full attention between all positions."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = HEADS * HEAD_DIM
        self.to_qkv = nn.Conv1d(channels, 3 * inner, 1, bias=False)
        self.to_out = nn.Conv1d(inner, channels, 1)

    def forward(self, state: Tensor) -> Tensor:
        """(B, C, L) → (B, C, L)."""
        query, key, value = _heads(self.to_qkv(state))  # (B,H,E,L)
        weights = (query.transpose(-1, -2) @ key * HEAD_DIM**-0.5).softmax(dim=-1)  # (B,H,L,L)
        return self.to_out((value @ weights.transpose(-1, -2)).flatten(1, 2))


def _heads(qkv: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Split (B, 3 · H · E, L) into queries, keys and values (B, H, E, L)."""
    query, key, value = qkv.unflatten(1, (3, HEADS, HEAD_DIM)).unbind(1)
    return query, key, value


def config_of_weights(shapes: Mapping[str, tuple[int, ...]], length: int) -> UNetConfig:
    """Sizes of the U-Net that weights of these shapes belong to, for codes of the given length.

    Raises
    ------
    KeyError
        A weight that tells a size is missing.
    ValueError
        The shapes tell no sizes that a U-Net can have.
    """
    dim = shapes["init_conv.weight"][0]
    count = len({name.split(".")[1] for name in shapes if name.startswith("downs.")})
    widths = [shapes[f"downs.{level}.3.weight"][0] for level in range(count)]
    if not dim or any(width % dim for width in widths):
        raise ValueError(f"levels of {widths} channels are not multiples of {dim}")
    return UNetConfig(length, dim, tuple(width // dim for width in widths))
