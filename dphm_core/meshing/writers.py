"""Mesh files by extension: binary PLY and OBJ, made for many meshes with the same faces."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dphm_core.errors import OutputError
from dphm_core.files import write_atomically

FloatArray = NDArray[np.float32]
MeshEncoder = Callable[[FloatArray], bytes]
"""Vertices (V, 3) → content of a mesh file; the faces are fixed."""

PLY_FACE = np.dtype([("corners", "u1"), ("vertices", "<i4", 3)])


def ply_encoder(faces: NDArray[np.int32], comment: str = "") -> MeshEncoder:
    """Binary little-endian PLY: float vertices, and faces as lists of three ints."""
    told = f"comment {comment}\n" if comment else ""
    rows = np.empty(len(faces), dtype=PLY_FACE)
    rows["corners"], rows["vertices"] = 3, faces
    block = rows.tobytes()

    def encode(vertices: FloatArray) -> bytes:
        header = (
            f"ply\nformat binary_little_endian 1.0\n{told}"
            f"element vertex {len(vertices)}\nproperty float x\nproperty float y\nproperty float z\n"
            f"element face {len(faces)}\nproperty list uchar int vertex_indices\nend_header\n"
        )
        return header.encode() + np.ascontiguousarray(vertices, dtype="<f4").tobytes() + block

    return encode


def obj_encoder(faces: NDArray[np.int32], comment: str = "") -> MeshEncoder:
    """Wavefront OBJ text: vertices to the micrometre (where the unit is the metre)."""
    told = f"# {comment}\n" if comment else ""
    block = _lines("f %d %d %d\n", faces + 1)  # OBJ counts from 1

    def encode(vertices: FloatArray) -> bytes:
        return (told + _lines("v %.6f %.6f %.6f\n", vertices) + block).encode()

    return encode


def _lines(pattern: str, rows: NDArray[np.float32] | NDArray[np.int32]) -> str:
    """One line per row; a single format call is ten times faster than one per row."""
    return (pattern * len(rows)) % tuple(rows.ravel().tolist())


EncoderMaker = Callable[[NDArray[np.int32], str], MeshEncoder]
"""Faces (F, 3), and a line of text that every file carries ("" for none) → encoder."""
ENCODERS: dict[str, EncoderMaker] = {".ply": ply_encoder, ".obj": obj_encoder}
"""Makers of encoders by file extension."""


def mesh_encoder(extension: str, faces: NDArray[np.int32], comment: str = "") -> MeshEncoder:
    """Prepare an encoder for meshes that share `faces`.

    Parameters
    ----------
    extension : str
        ".ply" or ".obj".
    faces : (F, 3) int32
        Vertex indices.
    comment : str
        A line that every file carries, such as what its axes and unit are.

    Raises
    ------
    OutputError
        There is no writer for this extension.
    """
    maker = ENCODERS.get(extension.lower())
    if maker is None:
        raise OutputError(f"meshes cannot be written as '{extension}'; choose one of {', '.join(ENCODERS)}")
    return maker(faces, comment)


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
    from dphm_core.meshing.normals import check_faces  # brings numba, which only this function needs

    check_faces(faces, len(vertices))
    write_atomically(path, mesh_encoder(path.suffix, faces)(vertices))
