"""The bounded least-squares step against scipy's solver."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import lsq_linear

from dphm_core.tracking.normal_equations import NormalEquations

Array = NDArray[np.float64]
WEIGHTS, POSE = 53, 6


def random_terms(rng: np.random.Generator, rows: int, size: int) -> tuple[Array, Array, Array]:
    """A Jacobian whose columns speak more and less clearly, residuals and weights."""
    mixing = rng.standard_normal((size, size)) * np.exp(-np.arange(size) / 15)[:, None]
    return rng.standard_normal((rows, size)) @ mixing, rng.standard_normal(rows), rng.uniform(0.5, 2.0, rows)


def test_without_bounds_the_step_is_that_of_weighted_least_squares() -> None:
    rng = np.random.default_rng(0)
    jacobian, residual, weight = random_terms(rng, 60, 8)
    equations = NormalEquations(8)
    equations.add(jacobian, residual, weight)
    free = np.full(8, np.inf)
    root = np.sqrt(weight)
    expected = np.linalg.lstsq(jacobian * root[:, None], -residual * root, rcond=None)[0]
    np.testing.assert_allclose(equations.solve(-free, free), expected, rtol=1e-3, atol=1e-4)


def test_terms_reach_the_unknowns_that_they_name() -> None:
    columns = np.array([4, 1])
    jacobian, residual = np.array([[1.0, 2.0], [0.0, 3.0]]), np.array([1.0, -1.0])
    equations = NormalEquations(5)
    equations.add(jacobian, residual, np.array([2.0, 1.0]), columns)
    equations.add_diagonal(np.array([0.5]), np.array([7.0]), slice(2, 3))
    dense = np.zeros((3, 5))
    dense[:2, columns], dense[2, 2] = jacobian, 1
    weight, values = np.diag([2.0, 1.0, 7.0]), np.array([1.0, -1.0, 0.5])
    np.testing.assert_allclose(equations.hessian, dense.T @ weight @ dense)
    np.testing.assert_allclose(equations.gradient, dense.T @ weight @ values)


@pytest.mark.parametrize("seed", range(20))
def test_with_bounds_the_step_is_nearly_scipys(seed: int) -> None:
    """Blendshape weights kept in 0..1 and a free pose; an active set of a few rounds comes close to the optimum."""
    rng = np.random.default_rng(seed)
    size = WEIGHTS + POSE
    jacobian, noise, weight = random_terms(rng, 400, size)
    truth = np.where(rng.random(size) < 0.3, rng.uniform(0, 1, size), 0)
    start = np.clip(truth + rng.normal(0, 0.15, size), 0, 1)
    start[WEIGHTS:] = truth[WEIGHTS:] = 0
    residual = jacobian @ (start - truth) + 2 * noise
    equations = NormalEquations(size)
    equations.add(jacobian, residual, weight)
    equations.add_diagonal(start, np.full(size, 4.0), slice(None))
    equations.add_diagonal(np.zeros(size), np.full(size, 40.0), slice(None))
    lower, upper = np.full(size, -np.inf), np.full(size, np.inf)
    lower[:WEIGHTS], upper[:WEIGHTS] = -start[:WEIGHTS], 1 - start[:WEIGHTS]

    step = equations.solve(lower, upper)
    optimum = bounded_optimum(equations, lower, upper)

    assert ((step >= lower) & (step <= upper)).all()
    assert ((optimum < lower + 1e-6) | (optimum > upper - 1e-6)).sum() >= 8, "the bounds should matter here"
    gain, best = -cost(equations, step), -cost(equations, optimum)
    assert gain > 0.97 * best
    assert np.abs(step - optimum).max() < 0.25


def bounded_optimum(equations: NormalEquations, lower: Array, upper: Array) -> Array:
    root = np.linalg.cholesky(equations.hessian)  # ½ xᵀHx + gᵀx = ½ |Lᵀx + L⁻¹g|² + const
    target = -np.linalg.solve(root, equations.gradient)
    solution: Array = lsq_linear(root.T, target, (lower, upper + 1e-9), tol=1e-12).x
    return solution


def cost(equations: NormalEquations, step: Array) -> float:
    return float(0.5 * step @ equations.hessian @ step + equations.gradient @ step)
