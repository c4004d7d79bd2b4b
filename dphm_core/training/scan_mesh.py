"""Meshes and arrays of training scans: read without trust, with what is wrong told by file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dphm_core.errors import DataError
from dphm_core.files import bytes_in
from dphm_core.meshing.normals import check_faces

MAX_MESH_BYTES = 2 << 30
"""NPHM's scans have 3.5 million triangles and 100 MB."""
MAX_ARRAY_BYTES = 1 << 20


@dataclass(frozen=True)
class Mesh:
    """Triangles, outward by the right-hand rule where the file's are."""

    vertices: NDArray[Any]
    """(V, 3); float64 as read, float32 in the head frame."""
    faces: NDArray[np.int32]
    """(F, 3)"""


def read_mesh(path: Path) -> Mesh:
    """Read a triangle mesh, its vertices (float64) in the file's order.

    Raises
    ------
    DataError
        It cannot be read, is empty, has no triangles, vertices that are not finite or faces beyond its vertices.
    """
    import trimesh

    try:
        if bytes_in(path) > MAX_MESH_BYTES:
            raise ValueError(f"larger than {MAX_MESH_BYTES >> 30} GiB")
        # Order is kept, because registrations correspond by vertex index.
        read: Any = trimesh.load(path, force="mesh", process=False, maintain_order=True, skip_materials=True)
        vertices, faces = np.asarray(read.vertices, dtype=np.float64), np.asarray(read.faces)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error
    except Exception as error:  # whatever a parser trips over in a damaged file
        raise DataError(f"{path} is no mesh that can be read ({error}); export it again") from error
    if not vertices.size or not faces.size:
        raise DataError(f"{path} holds no triangles; export it as a triangle mesh, point clouds are not taken")
    if not np.isfinite(vertices).all():
        bad = int((~np.isfinite(vertices)).any(axis=1).sum())
        raise DataError(f"{path} has {bad} vertices that are not finite numbers; remove them and export it again")
    try:
        check_faces(faces, len(vertices))
    except ValueError as error:
        raise DataError(f"{path} is damaged: {error}; export it again") from error
    return Mesh(vertices, faces.astype(np.int32))


def read_array(path: Path, fits: Callable[[tuple[int, ...]], object]) -> NDArray[np.float64]:
    """Read a small .npy file of finite numbers whose shape `fits`.

    Raises
    ------
    DataError
        It is missing, no such file, or of another shape.
    """
    try:
        if bytes_in(path) > MAX_ARRAY_BYTES:
            raise ValueError(f"larger than {MAX_ARRAY_BYTES >> 20} MiB")
        array = np.load(path, mmap_mode="r", allow_pickle=False)  # mapped: a header may claim more than is there
        if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiu":
            raise ValueError("it holds no array of numbers")
        if not fits(array.shape):
            raise ValueError(f"its shape is {array.shape}")
        numbers = np.array(array, dtype=np.float64)
        if not np.isfinite(numbers).all():
            raise ValueError("it holds numbers that are not finite")
    except FileNotFoundError as error:
        raise DataError(f"{path} is missing") from error
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path} cannot be used: {error}") from error
    return numbers
