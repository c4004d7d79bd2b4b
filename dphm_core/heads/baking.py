"""Bakes a subject's canonical distance to grids: finer around lips and lids than elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch

from dphm_core.frames import FloatArray
from dphm_core.heads.distance import BOX_MAX, BOX_MIN, BakedDistance, NestedDistance, evaluate_field
from dphm_core.heads.identity import IdentityField

COARSENING = 4
"""The network is evaluated at every node only near the surface; elsewhere at every fourth, interpolated between."""
NARROW_BAND = 0.035
"""Distance from the surface (9 mm) within which every node is evaluated."""
FINER_MIN = np.array([[-0.13, -0.33, 0.09], [-0.22, 0.02, 0.07], [0.035, 0.02, 0.07]], dtype=np.float32)
FINER_MAX = np.array([[0.13, -0.105, 0.28], [-0.035, 0.13, 0.175], [0.22, 0.13, 0.175]], dtype=np.float32)
"""Boxes of the mouth and of either eye: they hold the lips and lids of 998 in 1000 heads of the default model."""


class Resolution(NamedTuple):
    """How fine a head is baked; distances between nodes, head-frame units."""

    spacing: float
    finer: float | None
    """Around lips and lids; None for no finer grids."""


LASTING = Resolution(0.01, 0.005)
"""Of heads that are kept. Interpolation is off by 0.04 mm, around lips and lids as elsewhere. One grid of 0.0075 takes
a quarter more time, and is off by 0.08 mm around lips and lids."""
PASSING = Resolution(0.0125, None)
"""Of heads that are not to last: a third of the time."""


def bake(
    field: IdentityField, identity: torch.Tensor, resolution: Resolution = LASTING,
    check: Callable[[], None] = lambda: None,
) -> BakedDistance | NestedDistance:  # fmt: skip
    """Evaluate a subject's canonical distance on grids, near the surface at every node."""

    def baked(low: FloatArray, high: FloatArray, spacing: float) -> BakedDistance:
        values = sample_grid(field, identity, low, high, spacing, check)
        nodes = np.stack([values, *np.gradient(values, spacing)], axis=-1).astype(np.float32)
        return BakedDistance(np.ascontiguousarray(nodes), low, spacing)

    whole = baked(BOX_MIN, BOX_MAX, resolution.spacing)
    if resolution.finer is None:
        return whole
    return NestedDistance(whole, tuple(baked(*box, resolution.finer) for box in zip(FINER_MIN, FINER_MAX, strict=True)))


def sample_grid(
    field: IdentityField, identity: torch.Tensor, low: FloatArray, high: FloatArray, spacing: float,
    check: Callable[[], None] = lambda: None,
) -> FloatArray:  # fmt: skip
    """Distances (X, Y, Z) at the nodes of a grid over a box, hyper coordinates zero.

    The network is evaluated at every node only near the surface.
    """

    def evaluate(points: FloatArray) -> FloatArray:
        return evaluate_field(field, identity, np.pad(points, ((0, 0), (0, field.config.hyper_dim))), check)

    return grid_values(evaluate, low, high, spacing)


def grid_values(
    evaluate: Callable[[FloatArray], FloatArray], low: FloatArray, high: FloatArray, spacing: float
) -> FloatArray:
    """Distances (X, Y, Z) at the nodes of a grid over a box; at every node only near the surface.

    `evaluate` answers (N,) to points (N, 3).
    """
    coarse = spacing * COARSENING
    blocks = np.ceil((high - low) / coarse).astype(int)
    places = np.stack(np.meshgrid(*(np.arange(n + 1) for n in blocks), indexing="ij"), axis=-1).reshape(-1, 3)
    values = _refine(evaluate((places * coarse + low).astype(np.float32)).reshape(blocks + 1))
    # No surface further from a coarse node than half the diagonal of its cell may be missed.
    near = np.nonzero(np.abs(values) < max(NARROW_BAND, coarse * 3**0.5 / 2))
    if len(near[0]):
        values[near] = evaluate((np.stack(near, axis=1) * spacing + low).astype(np.float32))
    return values


def _refine(values: FloatArray) -> FloatArray:
    """Interpolate linearly between the nodes of a coarse grid, `COARSENING` steps each."""
    for axis in range(3):
        fine_count = (values.shape[axis] - 1) * COARSENING + 1
        place = np.arange(fine_count) / COARSENING
        low = np.minimum(place.astype(int), values.shape[axis] - 2)
        part = (place - low).reshape([-1 if k == axis else 1 for k in range(3)])
        values = np.take(values, low, axis) * (1 - part) + np.take(values, low + 1, axis) * part
    return values.astype(np.float32)
