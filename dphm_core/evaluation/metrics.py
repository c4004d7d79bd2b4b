"""Distances from points to a mesh, and what is said about many of them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dphm_core.camera.bands import kernel

NEAREST_VERTICES = 12
"""Vertices around a point whose triangles are tried: exact unless a mesh mixes slivers with far larger triangles."""
RECALL_MM = (1.0, 2.5, 5.0)
NORMAL_AGREES_DEG = 30.0

DoubleArray = NDArray[np.float64]
Vector = tuple[float, float, float]
"""Not an array: numba would allocate one per subtraction."""


@dataclass(frozen=True)
class Spread:
    """Summary of distances, millimetres; NaN where there is none."""

    mean: float
    """Mean."""
    median: float
    """Median."""
    p95: float
    """95 % are smaller."""

    @classmethod
    def of(cls, distances_mm: NDArray[Any]) -> Spread:
        """Summarise (N,) distances; NaNs are left out."""
        known = distances_mm[np.isfinite(distances_mm)]
        if not known.size:
            return cls(np.nan, np.nan, np.nan)
        return cls(float(known.mean()), float(np.median(known)), float(np.quantile(known, 0.95)))

    def as_dict(self) -> dict[str, float]:
        """Return the summary by name."""
        return asdict(self)


def closest_on_mesh(
    points: NDArray[Any], vertices: NDArray[Any], faces: NDArray[Any], nearest: int = NEAREST_VERTICES
) -> tuple[DoubleArray, NDArray[np.int64], DoubleArray]:
    """Find the closest point of a mesh to each point, among the triangles at its nearest vertices.

    Parameters
    ----------
    points : (N, 3)
        Any unit and frame; the mesh has the same.
    vertices : (V, 3)
        Vertices of the mesh; those without a triangle do not count.
    faces : (F, 3) int
        Triangles.
    nearest : int
        How many vertices around a point to try.

    Returns
    -------
    distance : (N,) float64
        To the closest point.
    face : (N,) int64
        Triangle that it lies on.
    barycentric : (N, 3) float64
        Where on the triangle; sums to 1.
    """
    from scipy.spatial import cKDTree

    triangles = np.ascontiguousarray(faces, dtype=np.int64)
    used = np.unique(triangles)
    corners = np.ascontiguousarray(vertices, dtype=np.float64)
    queries = np.ascontiguousarray(points, dtype=np.float64)
    _, around = cKDTree(corners[used]).query(queries, k=np.arange(1, min(nearest, len(used)) + 1))
    starts, incident = _incident_faces(triangles, len(corners))
    distance, face = np.empty(len(queries)), np.empty(len(queries), dtype=np.int64)
    weights = np.empty((len(queries), 3))
    _closest(queries, corners, triangles, used[around], starts, incident, distance, face, weights)
    return distance, face, weights


def on_mesh(values: NDArray[Any], faces: NDArray[Any], face: NDArray[np.int64], weights: DoubleArray) -> DoubleArray:
    """Interpolate (V, C) vertex values at (N,) faces and (N, 3) barycentric coordinates: (N, C)."""
    return np.einsum("nk,nkc->nc", weights, np.asarray(values, dtype=np.float64)[faces[face]])


def recall(distances_mm: NDArray[Any]) -> dict[str, float]:
    """Share of (N,) distances below 1, 2.5 and 5 mm; NaN for no points."""
    return {f"{limit:g}mm": _share(distances_mm < limit) for limit in RECALL_MM}


def normal_agreement(normals: NDArray[Any], others: NDArray[Any]) -> tuple[float, float]:
    """Compare (N, 3) unit normals, whichever way they point.

    Returns
    -------
    (float, float)
        Mean absolute cosine, and the share that differs by less than 30°; NaN for no points.
    """
    cosine = np.abs((normals * others).sum(axis=1))
    mean = float(cosine.mean()) if cosine.size else float("nan")
    return mean, _share(cosine > np.cos(np.radians(NORMAL_AGREES_DEG)))


def rotation_angle_deg(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Angle between two (3, 3) rotations, degrees."""
    chord = np.linalg.norm(np.asarray(a, dtype=np.float64) - np.asarray(b, dtype=np.float64))
    return float(np.degrees(2 * np.arcsin(min(1.0, chord / np.sqrt(8)))))


