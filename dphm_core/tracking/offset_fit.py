"""Fits a smooth offset to what many frames say of a surface, and tells how much of it holds on other frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dphm_core.frames import MM_PER_UNIT, FloatArray
from dphm_core.heads.offset import BORDER, LIMIT, SHAPE, SPACING, SurfaceOffset, node_positions, spline_matrix
from dphm_core.heads.subject import Subject

OFFSET_SIGMA = 1.5 / MM_PER_UNIT
"""Spread of offsets where nothing is known of them."""
SLOPE_SIGMA = 0.8 / MM_PER_UNIT
"""Spread of the difference from node to node: without it, slopes would go on where nothing is seen."""
REACH = 3.0
"""Steps from the surface within which the offset's nodes are solved for."""


@dataclass(frozen=True)
class Surface:
    """What many frames say of P places on the surface, head-frame units."""

    position: FloatArray
    """(P, 3) canonical."""
    normal: FloatArray
    """(P, 3)"""
    distance: FloatArray
    """(P,) from the model to the true surface, positive outwards."""
    weight: FloatArray
    """(P,) inverse variances."""


class OffsetProblem:
    """Regularised least squares for the offset's coefficients near a subject's surface."""

    def __init__(self, subject: Subject) -> None:
        from scipy.sparse import csr_array, diags_array

        nodes = node_positions()
        near = np.abs(_distance_at(subject, nodes)).reshape(SHAPE) < REACH * SPACING
        free = np.zeros(SHAPE, dtype=bool)
        free[(slice(BORDER, -BORDER),) * 3] = True
        self._free = np.nonzero((near & free).ravel())[0]
        index = np.arange(near.size).reshape(SHAPE)
        # Neighbours along each axis, of which one may be of the border (zero), and none far from the surface.
        pairs = [np.stack([np.delete(index, -1, a), np.delete(index, 0, a)], -1).reshape(-1, 2) for a in range(3)]
        edges = np.concatenate(pairs)
        edges = edges[near.ravel()[edges].all(axis=1)]
        ends = csr_array(
            (np.tile([1.0, -1.0], len(edges)), edges.ravel(), np.arange(len(edges) + 1) * 2), (len(edges), near.size)
        )
        laplacian = (ends.T @ ends).tocsr()[:, self._free]
        self._bending = (laplacian.T @ laplacian).tocsr()
        ridge = diags_array(np.full(len(self._free), OFFSET_SIGMA**-2))
        self._always = (laplacian[self._free] * SLOPE_SIGMA**-2 + ridge).tocsr()

    def solve(self, surface: Surface, bend: float) -> SurfaceOffset:
        """Fit an offset whose second differences spread by `bend`."""
        from scipy.sparse import diags_array
        from scipy.sparse.linalg import cg

        matrix = spline_matrix(surface.position)[:, self._free]
        weighted = matrix.T @ diags_array(surface.weight)
        system = (weighted @ matrix + self._bending * bend**-2 + self._always).tocsr()
        start = diags_array(1 / system.diagonal())
        solution, _ = cg(system, weighted @ surface.distance, rtol=1e-4, maxiter=500, M=start)
        coefficients = np.zeros(int(np.prod(SHAPE)), dtype=np.float32)
        coefficients[self._free] = np.clip(solution, -LIMIT, LIMIT)
        return SurfaceOffset(coefficients.reshape(SHAPE))


def gain(problem: OffsetProblem, surfaces: Sequence[Surface], bend: float) -> float:
    """Share of the squared distances of each half of the frames that an offset of the other half explains."""
    left, all_of_it = 0.0, 0.0
    for made_of, other in (surfaces, surfaces[::-1]):
        offset = problem.solve(made_of, bend)(other.position)
        left += float(other.weight @ (other.distance - offset) ** 2)
        all_of_it += float(other.weight @ other.distance**2)
    return 1 - left / all_of_it


def _distance_at(subject: Subject, points: FloatArray) -> FloatArray:
    return subject.distance(np.pad(points, ((0, 0), (0, subject.model.config.hyper_dim))))[0]
