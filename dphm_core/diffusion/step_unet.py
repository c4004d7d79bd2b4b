"""The denoising network at one diffusion step, for one code at a time: the same numbers as `UNet1D`, sooner.

At these sizes eager torch spends its time on getting from one small operation to the next. Here every block is one
compiled call on arrays (length, channels), and what depends on the step alone is worked out once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dphm_core.diffusion.samplers import Denoiser
from dphm_core.diffusion.unet import GROUPS, HEAD_DIM, HEADS, Attention, LinearAttention, ResnetBlock, UNet1D
from dphm_core.fast_math import exp_of_minus

Array = NDArray[np.float32]
State = Callable[[Array], Array]
"""A part of the network: (L, C) → (L', C')."""
EPSILON = np.float32(1e-5)
"""Of torch's group normalisation."""


def at_step(unet: nn.Module, step: int) -> Denoiser:
    """The network as it is at one diffusion step; the network itself where it is not on the CPU, or no `UNet1D`.

    It takes batches of one code, and the step that it is told is not looked at.
    """
    on_cpu = all(weight.is_cpu and weight.dtype == torch.float32 for weight in unet.parameters())
    return StepUNet(unet, step) if isinstance(unet, UNet1D) and on_cpu else unet


class StepUNet:
    """`UNet1D` at a fixed step; keeps no gradient."""

    def __init__(self, unet: UNet1D, step: int) -> None:
        self.config = unet.config
        with torch.no_grad():
            time = unet.time_mlp(torch.tensor([step]))
            self._first = _convolution(unet.init_conv)
            self._downs = [_level(level, time) for level in unet.downs]
            self._middle = _chain(
                _resnet(unet.mid_block1, time), _mixing(unet.mid_attn), _resnet(unet.mid_block2, time)
            )
            self._ups = [_level(level, time) for level in unet.ups]
            self._last = _chain(_resnet(unet.final_res_block, time), _convolution(unet.final_conv))

    def __call__(self, noised: Tensor, steps: Tensor) -> Tensor:  # noqa: ARG002 (a denoiser is told the step)
        """Predict v (1, 1, D) of a noised, normalised code (1, 1, D)."""
        if noised.shape[:2] != (1, 1):
            raise ValueError(f"one code at a time, not {tuple(noised.shape)}")
        return torch.from_numpy(self._predict(noised[0, 0].numpy()))[None, None]

    def _predict(self, code: Array) -> Array:
        first = state = self._first(np.pad(code, (0, self.config.padding))[:, None])
        skips: list[Array] = []
        for block1, block2, attention, shrink in self._downs:
            skips.append(block1(state))
            skips.append(attention(block2(skips[-1])))
            state = shrink(skips[-1])
        state = self._middle(state)
        for block1, block2, attention, grow in self._ups:
            state = block1(np.concatenate([state, skips.pop()], axis=1))
            state = block2(np.concatenate([state, skips.pop()], axis=1))
            state = grow(attention(state))
        return self._last(np.concatenate([state, first], axis=1))[: self.config.length, 0]


def _level(level: nn.Module, time: Tensor) -> tuple[State, State, State, State]:
    assert isinstance(level, nn.ModuleList)
    block1, block2, attention, resize = level
    return _resnet(block1, time), _resnet(block2, time), _mixing(attention), _resize(resize)


def _chain(*parts: State) -> State:
    def run(state: Array) -> Array:
        for part in parts:
            state = part(state)
        return state

    return run


def _resize(module: nn.Module) -> State:
    if isinstance(module, nn.Conv1d):
        return _convolution(module)
    assert isinstance(module, nn.Sequential) and isinstance(module[1], nn.Conv1d)
    grow = _convolution(module[1])
    return lambda state: grow(np.repeat(state, 2, axis=0))


def _convolution(module: nn.Module) -> State:
    assert isinstance(module, nn.Conv1d) and module.bias is not None
    weight, bias, width = _taps(module), _array(module.bias), module.kernel_size[0]
    stride, padding = module.stride[0], int(module.padding[0])
    return lambda state: _convolve(state, weight, bias, width, stride, padding)


def _resnet(module: nn.Module, time: Tensor) -> State:
    """Both blocks, with the step's scale and shift folded into the first one's normalisation."""
    assert isinstance(module, ResnetBlock)
    scale, shift = (_array(part[0]) for part in module.mlp(time).chunk(2, dim=1))
    weights: list[Any] = []
    for block, by, plus in ((module.block1, scale + 1, shift), (module.block2, np.float32(1), np.float32(0))):
        gain, offset = _array(block.norm.weight), _array(block.norm.bias)
        weights += [_taps(block.proj), _array(block.proj.bias), gain * by, offset * by + plus]
    if isinstance(module.res_conv, nn.Identity):
        return lambda state: _two_blocks(state, *weights) + state
    past = _convolution(module.res_conv)
    return lambda state: _two_blocks(state, *weights) + past(state)


def _mixing(module: nn.Module) -> State:
    """Residual of a normalised attention of either kind."""
    inside: Any = module.fn
    attention, norm = inside.fn, inside.norm
    gain, inward = _gain(norm), _taps(attention.to_qkv)
    if isinstance(attention, LinearAttention):
        mix, after = attention.to_out[0], attention.to_out[1]
        outward, bias, last = _taps(mix), _array(mix.bias), _gain(after)
        return lambda state: _linear_attention(state, gain, inward, outward, bias, last)
    assert isinstance(attention, Attention)
    outward, bias = _taps(attention.to_out), _array(attention.to_out.bias)
    return lambda state: _attention(state, gain, inward, outward, bias)


