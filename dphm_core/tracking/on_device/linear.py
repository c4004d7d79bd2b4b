"""Least squares with bounds on a device: `NormalEquations.solve` without a branch."""

from __future__ import annotations

import torch
from torch import Tensor

from dphm_core.tracking.normal_equations import ACTIVE_SET_ROUNDS, DAMPING

DOUBLINGS = 20
"""Steps of the inversion by products: enough for condition numbers up to 10⁴, after scaling; a tracker's have 10²."""


def box_step(
    hessian: Tensor, gradient: Tensor, lower: Tensor, upper: Tensor, rounds: int = ACTIVE_SET_ROUNDS
) -> Tensor:
    """Step (C,) that minimises ½ xᵀ H x + gᵀ x with ``lower ≤ step ≤ upper``, by an active set; all float64.

    Unknowns at a bound keep their place in the system, as rows of the identity. One round is enough without bounds.
    """
    damping = torch.diag(DAMPING * hessian.diagonal().clamp_min(1e-12))
    step = torch.zeros_like(gradient)
    free = torch.ones_like(gradient)
    for _ in range(rounds):
        system = (hessian + damping) * free * free[:, None] + torch.diag(1 - free)
        wanted = free * (-gradient - hessian @ (step * (1 - free)))
        step = free * solve_symmetric(system, wanted) + (1 - free) * step
        inside = (step >= lower) & (step <= upper)
        step = torch.minimum(torch.maximum(step, lower), upper)
        free = free * inside
    return step


def solve_symmetric(system: Tensor, wanted: Tensor) -> Tensor:
    """Solution (C,) of a positive definite system (C, C).

    Devices invert it by products, which CUDA graphs can record; their factorisations wait for the host, or cannot be.
    """
    return solve_by_factors(system, wanted) if system.is_cpu else solve_by_products(system, wanted)


def solve_by_factors(system: Tensor, wanted: Tensor) -> Tensor:
    """By Cholesky's factorisation."""
    factor = torch.linalg.cholesky_ex(system).L
    return torch.cholesky_solve(wanted[:, None], factor)[:, 0]


def solve_by_products(system: Tensor, wanted: Tensor) -> Tensor:
    """By Newton's iteration for the inverse (Schulz 1933), X ← X (2 I − A X), of the system scaled to unit diagonal."""
    scale = system.diagonal().rsqrt()
    scaled = system * scale * scale[:, None]
    twice = 2 * torch.eye(len(system), dtype=system.dtype, device=system.device)
    inverse = torch.eye(len(system), dtype=system.dtype, device=system.device) / scaled.abs().sum(dim=1).amax()
    for _ in range(DOUBLINGS):
        inverse = inverse @ (twice - scaled @ inverse)
    solution = inverse @ (wanted * scale)
    solution = solution + inverse @ (wanted * scale - scaled @ solution)
    return solution * scale
