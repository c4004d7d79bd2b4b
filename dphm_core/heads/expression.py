"""The expression field: a backward deformation from the posed head to canonical space.

Source: MonoNPHM (arXiv 2312.06740, section 3.1), "compress" mode; position features are an option of this project.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from dphm_core.heads.config import HeadConfig
from dphm_core.heads.softplus import SOFTPLUS_BETA

SKIP_SCALE = 2**-0.5


class ExpressionField(nn.Module):
    """Offset that brings posed points to canonical space, and their hyper coordinates."""

    def __init__(self, config: HeadConfig) -> None:
        super().__init__()
        self.config = config
        self.compressor = nn.Linear(config.identity_dim + config.anchors * 3, config.condition_dim)
        self.position_dim = 3 * (1 + 2 * config.position_octaves)
        self.skip_at = config.expression_layers // 2
        width = config.expression_width
        fan_in = self.position_dim + config.condition_dim + config.expression_dim
        self.layers = nn.ModuleList([nn.Linear(fan_in, width)])
        for index in range(1, config.expression_layers):
            self.layers.append(nn.Linear(width + fan_in if index == self.skip_at else width, width))
        self.layers.append(nn.Linear(width, 3 + config.hyper_dim))

    def condition(self, identity: Tensor, anchors: Tensor) -> Tensor:
        """Summary (B, condition_dim) of identity codes (B, D) and their anchors (B, 39, 3)."""
        return self.compressor(torch.cat([identity, anchors.flatten(1)], dim=-1))

    def position_features(self, points: Tensor) -> Tensor:
        """Append sines and cosines: (..., 3) → (..., position_dim), [x, sin 2πx, cos 2πx, sin 4πx, …]."""
        features = [points]
        for octave in range(self.config.position_octaves):
            phase = points * (2 * math.pi * 2**octave)
            features += [torch.sin(phase), torch.cos(phase)]
        return torch.cat(features, dim=-1)

    def forward(self, points: Tensor, condition: Tensor, expression: Tensor) -> tuple[Tensor, Tensor]:
        """Deform posed points backwards.

        Parameters
        ----------
        points : (B, N, 3)
            Posed points, head-frame units.
        condition : (B, condition_dim)
            From `condition`.
        expression : (B, E)
            Expression codes.

        Returns
        -------
        offset : (B, N, 3)
            canonical = point + offset.
        hyper : (B, N, hyper_dim)
        """
        position = self.position_features(points)
        code = torch.cat([condition, expression], dim=-1)  # (B,C)
        hidden = self._first(self.layers[0], position, code)
        for index, layer in enumerate(self.layers[1:], start=1):
            assert isinstance(layer, nn.Linear)
            hidden = functional.softplus(hidden, SOFTPLUS_BETA)
            if index == self.skip_at:
                width = hidden.shape[-1]
                from_hidden = functional.linear(hidden, layer.weight[:, :width])
                hidden = SKIP_SCALE * (from_hidden + self._inputs(layer.weight[:, width:], position, code)) + layer.bias
            else:
                hidden = layer(hidden)
        return hidden[..., :3], hidden[..., 3:]

    def _first(self, layer: nn.Module, position: Tensor, code: Tensor) -> Tensor:
        assert isinstance(layer, nn.Linear)
        return self._inputs(layer.weight, position, code) + layer.bias

    def _inputs(self, weight: Tensor, position: Tensor, code: Tensor) -> Tensor:
        """Product of [position, code] with a weight; the code's share is the same for all points of a batch entry."""
        from_code = functional.linear(code, weight[:, self.position_dim :])
        return functional.linear(position, weight[:, : self.position_dim]) + from_code[:, None]