def _gain(norm: Any) -> Array:
    gain = _array(norm.g).reshape(-1)
    return np.asarray(gain * np.float32(len(gain) ** 0.5), dtype=np.float32)


def _taps(convolution: Any) -> Array:
    """Weights (K · C_in, C_out) of a convolution, for rows that hold K neighbours' channels."""
    return np.ascontiguousarray(_array(convolution.weight).transpose(2, 1, 0).reshape(-1, convolution.out_channels))


def _array(tensor: Any) -> Array:
    return np.array(tensor.detach().numpy(), dtype=np.float32)


_kernel = numba.njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "nsz"})
_ONE = np.float32(1)


@_kernel
def _convolve(state, weight, bias, width, stride, padding):  # type: ignore[no-untyped-def]
    length, channels = state.shape
    count = (length + 2 * padding - width) // stride + 1
    rows = np.zeros((count, width * channels), dtype=np.float32)
    for n in range(count):
        for k in range(width):
            place = n * stride + k - padding
            if 0 <= place < length:
                rows[n, k * channels : (k + 1) * channels] = state[place]
    out = np.dot(rows, weight)
    for n in range(count):
        out[n] += bias
    return out


@_kernel
def _block(state, weight, bias, gain, offset):  # type: ignore[no-untyped-def]
    """Convolution over three neighbours, group normalisation, SiLU."""
    out = _convolve(state, weight, bias, 3, 1, 1)
    length, channels = out.shape
    size = channels // GROUPS
    for group in range(GROUPS):
        part = out[:, group * size : (group + 1) * size]
        mean = part.sum() / np.float32(length * size)
        spread = np.float32(0)
        for n in range(length):
            for c in range(size):
                spread += (part[n, c] - mean) ** 2
        slope = _ONE / np.sqrt(spread / np.float32(length * size) + EPSILON)
        for c in range(group * size, (group + 1) * size):
            factor = slope * gain[c]
            plus = offset[c] - mean * factor
            for n in range(length):
                out[n, c] = out[n, c] * factor + plus
    flat = out.reshape(-1)
    for n in range(flat.size):
        x = flat[n]
        t = exp_of_minus(abs(x))
        flat[n] = x * (t if x < 0 else _ONE) / (_ONE + t)
    return out


@_kernel
def _two_blocks(  # type: ignore[no-untyped-def]
    state, weight1, bias1, gain1, offset1, weight2, bias2, gain2, offset2
):
    return _block(_block(state, weight1, bias1, gain1, offset1), weight2, bias2, gain2, offset2)


@_kernel
def _unit_rows(state, gain):  # type: ignore[no-untyped-def]
    """Rows of unit length, times a gain per channel."""
    out = np.empty_like(state)
    for n in range(len(state)):
        length = np.float32(0)
        for c in range(state.shape[1]):
            length += state[n, c] * state[n, c]
        factor = _ONE / max(np.sqrt(length), np.float32(1e-12))
        for c in range(state.shape[1]):
            out[n, c] = state[n, c] * factor * gain[c]
    return out


@_kernel
def _soften(rows):  # type: ignore[no-untyped-def]
    """Softmax of every row, in place."""
    for n in range(len(rows)):
        row = rows[n]
        top = row.max()
        for c in range(row.size):
            row[c] = exp_of_minus(top - row[c])
        row /= row.sum()


@_kernel
def _head(qkv, part, head):  # type: ignore[no-untyped-def]
    """Queries, keys or values (L, E) of one head."""
    start = (part * HEADS + head) * HEAD_DIM
    return np.ascontiguousarray(qkv[:, start : start + HEAD_DIM])


@_kernel
def _linear_attention(state, gain, inward, outward, bias, last):  # type: ignore[no-untyped-def]
    qkv = np.dot(_unit_rows(state, gain), inward)
    mixed = np.empty((len(state), HEADS * HEAD_DIM), dtype=np.float32)
    for head in range(HEADS):
        query, key = _head(qkv, 0, head), np.ascontiguousarray(_head(qkv, 1, head).T)
        _soften(query)
        _soften(key)
        context = np.dot(key, _head(qkv, 2, head)) * np.float32(HEAD_DIM**-0.5)
        mixed[:, head * HEAD_DIM : (head + 1) * HEAD_DIM] = np.dot(query, context)
    return _unit_rows(np.dot(mixed, outward) + bias, last) + state


@_kernel
def _attention(state, gain, inward, outward, bias):  # type: ignore[no-untyped-def]
    qkv = np.dot(_unit_rows(state, gain), inward)
    mixed = np.empty((len(state), HEADS * HEAD_DIM), dtype=np.float32)
    for head in range(HEADS):
        weights = np.dot(_head(qkv, 0, head), np.ascontiguousarray(_head(qkv, 1, head).T)) * np.float32(HEAD_DIM**-0.5)
        _soften(weights)
        mixed[:, head * HEAD_DIM : (head + 1) * HEAD_DIM] = np.dot(weights, _head(qkv, 2, head))
    return np.dot(mixed, outward) + bias + state
