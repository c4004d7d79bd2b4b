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


def ply_encoder(faces: NDArray[np.int32], comment: str = "", normals: bool = False) -> MeshEncoder:
    """Binary little-endian PLY: float vertices, with unit normals if wanted, and faces as lists of three ints."""
    told = f"comment {comment}\n" if comment else ""
    properties = "".join(
        f"property float {name}\n" for name in ("x", "y", "z", *(("nx", "ny", "nz") if normals else ()))
    )
    rows = np.empty(len(faces), dtype=PLY_FACE)
    rows["corners"], rows["vertices"] = 3, faces
    block = rows.tobytes()

    def encode(vertices: FloatArray) -> bytes:
        header = (
            f"ply\nformat binary_little_endian 1.0\n{told}"
            f"element vertex {len(vertices)}\n{properties}"
            f"element face {len(faces)}\nproperty list uchar int vertex_indices\nend_header\n"
        )
        table = np.hstack([vertices, _normals(vertices, faces)]) if normals else vertices
        return header.encode() + np.ascontiguousarray(table, dtype="<f4").tobytes() + block

    return encode


def obj_encoder(faces: NDArray[np.int32], comment: str = "", normals: bool = False) -> MeshEncoder:
    """Wavefront OBJ text: vertices to the micrometre (where the unit is the metre), with unit normals if wanted."""
    told = f"# {comment}\n" if comment else ""
    corners = faces + 1  # OBJ counts from 1
    block = (
        _lines("f %d//%d %d//%d %d//%d\n", corners.repeat(2, axis=1)) if normals else _lines("f %d %d %d\n", corners)
    )

    def encode(vertices: FloatArray) -> bytes:
        turned = _lines("vn %.4f %.4f %.4f\n", _normals(vertices, faces)) if normals else ""
        return (told + _lines("v %.6f %.6f %.6f\n", vertices) + turned + block).encode()

    return encode


def _normals(vertices: FloatArray, faces: NDArray[np.int32]) -> FloatArray:
    from dphm_core.meshing.normals import vertex_normals  # brings numba, which meshes without normals do not need

    return vertex_normals(vertices, faces)


def _lines(pattern: str, rows: NDArray[np.float32] | NDArray[np.int32]) -> str:
    """One line per row; a single format call is ten times faster than one per row."""
    return (pattern * len(rows)) % tuple(rows.ravel().tolist())


EncoderMaker = Callable[[NDArray[np.int32], str, bool], MeshEncoder]
"""Faces (F, 3), a line of text that every file carries ("" for none), and whether it has normals → encoder."""
ENCODERS: dict[str, EncoderMaker] = {".ply": ply_encoder, ".obj": obj_encoder}
"""Makers of encoders by file extension."""


def mesh_encoder(extension: str, faces: NDArray[np.int32], comment: str = "", normals: bool = False) -> MeshEncoder:
    """Prepare an encoder for meshes that share `faces`.

    Parameters
    ----------
    extension : str
        ".ply" or ".obj".
    faces : (F, 3) int32
        Vertex indices.
    comment : str
        A line that every file carries, such as what its axes and unit are.
    normals : bool
        Whether vertices have unit normals.

    Raises
    ------
    OutputError
        There is no writer for this extension.
    """
    maker = ENCODERS.get(extension.lower())
    if maker is None:
        raise OutputError(f"meshes cannot be written as '{extension}'; choose one of {', '.join(ENCODERS)}")
    return maker(faces, comment, normals)


def write_mesh(path: str | Path, vertices: FloatArray, faces: NDArray[np.int32]) -> None:
    """Write one mesh, in the format of the file's extension.

    Parameters
    ----------
    path : str or Path
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
    file = Path(path)
    write_atomically(file, mesh_encoder(file.suffix, faces)(vertices))
