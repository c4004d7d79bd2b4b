"""What a person's face has beyond the head model: a smooth offset of the canonical surface, along its normals.

It is a cubic B-spline over a coarse grid around the face: smooth twice over, linear in its coefficients, bounded by the
largest of them, and zero outside of the grid.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dphm_core.frames import MM_PER_UNIT, FloatArray

if TYPE_CHECKING:
    from scipy.sparse import csr_array

SPACING = 0.024
"""Between nodes, head-frame units (6 mm)."""
LOW = np.array([-0.36, -0.48, -0.144], dtype=np.float32)
SHAPE = (31, 37, 24)
"""Nodes from `LOW` on: the face from the chin to the hairline, without ears and neck."""
BORDER = 3
"""Outermost nodes on every side, which stay zero: a spline reaches so far, and thus ends smoothly within the grid."""
LIMIT = 5.0 / MM_PER_UNIT
"""No offset is larger, head-frame units (5 mm)."""


@dataclass(frozen=True)
class SurfaceOffset:
    """How far a person's surface lies outside of the model's, as a field in canonical space."""

    coefficients: FloatArray
    """`SHAPE`, head-frame units, positive outwards."""

    def __call__(self, points: FloatArray) -> FloatArray:
        """Offsets (N,) at canonical points (N, 3), head-frame units."""
        node, weight = spline_weights(points)
        return (self.coefficients.ravel()[node] * weight).sum(axis=1, dtype=np.float32)

    def on_grid(self, origin: FloatArray, spacing: float, shape: tuple[int, ...]) -> FloatArray:
        """Offsets at the nodes of a grid of this `shape` that begins at `origin` (3,)."""
        values = self.coefficients
        for axis, count in enumerate(shape):
            place = (origin[axis] - LOW[axis] + np.arange(count) * spacing) / SPACING
            node, weight = _axis_weights(place, SHAPE[axis])
            matrix = np.zeros((count, SHAPE[axis]), dtype=np.float32)
            np.put_along_axis(matrix, node, weight, axis=1)
            values = np.moveaxis(np.tensordot(matrix, values, (1, axis)), 0, axis)
        return np.ascontiguousarray(values)

    def plus(self, other: SurfaceOffset | None) -> SurfaceOffset:
        """Both together, within the limit."""
        if other is None:
            return self
        return SurfaceOffset(np.clip(self.coefficients + other.coefficients, -LIMIT, LIMIT))

    def check(self) -> None:
        """Raise `ValueError` where this is no offset of a face."""
        if self.coefficients.shape != SHAPE:
            raise ValueError(f"its offset has {self.coefficients.shape} coefficients instead of {SHAPE}")
        # Stored as float16, the limit itself may come back a little larger.
        if not (np.abs(self.coefficients) <= LIMIT * 1.001).all():
            raise ValueError(f"its offset is more than {LIMIT * MM_PER_UNIT:.0f} mm")


def spline_weights(points: FloatArray) -> tuple[NDArray[np.int64], FloatArray]:
    """Which coefficients (N, 64) make up the offset at canonical points (N, 3), and with which weights (N, 64)."""
    node, weight = np.zeros((len(points), 1), np.int64), np.ones((len(points), 1), np.float32)
    for axis in range(3):
        own_node, own_weight = _axis_weights((points[:, axis] - LOW[axis]) / SPACING, SHAPE[axis])
        node = (node[:, :, None] * SHAPE[axis] + own_node[:, None]).reshape(len(points), -1)
        weight = (weight[:, :, None] * own_weight[:, None]).reshape(len(points), -1)
    return node, weight


def spline_matrix(points: FloatArray) -> csr_array:
    """The same as a sparse matrix (N, all coefficients)."""
    from scipy.sparse import csr_array

    node, weight = spline_weights(points)
    starts = np.arange(len(points) + 1) * node.shape[1]
    return csr_array((weight.ravel(), node.ravel(), starts), shape=(len(points), int(np.prod(SHAPE))))


def node_positions() -> FloatArray:
    """Canonical positions (all coefficients, 3) of the nodes."""
    return np.argwhere(np.ones(SHAPE, dtype=bool)).astype(np.float32) * np.float32(SPACING) + LOW


def _axis_weights(place: NDArray[Any], count: int) -> tuple[NDArray[np.int64], FloatArray]:
    """Uniform cubic B-spline along one axis: nodes (N, 4) and weights (N, 4) at places (N,) in steps.

    Places outside are taken to the border, where the coefficients are zero.
    """
    inside = np.clip(place, 1, count - 2 - 1e-3)
    low = inside.astype(np.int64)
    t = (inside - low)[:, None]
    weight = np.hstack([(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, 3 * (t**2 + t - t**3) + 1, t**3]) / 6
    return low[:, None] + np.arange(-1, 3), weight.astype(np.float32)
