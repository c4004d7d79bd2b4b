"""Vertex normals of a mesh, fast enough for every frame."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]


def vertex_normals(vertices: FloatArray, faces: NDArray[np.int32]) -> FloatArray:
    """Average the face normals around each vertex, weighted by area.

    Parameters
    ----------
    vertices : (V, 3) float32
        Any unit and frame.
    faces : (F, 3) int32
        Vertex indices; counter-clockwise seen from outside.

    Returns
    -------
    (V, 3) float32
        Unit normals outwards; zero where a vertex has no face with an area.

    Raises
    ------
    ValueError
        A face names a vertex that does not exist.
    """
    check_faces(faces, len(vertices))
    # Made here, because an array made by a cached kernel has a float32 that is not numpy's own, which vispy trips over.
    normals = np.zeros((len(vertices), 3), dtype=np.float32)
    _accumulate(np.ascontiguousarray(vertices, dtype=np.float32), np.ascontiguousarray(faces, dtype=np.int32), normals)
    return normals


def vertex_normals_reference(vertices: FloatArray, faces: NDArray[np.int32]) -> FloatArray:
    """Answer as `vertex_normals` does, in plain numpy."""
    check_faces(faces, len(vertices))
    a, b, c = np.moveaxis(vertices.astype(np.float64)[faces], 1, 0)
    face_normals = np.cross(b - a, c - a)
    normals = np.zeros((len(vertices), 3))
    for corner in faces.T:
        np.add.at(normals, corner, face_normals)
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    return np.divide(normals, lengths, out=np.zeros_like(normals), where=lengths > 0).astype(np.float32)


def check_faces(faces: NDArray[np.int32], vertex_count: int) -> None:
    """Raise ValueError where a face names a vertex that does not exist."""
    if faces.size and (faces.min() < 0 or faces.max() >= vertex_count):
        raise ValueError(f"faces name vertices {faces.min()} to {faces.max()}, the mesh has {vertex_count}")


@numba.njit(cache=True, nogil=True)
def _accumulate(vertices: FloatArray, faces: NDArray[np.int32], normals: FloatArray) -> None:
    for f in range(len(faces)):
        i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
        ux, uy, uz = (
            vertices[j, 0] - vertices[i, 0],
            vertices[j, 1] - vertices[i, 1],
            vertices[j, 2] - vertices[i, 2],
        )
        vx, vy, vz = (
            vertices[k, 0] - vertices[i, 0],
            vertices[k, 1] - vertices[i, 1],
            vertices[k, 2] - vertices[i, 2],
        )
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx  # twice the area long
        for corner in (i, j, k):
            normals[corner, 0] += nx
            normals[corner, 1] += ny
            normals[corner, 2] += nz
    for v in range(len(vertices)):
        length = np.sqrt(normals[v, 0] ** 2 + normals[v, 1] ** 2 + normals[v, 2] ** 2)
        if length > 0.0:
            normals[v] /= length
