"""A subject's canonical signed distance with gradient: baked to grids, or straight from the network.

A grid holds three coordinates, so a model with hyper coordinates keeps the network.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numba
import numpy as np
import torch
from numpy.typing import NDArray

from dphm_core.frames import FloatArray
from dphm_core.heads.identity import IdentityField
from dphm_core.heads.offset import SurfaceOffset

BOX_MIN = np.array([-0.44, -0.56, -0.42], dtype=np.float32)
BOX_MAX = np.array([0.44, 0.56, 0.42], dtype=np.float32)
"""Box of the grid, head-frame units: the face, the ears and the front of the skull."""
OFFSET_SPACING = 0.0075
"""Distance between the nodes of an offset's own grid, head-frame units (1.9 mm)."""
CHUNK = 8192
"""Queries per network call: keeps memory bounded and the working set in cache."""
GRADIENT_CHUNK = 4096
"""The same where every layer's state is kept for the way back."""


class DistanceFunction(Protocol):
    """Signed distance of canonical queries."""

    def __call__(self, queries: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Distance (N,) and gradient (N, Q) at queries (N, Q), head-frame units."""
        ...


def evaluate_field(
    field: IdentityField, identity: torch.Tensor, queries: FloatArray, check: Callable[[], None] = lambda: None
) -> FloatArray:
    """Signed distances (N,) of queries (N, Q) by the network, in bounded memory; `check` is called per chunk."""
    out = np.empty(len(queries), dtype=np.float32)
    with torch.no_grad():
        for start in range(0, len(queries), CHUNK):
            check()
            chunk = torch.from_numpy(np.ascontiguousarray(queries[start : start + CHUNK]))
            out[start : start + CHUNK] = field(chunk[None], identity[None])[0].numpy()
    return out


@dataclass(frozen=True)
class FieldDistance:
    """The network itself; the plain counterpart of the grid, and the only choice with hyper coordinates."""

    field: IdentityField
    identity: torch.Tensor

    def __call__(self, queries: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Distance (N,) and gradient (N, Q), by one pass forward and one back, in bounded memory."""
        values, gradient = np.empty(len(queries), np.float32), np.empty(queries.shape, np.float32)
        for start in range(0, len(queries), GRADIENT_CHUNK):
            part = slice(start, start + GRADIENT_CHUNK)
            with torch.enable_grad():
                points = torch.from_numpy(np.ascontiguousarray(queries[part])).requires_grad_()
                distance = self.field(points[None], self.identity[None])[0]
                gradient[part] = torch.autograd.grad(distance.sum(), points)[0].numpy()
            values[part] = distance.detach().numpy()
        return values, gradient


@dataclass(frozen=True)
class BakedDistance:
    """Value and gradient at the nodes of a grid, interpolated linearly between them."""

    nodes: FloatArray
    """(X, Y, Z, 4): distance and its gradient."""
    origin: FloatArray
    """(3,) position of the first node."""
    spacing: float

    @property
    def end(self) -> FloatArray:
        """(3,) position of the last node."""
        return np.asarray(self.origin + (np.array(self.nodes.shape[:3]) - 1) * self.spacing, dtype=np.float32)

    def holds(self, queries: FloatArray) -> NDArray[np.bool_]:
        """Which queries (N, 3) lie inside the box: (N,)."""
        return np.asarray(((queries >= self.origin) & (queries < self.end)).all(axis=1))

    def __call__(self, queries: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Distance (N,) and gradient (N, 3); queries outside the box take the value on its border."""
        values = _look_up(self.nodes, self.origin, 1 / self.spacing, np.ascontiguousarray(queries, dtype=np.float32))
        return values[:, 0], values[:, 1:]

    def reference(self, queries: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The same in plain numpy."""
        limit = np.array(self.nodes.shape[:3]) - 1
        place = np.clip((queries - self.origin) / self.spacing, 0, limit - 1e-3)
        low = place.astype(int)
        part = place - low
        total = np.zeros((len(queries), 4))
        for corner in np.ndindex(2, 2, 2):
            weight = np.prod(np.where(corner, part, 1 - part), axis=1)
            total += weight[:, None] * self.nodes[tuple((low + corner).T)]
        return total[:, 0].astype(np.float32), total[:, 1:].astype(np.float32)


@dataclass(frozen=True)
class NestedDistance:
    """A grid of everything, with finer ones for the places where every half millimetre counts."""

    whole: BakedDistance
    finer: tuple[BakedDistance, ...]

    def __call__(self, queries: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Distance (N,) and gradient (N, 3), each of the finest grid that holds the query (N, 3)."""
        values, gradient = self.whole(queries)
        for grid in self.finer:
            inside = grid.holds(queries)
            values[inside], gradient[inside] = grid(queries[inside])
        return values, gradient


@dataclass(frozen=True)
class ShiftedDistance:
    """Any distance less an offset: the surface is moved outwards by as much."""

    distance: DistanceFunction
    offset: BakedDistance

    def __call__(self, queries: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Distance (N,) and gradient (N, Q) at queries (N, Q), of which the first three coordinates are the place."""
        values, gradient = self.distance(queries)
        by, slope = self.offset(queries[:, :3])
        return values - by, gradient - np.pad(slope, ((0, 0), (0, queries.shape[1] - 3)))


def shifted(distance: DistanceFunction, offset: SurfaceOffset) -> DistanceFunction:
    """Move a distance's surface outwards by an offset: on the grids where there are some."""
    if isinstance(distance, BakedDistance):
        return _shifted_grid(distance, offset)
    if isinstance(distance, NestedDistance):
        whole, *finer = (_shifted_grid(grid, offset) for grid in (distance.whole, *distance.finer))
        return NestedDistance(whole, tuple(finer))
    shape = tuple(np.ceil((BOX_MAX - BOX_MIN) / OFFSET_SPACING).astype(int) + 1)
    return ShiftedDistance(distance, _offset_nodes(offset, BOX_MIN, OFFSET_SPACING, shape))


def _shifted_grid(grid: BakedDistance, offset: SurfaceOffset) -> BakedDistance:
    by = _offset_nodes(offset, grid.origin, grid.spacing, grid.nodes.shape[:3])
    return BakedDistance(grid.nodes - by.nodes, grid.origin, grid.spacing)


def _offset_nodes(offset: SurfaceOffset, origin: FloatArray, spacing: float, shape: tuple[int, ...]) -> BakedDistance:
    values = offset.on_grid(origin, spacing, shape)
    return BakedDistance(np.stack([values, *np.gradient(values, spacing)], axis=-1), origin, spacing)


@numba.njit(cache=True, nogil=True, fastmath=True)
def _look_up(nodes, origin, inverse_spacing, queries):  # type: ignore[no-untyped-def]
    result = np.empty((queries.shape[0], 4), dtype=np.float32)
    low = np.empty(3, dtype=np.int64)
    part = np.empty(3, dtype=np.float32)
    for n in range(queries.shape[0]):
        for axis in range(3):
            limit = nodes.shape[axis] - 1.001
            place = min(max((queries[n, axis] - origin[axis]) * inverse_spacing, 0.0), limit)
            low[axis] = int(place)
            part[axis] = place - low[axis]
        for channel in range(4):
            total = 0.0
            for i in range(2):
                wx = part[0] if i else 1 - part[0]
                for j in range(2):
                    wy = part[1] if j else 1 - part[1]
                    for k in range(2):
                        wz = part[2] if k else 1 - part[2]
                        total += wx * wy * wz * nodes[low[0] + i, low[1] + j, low[2] + k, channel]
            result[n, channel] = total
    return result
