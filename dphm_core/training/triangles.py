"""Points drawn on the triangles of a mesh."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dphm_core.frames import FloatArray

Floats = NDArray[np.floating[Any]]


def triangle_areas(vertices: Floats, faces: NDArray[np.int32]) -> Floats:
    """Areas (F,) of triangles (F, 3) of vertices (V, 3), in their precision."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    return np.asarray(np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2)


def draw_on_triangles(density: Floats, count: int, rng: np.random.Generator) -> tuple[NDArray[np.int64], FloatArray]:
    """Triangle indices (N,) in proportion to `density` (F,) and uniform barycentric coordinates (N, 3) in them.

    Raises
    ------
    ValueError
        No triangle has any density.
    """
    total = density.sum()
    if not total > 0:
        raise ValueError("there is no surface to draw points on")
    triangles = rng.choice(len(density), size=count, p=density / total)
    u, v = np.sqrt(rng.random(count)), rng.random(count)
    return triangles, np.stack([1 - u, u * (1 - v), u * v], axis=1).astype(np.float32)


def blend(values: FloatArray, corners: NDArray[np.int32], weights: FloatArray) -> FloatArray:
    """Values (N, C) at barycentric coordinates (N, 3) of triangles (N, 3) with values (V, C) at their vertices."""
    return np.asarray(np.einsum("nk,nkc->nc", weights, values[corners]), dtype=np.float32)
