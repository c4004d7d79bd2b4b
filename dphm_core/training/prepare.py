"""Packs a checkout of ICT-FaceKit (MIT) into the one file that synthesis and training read.

Its `FaceXModel/` holds one OBJ file per shape: the mean, 100 identity shapes and an expression shape per name; all with
the same vertices. Kept are the mean, and the others' offsets from it in half precision (0.01 mm at a centimetre).
"""

from __future__ import annotations

import io
import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dphm_core.errors import DataError
from dphm_core.files import bytes_in, make_folder, write_atomically
from dphm_core.training.ict import ARRAYS, VERTEX_INDICES

log = logging.getLogger(__name__)

SHAPES = "FaceXModel"
NEUTRAL = "generic_neutral_mesh"
IDENTITY = "identity"
LICENCE = "LICENSE"
MAX_OBJ_BYTES = 64 << 20
"""Its files have 3 MB."""

Done = Callable[[int, int], object]


def prepare(checkout: Path, out: Path, progress: Done | None = None) -> None:
    """Write `ict_facekit.npz`, `vertex_indices.json` and the licence to a folder.

    Parameters
    ----------
    checkout : Path
        The repository's folder, with FaceXModel/ in it.
    out : Path
        Made if need be.
    progress : callable, optional
        Called with the number of shapes read and of all shapes.

    Raises
    ------
    DataError
        A file is missing, is no OBJ file or does not fit the others.
    OutputError
        The folder cannot be written.
    """
    folder = checkout / SHAPES
    names = sorted(path.stem for path in folder.glob("*.obj"))
    identities = [name for name in names if name.startswith(IDENTITY)]
    expressions = [name for name in names if name != NEUTRAL and name not in identities]
    if NEUTRAL not in names or not identities or not expressions or not (folder / VERTEX_INDICES).is_file():
        raise DataError(
            f"{checkout} is no checkout of ICT-FaceKit: {SHAPES}/ should hold {NEUTRAL}.obj, {IDENTITY}000.obj and on, "
            f"expression shapes and {VERTEX_INDICES}; clone github.com/ICT-VGL/ICT-FaceKit"
        )
    neutral, triangles = read_obj(folder / f"{NEUTRAL}.obj")

    def offsets(shapes: list[str], before: int) -> NDArray[np.float16]:
        stacked = np.empty((len(shapes), *neutral.shape), dtype=np.float16)
        for number, shape in enumerate(shapes):
            stacked[number] = _offset(folder / f"{shape}.obj", neutral)
            if progress is not None:
                progress(before + number + 1, len(identities) + len(expressions))
        return stacked

    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        neutral=neutral,
        triangles=triangles,
        identity=offsets(identities, 0),
        expression=offsets(expressions, len(identities)),
        expression_names=np.array(expressions, dtype=np.str_),
    )
    make_folder(out)
    write_atomically(out / ARRAYS, buffer.getvalue())
    write_atomically(out / VERTEX_INDICES, (folder / VERTEX_INDICES).read_bytes())
    if (checkout / LICENCE).is_file():
        write_atomically(out / LICENCE, (checkout / LICENCE).read_bytes())
    log.info("%s: %d identity and %d expression shapes", out, len(identities), len(expressions))


def read_obj(path: Path) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Vertices (V, 3) and triangles (F, 3) of an OBJ file; polygons are split into fans around their first corner.

    Raises
    ------
    DataError
        It cannot be read, or names vertices that it does not have.
    """
    try:
        if bytes_in(path) > MAX_OBJ_BYTES:
            raise ValueError(f"larger than {MAX_OBJ_BYTES >> 20} MiB")
        lines = [line.split() for line in path.read_text(encoding="utf-8", errors="replace").splitlines()]
        vertices = np.array([line[1:4] for line in lines if line[:1] == ["v"]], dtype=np.float32)
        triangles = [triangle for line in lines if line[:1] == ["f"] for triangle in _fan(line[1:])]
        faces = np.array(triangles, dtype=np.int32).reshape(-1, 3)
        if vertices.ndim != 2 or not np.isfinite(vertices).all():
            raise ValueError("no vertices, or not finite ones")
        if faces.size and (faces.min() < 0 or faces.max() >= len(vertices)):
            raise ValueError("its faces name vertices that it does not have")
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read as an OBJ mesh: {error}") from error
    return vertices, faces


def _fan(corners: list[str]) -> list[tuple[int, int, int]]:
    """Triangles of a polygon whose corners are written as vertex/texture/normal, counted from 1."""
    indices = [int(corner.partition("/")[0]) - 1 for corner in corners]
    return [(indices[0], indices[k], indices[k + 1]) for k in range(1, len(indices) - 1)]


def _offset(path: Path, neutral: NDArray[np.float32]) -> NDArray[np.float32]:
    vertices, _ = read_obj(path)
    if vertices.shape != neutral.shape:
        raise DataError(f"{path} has {len(vertices)} vertices, {NEUTRAL}.obj has {len(neutral)}; clone it again")
    return vertices - neutral
