"""The identity field: a signed distance function in canonical space, blended from small networks around anchors.

Source: NPHM (arXiv 2212.02761, section 3.1) with MonoNPHM's hyper coordinates (arXiv 2312.06740).
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from dphm_core.heads.config import HeadConfig
from dphm_core.heads.softplus import SOFTPLUS_BETA, softplus_

ANCHOR_WIDTH = 64
GLOBAL_DISTANCE = 0.75
"""Distance that the global network, which has no anchor of its own, counts as having (head-frame units)."""
WEIGHT_FLOOR = 1e-8
BLOCK = 1024
"""Rows of an expert that go through its layers together: at the official width they stay in a core's cache."""


class IdentityField(nn.Module):
    """Signed distance of canonical queries to a subject's neutral head, in head-frame units (0.25 m)."""

    mean_anchors: Tensor

    def __init__(self, config: HeadConfig, mean_anchors: Tensor) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("mean_anchors", mean_anchors.float())
        self.anchor_mlp = nn.Sequential(
            nn.Linear(config.global_dim, ANCHOR_WIDTH),
            nn.ReLU(),
            nn.Linear(ANCHOR_WIDTH, ANCHOR_WIDTH),
            nn.ReLU(),
            nn.Linear(ANCHOR_WIDTH, config.anchors * 3),
        )
        widths = [config.global_dim + config.local_dim + 3 + config.hyper_dim]
        widths += [config.identity_width] * config.identity_layers + [1]
        self.weights = nn.ParameterList()
        self.biases = nn.ParameterList()
        for fan_in, fan_out in pairwise(widths):
            bound = fan_in**-0.5
            self.weights.append(nn.Parameter(torch.empty(config.expert_count, fan_out, fan_in).uniform_(-bound, bound)))
            self.biases.append(nn.Parameter(torch.empty(config.expert_count, fan_out).uniform_(-bound, bound)))
        self.register_buffer("expert_of_anchor", _expert_of_anchor(config), persistent=False)
        self.register_buffer("mirror", _mirror(config), persistent=False)

    expert_of_anchor: Tensor
    mirror: Tensor

    def anchors(self, identity: Tensor) -> Tensor:
        """Anchor positions (B, 39, 3) in canonical space of identity codes (B, D)."""
        offsets = self.anchor_mlp(identity[:, : self.config.global_dim])
        return self.mean_anchors + offsets.view(-1, self.config.anchors, 3)

    def forward(self, queries: Tensor, identity: Tensor) -> Tensor:
        """Signed distances.

        Parameters
        ----------
        queries : (B, N, 3 + hyper_dim)
            Canonical points, head-frame units, with their hyper coordinates.
        identity : (B, D)
            Identity codes.

        Returns
        -------
        (B, N) signed distance, positive outside.
        """
        batch, count, _ = queries.shape
        members, delta = self._members(queries[..., :3], self.anchors(identity))
        weights = self._blend_weights(delta)
        hyper = queries[..., None, 3:].expand(-1, -1, members.shape[-1], -1)
        inputs = torch.cat([delta * self.mirror[members], hyper], dim=-1).flatten(0, 2)  # (B*N*(K+1),3+hyper)
        constants = self._conditioning(identity)  # (B,40,width)
        values = self._evaluate(inputs, members.flatten(), constants, count * members.shape[-1])
        return (values.view(batch, count, -1) * weights).sum(dim=-1)

    def reference(self, queries: Tensor, identity: Tensor) -> Tensor:
        """The same (N,) for queries (N, 3 + hyper_dim) of one code (D,), plainly: every expert at every query."""
        anchors = self.anchors(identity[None])  # (1,39,3)
        members, delta = self._members(queries[None, :, :3], anchors)  # (1,N,K+1)
        constants = self._conditioning(identity[None])[0]  # (40,width)
        code_dim = self.config.global_dim + self.config.local_dim
        columns = []
        for member, centre in enumerate(functional.pad(anchors[0], (0, 0, 0, 1))):
            expert = int(self.expert_of_anchor[member])
            x = torch.cat([(queries[:, :3] - centre) * self.mirror[member], queries[:, 3:]], dim=-1)
            hidden = functional.linear(
                x, self.weights[0][expert, :, code_dim:], constants[member] + self.biases[0][expert]
            )
            for weight, bias in zip(self.weights[1:], self.biases[1:], strict=True):
                hidden = functional.linear(functional.softplus(hidden, SOFTPLUS_BETA), weight[expert], bias[expert])
            columns.append(hidden[:, 0])
        values = torch.stack(columns, dim=-1).gather(-1, members[0])  # (N,K+1)
        return (values * self._blend_weights(delta)[0]).sum(dim=-1)

    def expert_sizes(self, queries: Tensor, identity: Tensor) -> list[int]:
        """Rows that each distinct expert evaluates in `forward`."""
        members, _ = self._members(queries[..., :3], self.anchors(identity))
        return torch.bincount(self.expert_of_anchor[members].flatten(), minlength=self.config.expert_count).tolist()

    def _members(self, points: Tensor, anchors: Tensor) -> tuple[Tensor, Tensor]:
        """Anchors (B, N, K+1) whose experts count at points (B, N, 3), the global one last; offsets (B, N, K+1, 3)."""
        nearest = torch.cdist(points, anchors).topk(self.config.neighbours, dim=-1, largest=False).indices  # (B,N,K)
        members = functional.pad(nearest, (0, 1), value=self.config.anchors)  # (B,N,K+1)
        centres = functional.pad(anchors, (0, 0, 0, 1))  # (B,40,3), the global expert's is the origin
        rows = torch.arange(len(points), device=points.device)[:, None, None]
        return members, points[..., None, :] - centres[rows, members]

    def _blend_weights(self, delta: Tensor) -> Tensor:
        """Gaussian weights (B, N, K+1) of the nearest experts and the global one."""
        # The square root's slope is infinite at zero, where a query sits on an anchor.
        local = delta[..., :-1, :].square().sum(dim=-1).clamp_min(1e-12).sqrt()
        sigma = local.amax(dim=-1, keepdim=True) / self.config.blend_std
        distance = torch.cat([local, torch.full_like(local[..., :1], GLOBAL_DISTANCE)], dim=-1)
        weights = torch.exp(-0.5 * (distance / sigma).square())
        return weights / (weights.sum(dim=-1, keepdim=True) + WEIGHT_FLOOR)

    def _conditioning(self, identity: Tensor) -> Tensor:
        """First layer's share (B, 40, width) that depends on the code alone, the same for all queries of an expert."""
        config = self.config
        glob = identity[:, : config.global_dim]
        local = identity[:, config.global_dim :].view(-1, config.anchors + 1, config.local_dim)
        first = self.weights[0][self.expert_of_anchor]  # (40,width,in)
        from_global = torch.einsum("bg,kwg->bkw", glob, first[..., : config.global_dim])
        code_dim = config.global_dim + config.local_dim
        from_local = torch.einsum("bkl,kwl->bkw", local, first[..., config.global_dim : code_dim])
        return from_global + from_local

    def _evaluate(self, delta: Tensor, members: Tensor, constants: Tensor, per_batch: int) -> Tensor:
        """Values (R,) of each row's expert; rows are grouped by expert so that each layer is one matrix product."""
        experts = self.expert_of_anchor[members]
        order = torch.argsort(experts)
        sizes = torch.bincount(experts, minlength=self.config.expert_count).tolist()
        batch_of_row = torch.div(order, per_batch, rounding_mode="floor")
        codes = batch_of_row * constants.shape[1] + members[order]  # row of constants (B*40,width)
        constants = constants.flatten(0, 1)
        pieces = []
        for expert, (x, code) in enumerate(zip(delta[order].split(sizes), codes.split(sizes), strict=True)):
            weights, biases = [weight[expert] for weight in self.weights], [bias[expert] for bias in self.biases]
            weights[0] = weights[0][:, -x.shape[1] :]
            for rows, row_codes in zip(x.split(BLOCK), code.split(BLOCK), strict=True):
                hidden = constants.index_select(0, row_codes).addmm_(rows, weights[0].T)  # (rows,width)
                for weight, bias in zip(weights[1:-1], biases, strict=False):
                    hidden = softplus_(hidden, bias) @ weight.T
                hidden = functional.linear(softplus_(hidden, biases[-2]), weights[-1], biases[-1])
                pieces.append(hidden[:, 0])
        # The derivative of a copy in this order is a plain gather.
        return torch.empty_like(delta[:, 0]).index_copy(0, order, torch.cat(pieces))


def asymmetry(identity: Tensor, config: HeadConfig) -> Tensor:
    """Mean over codes (B, D) and pairs of anchors of the squared difference of their local parts.

    The networks of a pair mirror each other, so that the parts are equal where the head is symmetric.
    """
    local = identity[:, config.global_dim :].unflatten(1, (config.anchors + 1, config.local_dim))
    paired = local[:, : 2 * config.symmetric_pairs]  # (B,2P,L)
    apart = (paired[:, 0::2] - paired[:, 1::2]).square().sum(dim=-1)
    return apart.mean() if config.symmetric_pairs else apart.sum()


def _expert_of_anchor(config: HeadConfig) -> Tensor:
    """Network index (anchors + 1,) of each anchor, pairs shared, the global network last."""
    pairs = torch.arange(config.symmetric_pairs).repeat_interleave(2)
    rest = torch.arange(config.symmetric_pairs, config.expert_count)
    return torch.cat([pairs, rest])


def _mirror(config: HeadConfig) -> Tensor:
    """Factor (anchors + 1, 3) on delta: the odd member of each pair sees x negated."""
    mirror = torch.ones(config.anchors + 1, 3)
    mirror[1 : 2 * config.symmetric_pairs : 2, 0] = -1
    return mirror
