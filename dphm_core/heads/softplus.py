"""The fields' activation: softplus with β = 100, log(1 + exp(100 x)) / 100.

On a CPU torch's own takes nearly as long as the matrix products around it. Here it is
max(x, 0) + log(1 + exp(-100 |x|)) / 100 with polynomials for the small second part, which makes no denormals. It is
within 1.5e-7 of the plain counterpart, `torch.nn.functional.softplus`.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from dphm_core.fast_math import exp_of_minus

SOFTPLUS_BETA = 100.0
_BETA, _NOTHING = np.float32(SOFTPLUS_BETA), np.float32(0)
# Interpolation of log(1 + t) / t at Chebyshev nodes on [0, 1] to 1e-5, constant term first.
_L0, _L1, _L2, _L3, _L4, _L5 = (
    np.array([0.99999059, -0.49931465, 0.32484958, -0.20907954, 0.10013973, -0.02344366], np.float32) / _BETA
)


def softplus_(hidden: Tensor, bias: Tensor) -> Tensor:
    """Softplus of hidden + bias, (R, W) and (W,), in the memory of `hidden` where it can be.

    That is: float32, contiguous, on a CPU.
    """
    if hidden.dtype != torch.float32 or not hidden.is_cpu or not hidden.is_contiguous():
        return functional.softplus(hidden + bias, SOFTPLUS_BETA)
    if torch.is_grad_enabled() and (hidden.requires_grad or bias.requires_grad):
        return _Softplus.apply(hidden, bias)  # type: ignore[no-untyped-call]
    _in_place(hidden.detach().numpy(), bias.detach().numpy())
    return hidden


def times_slope(flow: Tensor, result: Tensor) -> Tensor:
    """What flows back through a softplus that gave `result` (R, W), where `flow` (R, W) comes in."""
    if result.dtype != torch.float32 or not result.is_cpu:
        return -flow * torch.expm1(-SOFTPLUS_BETA * result)
    through = torch.empty_like(result)
    _multiply_slope(flow.contiguous().view(-1).numpy(), result.view(-1).numpy(), through.view(-1).numpy())
    return through


class _Softplus(torch.autograd.Function):
    """Keeps its result only, from which the slope is 1 - exp(-β result)."""

    @staticmethod
    def forward(context: Any, hidden: Tensor, bias: Tensor) -> Tensor:
        """Softplus of `hidden` and `bias` (N, C), in the place of `hidden`."""
        _in_place(hidden.numpy(), bias.numpy())
        context.mark_dirty(hidden)
        context.save_for_backward(hidden)
        return hidden

    @staticmethod
    def backward(context: Any, flow: Tensor) -> tuple[Tensor, Tensor | None]:
        """Derivatives by `hidden` and, where it is wanted, `bias`."""
        (result,) = context.saved_tensors
        if torch.is_grad_enabled():  # create_graph: this derivative will be differentiated through flow and result
            through = -flow * torch.expm1(-SOFTPLUS_BETA * result)
        else:
            through = times_slope(flow, result)
        return through, through.sum(dim=0) if context.needs_input_grad[1] else None


@numba.njit(cache=True, nogil=True, fastmath={"contract"})
def _in_place(hidden, bias):  # type: ignore[no-untyped-def]
    """The inner loop reads and writes one array, so that it is compiled to vector instructions; NaN stays NaN."""
    for row in range(hidden.shape[0]):
        values = hidden[row]
        for n in range(values.size):
            x = values[n] + bias[n]
            t = exp_of_minus(_BETA * abs(x))
            values[n] = (_NOTHING if x < _NOTHING else x) + t * (
                _L0 + t * (_L1 + t * (_L2 + t * (_L3 + t * (_L4 + t * _L5))))
            )


@numba.njit(cache=True, nogil=True, fastmath={"contract"})
def _multiply_slope(flow, result, through):  # type: ignore[no-untyped-def]
    for n in range(flow.size):
        through[n] = flow[n] - flow[n] * exp_of_minus(_BETA * result[n])
