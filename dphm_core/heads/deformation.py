"""The expression field of one subject, with its derivatives, laid out once for many calls.

Each point carries its own copy of the expression code, so one backward pass gives every point's derivative by the code
(REFERENCE section 8). The plain counterpart is `ExpressionField.forward` with autograd.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from dphm_core.heads.expression import SKIP_SCALE, ExpressionField
from dphm_core.heads.softplus import softplus_, times_slope


@dataclass(frozen=True)
class _Layer:
    """One linear layer, split by what it reads: the hidden state, the position, the expression code."""

    hidden: Tensor | None
    position: Tensor | None
    expression: Tensor | None
    constant: Tensor
    """Bias plus the share of the identity, the same for all points and frames."""


@dataclass(frozen=True)
class Evaluation:
    """What a pull-back needs of a forward pass."""

    canonical: Tensor
    """(N, 3 + hyper_dim) canonical queries."""
    position: Tensor
    states: list[Tensor]


class Deformation:
    """Backward deformation for a fixed identity: posed points → canonical queries."""

    def __init__(self, field: ExpressionField, identity: Tensor, anchors: Tensor) -> None:
        """Bind `field` to an identity code (D,) and its anchors (39, 3)."""
        self._field = field
        self.expression_dim = field.config.expression_dim
        with torch.no_grad():
            condition = field.condition(identity[None], anchors[None])[0]
            self._layers = [self._bind(index, condition) for index in range(len(field.layers))]

    def _bind(self, index: int, condition: Tensor) -> _Layer:
        field = self._field
        layer = field.layers[index]
        assert isinstance(layer, torch.nn.Linear)
        weight, bias = layer.weight.detach(), layer.bias.detach()
        reads_inputs = index in (0, field.skip_at)
        if not reads_inputs:
            return _Layer(weight.contiguous(), None, None, bias)
        scale = 1.0 if index == 0 else SKIP_SCALE
        inputs = field.position_dim + len(condition) + self.expression_dim
        hidden, position, code, expression = (scale * weight).split(
            [weight.shape[1] - inputs, field.position_dim, len(condition), self.expression_dim], dim=1
        )
        return _Layer(
            hidden.contiguous() if index else None,
            position.contiguous(),
            expression.contiguous(),
            code @ condition + bias,
        )

    def evaluate(self, points: Tensor, expression: Tensor) -> Evaluation:
        """Deform posed points (N, 3) of one expression code (E,)."""
        position = self._field.position_features(points)
        states: list[Tensor] = []
        for layer in self._layers:
            constant = layer.constant
            if layer.expression is not None:
                constant = constant + layer.expression @ expression
            total = self._products(layer, position, states)
            if len(states) < len(self._layers) - 1:
                states.append(softplus_(total, constant))
        total += constant
        total[:, :3] += points
        return Evaluation(total, position, states)

    def _products(self, layer: _Layer, position: Tensor, states: list[Tensor]) -> Tensor:
        """What a layer makes of positions and of the last state, less its constant."""
        if layer.hidden is None:
            assert layer.position is not None
            return position @ layer.position.T
        total = states[-1] @ layer.hidden.T
        return total if layer.position is None else total.addmm_(position, layer.position.T)

    def pull_back(self, evaluation: Evaluation, cotangent: Tensor) -> tuple[Tensor, Tensor]:
        """Derivatives of each point's scalar by its posed position (N, 3) and by the expression code (N, E).

        `cotangent` (N, 3 + hyper_dim) is that scalar's derivative by the canonical query.
        """
        from_position = torch.zeros_like(evaluation.position)
        by_expression = cotangent.new_zeros(len(cotangent), self.expression_dim)
        flow = cotangent
        for index in range(len(self._layers) - 1, -1, -1):
            layer = self._layers[index]
            if layer.position is not None and layer.expression is not None:
                from_position.addmm_(flow, layer.position)
                by_expression.addmm_(flow, layer.expression)
            if layer.hidden is not None:
                flow = times_slope(flow @ layer.hidden, evaluation.states[index - 1])
        return cotangent[:, :3] + self._through_features(evaluation.position, from_position), by_expression

    def _through_features(self, position: Tensor, flow: Tensor) -> Tensor:
        by_point = flow[:, :3].clone()
        for octave in range(self._field.config.position_octaves):
            sine, cosine = (slice(3 + 6 * octave + 3 * k, 6 + 6 * octave + 3 * k) for k in range(2))
            slope = position[:, cosine] * flow[:, sine] - position[:, sine] * flow[:, cosine]
            by_point += (2 * math.pi * 2**octave) * slope
        return by_point