def _share(condition: NDArray[np.bool_]) -> float:
    return float(condition.mean()) if condition.size else float("nan")


def _incident_faces(faces: NDArray[np.int64], vertex_count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Faces at each vertex v: ``incident[starts[v] : starts[v + 1]]``."""
    order = np.argsort(faces.ravel(), kind="stable")
    starts = np.zeros(vertex_count + 1, dtype=np.int64)
    np.cumsum(np.bincount(faces.ravel(), minlength=vertex_count), out=starts[1:])
    return starts, order // 3


@kernel
def _closest(
    points: DoubleArray,
    vertices: DoubleArray,
    faces: NDArray[np.int64],
    around: NDArray[np.int64],
    starts: NDArray[np.int64],
    incident: NDArray[np.int64],
    distance: DoubleArray,
    face: NDArray[np.int64],
    weights: DoubleArray,
) -> None:
    for n in range(len(points)):
        best, point = np.inf, (points[n, 0], points[n, 1], points[n, 2])
        for v in around[n]:
            for slot in range(starts[v], starts[v + 1]):
                f = incident[slot]
                a = _row(vertices, faces[f, 0])
                ab, ac = _minus(_row(vertices, faces[f, 1]), a), _minus(_row(vertices, faces[f, 2]), a)
                p = _minus(point, a)
                wb, wc = _closest_in_triangle(p, ab, ac)
                gap = (p[0] - wb * ab[0] - wc * ac[0], p[1] - wb * ab[1] - wc * ac[1], p[2] - wb * ab[2] - wc * ac[2])
                squared = _dot(gap, gap)
                if squared < best:
                    best = squared
                    face[n] = f
                    weights[n, 0], weights[n, 1], weights[n, 2] = 1 - wb - wc, wb, wc
        distance[n] = np.sqrt(best)


@kernel
def _closest_in_triangle(p: Vector, ab: Vector, ac: Vector) -> tuple[float, float]:
    """Barycentric coordinates (of b and c) of the point of triangle a, b, c closest to p; all seen from a."""
    bb, bc, cc = _dot(ab, ab), _dot(ab, ac), _dot(ac, ac)
    pb, pc = _dot(p, ab), _dot(p, ac)
    area = bb * cc - bc * bc
    wb, wc = cc * pb - bc * pc, bb * pc - bc * pb
    if area > 0 and wb >= 0 and wc >= 0 and wb + wc <= area:
        return wb / area, wc / area
    along_ab, along_ac = _clamp(pb, bb), _clamp(pc, cc)
    along_bc = _clamp(pc - pb - bc + bb, bb - 2 * bc + cc)
    # squared distances to the three edges, less |p|², which they share
    to_ab = along_ab * (along_ab * bb - 2 * pb)
    to_ac = along_ac * (along_ac * cc - 2 * pc)
    s, t = 1 - along_bc, along_bc
    to_bc = s * s * bb + 2 * s * t * bc + t * t * cc - 2 * (s * pb + t * pc)
    if to_ab <= to_ac and to_ab <= to_bc:
        return along_ab, 0.0
    if to_ac <= to_bc:
        return 0.0, along_ac
    return s, t


@kernel
def _clamp(part: float, whole: float) -> float:
    return min(max(part / whole, 0.0), 1.0) if whole > 0 else 0.0


@kernel
def _row(table: DoubleArray, index: int) -> Vector:
    return table[index, 0], table[index, 1], table[index, 2]


@kernel
def _minus(a: Vector, b: Vector) -> Vector:
    return a[0] - b[0], a[1] - b[1], a[2] - b[2]


@kernel
def _dot(a: Vector, b: Vector) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
