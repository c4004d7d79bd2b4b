"""Z-buffer rasteriser for triangle meshes: what a camera sees of a mesh, on the CPU and without OpenGL."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

NO_FACE = -1
"""Value of the face image where no triangle is seen."""
EDGE = 1e-5
"""Barycentric tolerance: rounding must not leave cracks between neighbours that share an edge."""


def rasterize(
    screen: NDArray[np.float32], faces: NDArray[np.int32], width: int, height: int, perspective: bool = True
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Draw triangles into a depth image; the nearest wins.

    Parameters
    ----------
    screen : (V, 3) float32
        Pixel coordinates u, v (integers are pixel centres) and depth z > 0 of every vertex. A face with a vertex at
        z ≤ 0 is left out.
    faces : (F, 3) int32
        Vertex indices; both sides are drawn.
    width, height : int
        Image size, pixels.
    perspective : bool
        Interpolate 1/z (a pinhole's image) rather than z (an orthographic view).

    Returns
    -------
    depth : (H, W) float32
        z of the nearest triangle, 0 where there is none.
    face : (H, W) int32
        Index of that triangle, `NO_FACE` where there is none.
    """
    depth = np.full((height, width), np.inf, dtype=np.float32)
    face = np.full((height, width), NO_FACE, dtype=np.int32)
    _draw(np.ascontiguousarray(screen, np.float32), np.ascontiguousarray(faces, np.int32), perspective, depth, face)
    depth[face == NO_FACE] = 0.0
    return depth, face


def barycentric(
    screen: NDArray[np.float32], faces: NDArray[np.int32], face_image: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]:
    """Perspective-correct barycentric coordinates of every covered pixel of a face image.

    Returns
    -------
    pixels : (N, 2) int32
        Columns and rows of covered pixels.
    triangles : (N,) int32
        Face index of each.
    weights : (N, 3) float32
        Barycentric coordinates in the triangle; they sum to 1.
    """
    rows, columns = np.nonzero(face_image != NO_FACE)
    triangles = face_image[rows, columns]
    corners = screen[faces[triangles]].astype(np.float64)  # (N,3,3)
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    edge_ab, edge_ac = b[:, :2] - a[:, :2], c[:, :2] - a[:, :2]
    area = edge_ab[:, 0] * edge_ac[:, 1] - edge_ab[:, 1] * edge_ac[:, 0]
    from_a = np.stack([columns, rows], axis=1) - a[:, :2]
    wb = (from_a[:, 0] * edge_ac[:, 1] - from_a[:, 1] * edge_ac[:, 0]) / area
    wc = (edge_ab[:, 0] * from_a[:, 1] - edge_ab[:, 1] * from_a[:, 0]) / area
    weights = np.stack([1 - wb - wc, wb, wc], axis=1) / corners[:, :, 2]
    weights /= weights.sum(axis=1, keepdims=True)
    return np.stack([columns, rows], axis=1).astype(np.int32), triangles, weights.astype(np.float32)


@numba.njit(cache=True, nogil=True)
def _draw(screen, faces, perspective, depth, face):  # type: ignore[no-untyped-def]
    height, width = depth.shape
    for index in range(faces.shape[0]):
        a, b, c = screen[faces[index, 0]], screen[faces[index, 1]], screen[faces[index, 2]]
        if a[2] <= 0 or b[2] <= 0 or c[2] <= 0:
            continue
        area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
        if area == 0:
            continue
        first_column = max(0, int(np.ceil(min(a[0], b[0], c[0]))))
        last_column = min(width - 1, int(np.floor(max(a[0], b[0], c[0]))))
        first_row = max(0, int(np.ceil(min(a[1], b[1], c[1]))))
        last_row = min(height - 1, int(np.floor(max(a[1], b[1], c[1]))))
        for row in range(first_row, last_row + 1):
            for column in range(first_column, last_column + 1):
                wb = ((column - a[0]) * (c[1] - a[1]) - (row - a[1]) * (c[0] - a[0])) / area
                wc = ((b[0] - a[0]) * (row - a[1]) - (b[1] - a[1]) * (column - a[0])) / area
                wa = 1 - wb - wc
                if wa < -EDGE or wb < -EDGE or wc < -EDGE:
                    continue
                if perspective:
                    z = 1 / (wa / a[2] + wb / b[2] + wc / c[2])
                else:
                    z = wa * a[2] + wb * b[2] + wc * c[2]
                if z < depth[row, column]:
                    depth[row, column] = z
                    face[row, column] = index
