"""The fewest shapes whose weighted sums are a sequence's meshes, within a bound: its principal components."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dphm_core.meshing.animation import Passes, Shapes

MOST_SHAPES = 64
"""As many as any viewer takes."""
BOUND_M = 1e-4
"""Of the distance of any vertex to where it should be."""
KEPT = 96
"""Directions that are carried from chunk to chunk; more than are used, as the last ones are inexact."""
LADDER = (1, 2, 3, 4, 6, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, MOST_SHAPES)
"""Numbers of shapes that are tried."""

Matrix = NDArray[np.float32]


def principal_shapes(passes: Passes) -> Shapes:
    """Find the shapes of a sequence in two passes over it.

    Parameters
    ----------
    passes : Passes
        Gives the heads, without their poses.

    Returns
    -------
    Shapes
        The fewest on a ladder of numbers whose sums are within `BOUND_M` of every vertex of every sample; `MOST_SHAPES`
        where those do not suffice. Weights are 0 to 1, so their rest is no sample's mesh.
    """
    animation = passes.animation
    directions = _directions(passes)
    weights, worst = _project(passes, directions)
    enough = [count for count in worst if worst[count] * animation.metres_per_unit <= BOUND_M]
    count = min(enough, default=len(directions))
    directions, weights = directions[:count], weights[:, :count]
    least = np.minimum(weights.min(axis=0), 0)
    ranges = np.maximum(weights.max(axis=0), 0) - least
    ranges[ranges == 0] = 1
    return Shapes(
        names=[f"component_{k + 1:02d}" for k in range(count)],
        rest=animation.rest + (least @ directions).reshape(animation.rest.shape),
        offsets=(directions * ranges[:, None]).reshape(count, -1, 3),
        weights=(weights - least) / ranges,
    )


def shapes_error(passes: Passes, shapes: Shapes) -> float:
    """Largest distance of a vertex from where it should be, in the animation's unit, over all samples; one pass."""
    return max(float(np.linalg.norm(heads - shapes.at(part), axis=-1).max()) for part, heads in passes.chunks())


def _directions(passes: Passes) -> Matrix:
    """Orthonormal rows (K, 3V) along which the meshes differ most from the rest, at most `MOST_SHAPES`."""
    rest = passes.animation.rest
    sketch = np.zeros((0, rest.size), dtype=np.float32)
    for _, heads in passes.chunks():
        sketch = _strongest(np.concatenate([sketch, (heads - rest).reshape(len(heads), -1)]))
    orthonormal, _ = np.linalg.qr(sketch[:MOST_SHAPES].T)
    return np.ascontiguousarray(orthonormal.T)


def _strongest(rows: Matrix) -> Matrix:
    """At most `KEPT` orthogonal rows that span nearly what these do, the longest first."""
    values, vectors = np.linalg.eigh((rows @ rows.T).astype(np.float64))
    order = np.argsort(values)[::-1][:KEPT]
    real = order[values[order] > 1e-12 * max(values[order[0]], 1e-30)]
    return (vectors[:, real].T.astype(np.float32)) @ rows if len(real) else rows[:1]


def _project(passes: Passes, directions: Matrix) -> tuple[Matrix, dict[int, float]]:
    """Weights (T, K) of the directions, and by number of directions the largest distance that is left."""
    animation = passes.animation
    weights = np.zeros((len(animation), len(directions)), dtype=np.float32)
    rungs = sorted({count for count in LADDER if count < len(directions)} | {len(directions)})
    worst = dict.fromkeys(rungs, 0.0)
    for part, heads in passes.chunks():
        left = (heads - animation.rest).reshape(len(heads), -1)
        weights[part] = left @ directions.T
        for first, count in zip([0, *rungs], rungs, strict=False):
            left -= weights[part, first:count] @ directions[first:count]
            distance = np.sqrt((left.reshape(len(heads), -1, 3) ** 2).sum(axis=-1).max())
            worst[count] = max(worst[count], float(distance))
    return weights, worst
