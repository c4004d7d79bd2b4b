"""The identity field with fixed shapes: which expert takes how many rows is told by numbers on the device alone.

`IdentityField` waits for those counts on the host to cut its rows into pieces. Here each expert's rows fill whole
tiles, and every tile brings its expert's weights: a batch of equal products, whatever the queries are. However the rows
fall, no more tiles can be needed than there are.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from dphm_core.heads.identity import IdentityField
from dphm_core.heads.softplus import SOFTPLUS_BETA

TILE = 128
"""Rows per tile: of the official model's 13,500 rows in a step, a fifth is padding."""


class TiledIdentityField(IdentityField):
    """An identity field that never waits for its device."""

    @classmethod
    def of(cls, field: IdentityField, device: torch.device) -> TiledIdentityField:
        """A copy of a field, on a device."""
        copy = cls(field.config, field.mean_anchors)
        copy.load_state_dict(field.state_dict())
        return copy.requires_grad_(False).eval().to(device)

    def _evaluate(self, delta: Tensor, members: Tensor, constants: Tensor, per_batch: int) -> Tensor:
        place, experts = self._tiles(self.expert_of_anchor[members])
        rows = torch.arange(len(delta), device=delta.device)
        codes = torch.div(rows, per_batch, rounding_mode="floor") * constants.shape[1] + members

        def tiled(values: Tensor) -> Tensor:
            empty = values.new_zeros(len(experts) * TILE, values.shape[1])
            return empty.index_copy(0, place, values).view(len(experts), TILE, -1)

        weights = [weight[experts].transpose(1, 2) for weight in self.weights]
        biases = [bias[experts][:, None] for bias in self.biases]
        first = weights[0][:, -delta.shape[1] :]
        hidden = torch.baddbmm(tiled(constants.flatten(0, 1)[codes]), tiled(delta), first) + biases[0]
        for weight, bias in zip(weights[1:], biases[1:], strict=True):
            hidden = torch.baddbmm(bias, functional.softplus(hidden, SOFTPLUS_BETA), weight)
        return hidden.flatten()[place]

    def _tiles(self, experts: Tensor) -> tuple[Tensor, Tensor]:
        """Slot (R,) of each row, whose expert is given (R,), and the expert (T,) of each tile of slots."""
        count = self.config.expert_count
        own = experts[:, None] == torch.arange(count, device=experts.device)  # (R,experts)
        running = own.cumsum(dim=0)
        rank = running.gather(1, experts[:, None])[:, 0] - 1
        tiles = torch.div(running[-1] + TILE - 1, TILE, rounding_mode="floor")
        end = tiles.cumsum(dim=0)
        place = (end - tiles)[experts] * TILE + rank
        numbers = torch.arange(len(experts) // TILE + count, device=experts.device)
        return place, torch.searchsorted(end, numbers, right=True).clamp_max(count - 1)
