"""Least squares with bounds: accumulate terms, then solve with the expression kept in its box."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatingArray = NDArray[np.floating[Any]]
"""Of either precision."""

ACTIVE_SET_ROUNDS = 4
DAMPING = 1e-6


class NormalEquations:
    """Sum of weighted squared residuals, linearised: ½ xᵀ H x + gᵀ x for a step x."""

    def __init__(self, size: int) -> None:
        self.hessian = np.zeros((size, size))
        self.gradient = np.zeros(size)

    def add(
        self, jacobian: FloatingArray, residual: FloatingArray, weight: FloatingArray,
        columns: NDArray[np.int64] | slice = slice(None),
    ) -> None:  # fmt: skip
        """Add residuals (N,) with Jacobian (N, C) by the unknowns `columns` and weights (N,) = 1/σ²."""
        weighted = jacobian * weight[:, None]
        rows = np.arange(len(self.gradient))[columns]
        self.hessian[np.ix_(rows, rows)] += weighted.T @ jacobian
        self.gradient[rows] += weighted.T @ residual

    def add_diagonal(self, residual: FloatingArray, weight: FloatingArray, columns: NDArray[np.int64] | slice) -> None:
        """Add one residual per unknown of `columns`: their distance (C,) from a target, with weights 1/σ²."""
        rows = np.arange(len(self.gradient))[columns]
        self.hessian[rows, rows] += weight
        self.gradient[rows] += weight * residual

    def solve(self, lower: FloatingArray, upper: FloatingArray) -> NDArray[np.float64]:
        """Step that minimises the sum with ``lower ≤ step ≤ upper`` (infinite where free), by an active set."""
        size = len(self.gradient)
        step = np.zeros(size)
        fixed = np.zeros(size, dtype=bool)
        damping = DAMPING * np.maximum(self.hessian.diagonal(), 1e-12)
        for _ in range(ACTIVE_SET_ROUNDS):
            free = ~fixed
            system = self.hessian[np.ix_(free, free)] + np.diag(damping[free])
            step[free] = np.linalg.solve(system, -self.gradient[free] - self.hessian[np.ix_(free, fixed)] @ step[fixed])
            outside = free & ((step < lower) | (step > upper))
            if not outside.any():
                break
            step = np.clip(step, lower, upper)
            fixed |= outside
        return np.clip(step, lower, upper)

    def gain(self, step: FloatingArray) -> float:
        """By how much a step (C,) lowers the sum, where that is as it was linearised."""
        return float(-(self.gradient + 0.5 * self.hessian @ step) @ step)
