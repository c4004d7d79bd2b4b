"""Mesh files by extension: binary PLY and OBJ, made for many meshes with the same faces."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dphm_core.errors import OutputError
from dphm_core.files import write_atomically
from dphm_core.meshing.normals import check_faces

FloatArray = NDArray[np.float32]
MeshEncoder = Callable[[FloatArray], bytes]
"""Vertices (V, 3) → content of a mesh file; the faces are fixed."""

PLY_FACE = np.dtype([("corners", "u1"), ("vertices", "<i4", 3)])


def ply_encoder(faces: NDArray[np.int32]) -> MeshEncoder:
    """Binary little-endian PLY: float vertices, and faces as lists of three ints."""
    rows = np.empty(len(faces), dtype=PLY_FACE)
    rows["corners"], rows["vertices"] = 3, faces
    block = rows.tobytes()

    def encode(vertices: FloatArray) -> bytes:
        header = (
            "ply\nformat binary_little_endian 1.0\n"
            f"element vertex {len(vertices)}\nproperty float x\nproperty float y\nproperty float z\n"
            f"element face {len(faces)}\nproperty list uchar int vertex_indices\nend_header\n"
        )
        return header.encode() + np.ascontiguousarray(vertices, dtype="<f4").tobytes() + block

    return encode


def obj_encoder(faces: NDArray[np.int32]) -> MeshEncoder:
    """Wavefront OBJ text: vertices to the micrometre (where the unit is the metre)."""
    block = _lines("f %d %d %d\n", faces + 1)  # OBJ counts from 1

    def encode(vertices: FloatArray) -> bytes:
        return (_lines("v %.6f %.6f %.6f\n", vertices) + block).encode()

    return encode


def _lines(pattern: str, rows: NDArray[np.float32] | NDArray[np.int32]) -> str:
    """One line per row; a single format call is ten times faster than one per row."""
    return (pattern * len(rows)) % tuple(rows.ravel().tolist())


ENCODERS: dict[str, Callable[[NDArray[np.int32]], MeshEncoder]] = {".ply": ply_encoder, ".obj": obj_encoder}
"""Makers of encoders by file extension."""


def mesh_encoder(extension: str, faces: NDArray[np.int32]) -> MeshEncoder:
    """Prepare an encoder for meshes that share `faces`.

    Parameters
    ----------
    extension : str
        ".ply" or ".obj".
    faces : (F, 3) int32
        Vertex indices.

    Raises
    ------
    OutputError
        There is no writer for this extension.
    """
    maker = ENCODERS.get(extension.lower())
    if maker is None:
        raise OutputError(f"meshes cannot be written as '{extension}'; choose one of {', '.join(ENCODERS)}")
    return maker(faces)


def write_mesh(path: Path, vertices: FloatArray, faces: NDArray[np.int32]) -> None:
    """Write one mesh, in the format of the file's extension.

    Parameters
    ----------
    path : Path
        ".ply" or ".obj" file.
    vertices : (V, 3) float32
        Any unit and frame.
    faces : (F, 3) int32
        Vertex indices.

    Raises
    ------
    OutputError
        There is no writer for this extension, or the file cannot be written.
    ValueError
        A face names a vertex that does not exist.
    """
    check_faces(faces, len(vertices))
    write_atomically(path, mesh_encoder(path.suffix, faces)(vertices))
