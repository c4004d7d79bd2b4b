"""The terms of the offline loss (REFERENCE section 4), each a pure function; head-frame units (0.25 m).

B frames, N points per frame, L landmarks, P pairs of a frame and one of its neighbours. Terms of single frames are
means over them; those of pairs are one number a pair, since a frame has one or two neighbours.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from dphm_core.diffusion.prior import LatentPrior, Probe


def near_points(distance: Tensor, threshold: float) -> Tensor:
    """Which points (B, N) of signed distances (B, N) count."""
    return distance.detach().abs() < threshold


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean over frames of each frame's mean over the points (B, N) that count; 0 for a frame where none does."""
    counted = torch.where(mask, values, torch.zeros_like(values))
    return (counted.sum(dim=1) / mask.sum(dim=1).clamp_min(1)).mean()


def data_loss(distance: Tensor, near: Tensor) -> Tensor:
    """Mean |signed distance| (B, N) of the near points."""
    return masked_mean(distance.abs(), near)


def normal_loss(gradient: Tensor, normals: Tensor, near: Tensor) -> Tensor:
    """Mean 1 − cosine between the distance's gradient (B, N, 3) and the scan's outward normals (B, N, 3)."""
    return masked_mean(1 - functional.cosine_similarity(gradient, normals, dim=-1), near)


def landmark_loss(canonical: Tensor, anchors: Tensor, seen: Tensor) -> Tensor:
    """Distance, summed over x, y and z, of landmarks (B, L, 3) brought to canonical space from anchors (L, 3).

    `seen` (B, L) tells which landmarks have depth.
    """
    return masked_mean((canonical - anchors).abs().sum(dim=-1), seen)


def code_change(codes: Tensor, neighbours: Tensor) -> Tensor:
    """Squared changes (P,) ‖z_t − z_t±1‖² of codes (P, E)."""
    return (codes - neighbours).square().sum(dim=-1)


def rotation_change(quaternions: Tensor, neighbours: Tensor) -> Tensor:
    """Changes (P,) ‖q_t − q_t±1‖ of unit quaternions (P, 4), of which q and −q are the same rotation."""
    same_side = torch.where((quaternions * neighbours).sum(dim=-1, keepdim=True) < 0, -neighbours, neighbours)
    return torch.linalg.vector_norm(quaternions - same_side, dim=-1)


def translation_change(translations_m: Tensor, neighbours_m: Tensor) -> Tensor:
    """Changes (P,) ‖t_t − t_t±1‖, of translations (P, 3), metres."""
    return torch.linalg.vector_norm(translations_m - neighbours_m, dim=-1)


def norm_loss(codes: Tensor, rest: Tensor, usual: float) -> Tensor:
    """Mean over B codes (B, D) of their squared distance from `rest` (D,), as a multiple of the `usual` one."""
    return (codes - rest).square().sum(dim=-1).mean() / usual


def prior_loss(prior: LatentPrior, codes: Tensor, probe: Probe, form: Literal["denoising", "distillation"]) -> Tensor:
    """Diffusion term of codes (B, D), code b under look b of B.

    Score distillation has a gradient that is no derivative; its figure is given that gradient here.
    """
    if form == "denoising":
        return prior.denoising_loss(codes, probe)
    figure, gradient = prior.score_distillation(codes.detach(), probe)
    linear = (codes * gradient).sum()
    return figure + linear - linear.detach()
