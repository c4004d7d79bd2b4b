"""The head model that is trained on scans, with its codebooks and losses (NPHM, MonoNPHM: auto-decoding)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dphm_core.heads.expression import ExpressionField
from dphm_core.heads.identity import IdentityField, asymmetry
from dphm_core.training.scan_config import ScanTrainingConfig
from dphm_core.training.scan_data import ScanBatch

LONGEST_CODE = 1.0
FAR_RATE = 10.0
"""A distance of 0.1 (25 mm) counts as far by 1 - 1/e."""


@dataclass(frozen=True)
class Codes:
    """Codes of B scans."""

    identity: Tensor
    """(B, D)"""
    expression: Tensor
    """(B, E)"""


class ScanHeads(nn.Module):
    """Both fields, an identity code per subject and an expression code per scan.

    Calling it gives the named losses of a batch, so that one call is one forward pass of data-parallel training.
    """

    def __init__(self, config: ScanTrainingConfig, mean_anchors: Tensor, subjects: int, scans: int) -> None:
        super().__init__()
        self.head, self.weights, self.precision = config.head, config.losses, config.precision
        self.identity_field = IdentityField(self.head, mean_anchors)
        self.expression_field = ExpressionField(self.head)
        self.identity_codes = _codebook(subjects, self.head.identity_dim, config.code_norm)
        self.expression_codes = _codebook(scans, self.head.expression_dim, config.code_norm)
        first = self.head.global_dim + self.head.local_dim
        with torch.no_grad():
            self.identity_field.weights[0][:, :, first : first + 3] *= config.position_gain

    def networks(self) -> list[nn.Parameter]:
        """Parameters of the fields."""
        return [*self.identity_field.parameters(), *self.expression_field.parameters()]

    def codebooks(self) -> list[nn.Parameter]:
        """Parameters that are codes."""
        return [*self.identity_codes.parameters(), *self.expression_codes.parameters()]

    @torch.no_grad()
    def shorten_codes(self) -> None:
        """Bring codes back to the longest that is allowed; all of them, so that all processes do the same."""
        for codes in self.codebooks():
            codes.copy_(codes.renorm(2, 0, LONGEST_CODE))

    def codes(self, batch: ScanBatch) -> Codes:
        """Codes of a batch's scans."""
        return Codes(self.identity_codes(batch.subject), self.expression_codes(batch.scan))

    def carry(self, posed: Tensor, codes: Codes) -> tuple[Tensor, Tensor]:
        """Offset (B, N, 3) that brings posed points (B, N, 3) to canonical space, and hyper coordinates (B, N, H)."""
        field = self.expression_field
        with torch.autocast(posed.device.type, torch.bfloat16, enabled=self.precision == "bfloat16"):
            condition = field.condition(codes.identity, self.identity_field.anchors(codes.identity))
            offset, hyper = field(posed, condition, codes.expression)
        return offset.float(), hyper.float()

    def distance(self, posed: Tensor, offset: Tensor, hyper: Tensor, codes: Codes) -> Tensor:
        """Signed distance (B, N) of posed points whose offset is known."""
        return self.identity_field(torch.cat([posed + offset, hyper], dim=-1), codes.identity)

    def forward(self, batch: ScanBatch) -> dict[str, Tensor]:
        """Losses of a batch by name, unweighted; each is a mean over its scans."""
        codes = self.codes(batch)
        points = torch.cat([batch.surface, batch.off_surface], dim=1).requires_grad_()  # (B,N,3)
        offset, hyper = self.carry(points, codes)
        distance = self.distance(points, offset, hyper, codes)  # (B,N)
        (slope,) = torch.autograd.grad(distance.sum(), points, create_graph=True)
        pair_offset, pair_hyper = self.carry(batch.posed, codes)
        count = batch.surface.shape[1]
        offsets, hypers = torch.cat([offset, pair_offset], dim=1), torch.cat([hyper, pair_hyper], dim=1)
        emphasis = 1 + (self.weights.neutral_hyper - 1) * batch.neutral  # (B,)
        return {
            "surface": distance[:, :count].abs().mean(),
            "normals": (slope[:, :count] - batch.normals).norm(dim=-1).mean(),
            "eikonal": (_length(slope) - 1).square().mean(),
            "far": torch.exp(-FAR_RATE * distance[:, count:].abs()).mean(),
            "anchors": (self.identity_field.anchors(codes.identity) - batch.anchors).square().mean(),
            "correspondence": _squared(batch.posed + pair_offset - batch.canonical).mean(),
            "expression_code": _squared(codes.expression).mean(),
            "identity_code": _squared(codes.identity).mean(),
            "symmetry": asymmetry(codes.identity, self.head),
            "hyper": (hypers.abs().sum(dim=-1).mean(dim=1) * emphasis).mean(),
            "offset_random": _squared(offset[:, count:]).mean(),
            "offset_neutral": (_squared(offsets).mean(dim=1) * batch.neutral).mean(),
        }


def total(losses: dict[str, Tensor], weights: dict[str, float]) -> Tensor:
    """Weighted sum of named losses."""
    return torch.stack([weight * losses[name] for name, weight in weights.items()]).sum()


def _codebook(count: int, length: int, norm: float) -> nn.Embedding:
    codebook = nn.Embedding(count, length)
    nn.init.normal_(codebook.weight, std=norm * length**-0.5)
    return codebook


def _squared(vectors: Tensor) -> Tensor:
    return vectors.square().sum(dim=-1)


def _length(vectors: Tensor) -> Tensor:
    """Lengths with a derivative at zero too."""
    return _squared(vectors).clamp_min(1e-12).sqrt()
