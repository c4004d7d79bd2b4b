"""Mesh files by extension: binary PLY and OBJ, made for many meshes with the same faces."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dphm_core.errors import OutputError
from dphm_core.files import write_atomically

FloatArray = NDArray[np.float32]
Colours = NDArray[np.uint8]


class MeshEncoder(Protocol):
    """Makes mesh files with the same faces."""

    def __call__(self, vertices: FloatArray, colours: Colours | None = None) -> bytes:
        """Content of the file with vertices (V, 3), and their RGB (V, 3) where there is one."""


PLY_POINT = "property float x\nproperty float y\nproperty float z\n"
PLY_NORMAL = "property float nx\nproperty float ny\nproperty float nz\n"
PLY_COLOUR = "property uchar red\nproperty uchar green\nproperty uchar blue\n"
PLY_FACE = np.dtype([("corners", "u1"), ("vertices", "<i4", 3)])


def ply_encoder(faces: NDArray[np.int32], comment: str = "", normals: bool = False) -> MeshEncoder:
    """Binary little-endian PLY: float vertices, unit normals and byte colours as wanted, faces as lists of three."""
    told = f"comment {comment}\n" if comment else ""
    rows = np.empty(len(faces), dtype=PLY_FACE)
    rows["corners"], rows["vertices"] = 3, faces
    block = rows.tobytes()

    def encode(vertices: FloatArray, colours: Colours | None = None) -> bytes:
        numbers = np.hstack([vertices, _normals(vertices, faces)]) if normals else vertices
        table = np.ascontiguousarray(numbers, dtype="<f4")
        properties = PLY_POINT + (PLY_NORMAL if normals else "")
        if colours is not None:
            table, properties = np.hstack([table.view("u1"), colours]), properties + PLY_COLOUR
        header = (
            f"ply\nformat binary_little_endian 1.0\n{told}"
            f"element vertex {len(vertices)}\n{properties}"
            f"element face {len(faces)}\nproperty list uchar int vertex_indices\nend_header\n"
        )
        return header.encode() + table.tobytes() + block

    return encode


def obj_encoder(faces: NDArray[np.int32], comment: str = "", normals: bool = False) -> MeshEncoder:
    """Wavefront OBJ text: vertices to the micrometre (where the unit is the metre), with unit normals if wanted.

    Colours follow the coordinates, 0 to 1, as many programs read them.
    """
    told = f"# {comment}\n" if comment else ""
    corners = faces + 1  # OBJ counts from 1
    block = (
        _lines("f %d//%d %d//%d %d//%d\n", corners.repeat(2, axis=1)) if normals else _lines("f %d %d %d\n", corners)
    )

    def encode(vertices: FloatArray, colours: Colours | None = None) -> bytes:
        if colours is None:
            points = _lines("v %.6f %.6f %.6f\n", vertices)
        else:
            points = _lines("v %.6f %.6f %.6f %.3f %.3f %.3f\n", np.hstack([vertices, colours / np.float32(255)]))
        turned = _lines("vn %.4f %.4f %.4f\n", _normals(vertices, faces)) if normals else ""
        return (told + points + turned + block).encode()

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
    return _maker(extension)(faces, comment, normals)


def _maker(extension: str) -> EncoderMaker:
    maker = ENCODERS.get(extension.lower())
    if maker is None:
        raise OutputError(f"meshes cannot be written as '{extension}'; choose one of {', '.join(ENCODERS)}")
    return maker


def write_mesh(path: str | Path, vertices: FloatArray, faces: NDArray[np.int32]) -> None:
    """Write one mesh, in the format of the file's extension.

    Parameters
    ----------
    path : str or Path
        ".ply" or ".obj" file.
    vertices : (V, 3) float32
        Any unit and frame; other arrays or lists of real numbers are converted.
    faces : (F, 3) int32
        Vertex indices; other arrays or lists of whole numbers are converted.

    Raises
    ------
    OutputError
        There is no writer for this extension, or the file cannot be written.
    ValueError
        Vertices or faces are no such tables, or a face names a vertex that does not exist.
    """
    from dphm_core.meshing.normals import check_faces  # brings numba, which only this function needs

    file = Path(path)
    make_encoder = _maker(file.suffix)
    points = _rows_of_three("vertices", vertices, "iuf", "real numbers").astype(np.float32)
    corners = _rows_of_three("faces", faces, "iu", "whole numbers")
    check_faces(corners, len(points))
    write_atomically(file, make_encoder(corners.astype(np.int32), "", False)(points))


def _rows_of_three(name: str, given: object, kinds: str, words: str) -> NDArray[Any]:
    """A table (N, 3) of numbers of certain kinds (numpy's letters); ValueError where it is something else."""
    try:
        table = np.asarray(given)
    except ValueError as error:  # numpy's own does not tell whose fault it is
        raise ValueError(f"{name} are rows of three {words}, and these are not equally long") from error
    if table.ndim != 2 or table.shape[1] != 3 or table.dtype.kind not in kinds:
        raise ValueError(f"{name} are rows of three {words}, not {table.dtype} of the shape {table.shape}")
    return table
