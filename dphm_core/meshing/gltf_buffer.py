"""The parts of a GLB file: its numbers, spooled to a file as they come, and what describes them."""

from __future__ import annotations

import json
import shutil
import struct
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from dphm_core.errors import OutputError

HEADER, CHUNK_HEADER = struct.Struct("<4sII"), struct.Struct("<I4s")
VERSION = 2
MOST_BYTES = 2**32 - 1
VERTEX_DATA, INDEX_DATA = 34962, 34963
"""What a view is for: ARRAY_BUFFER and ELEMENT_ARRAY_BUFFER."""
COMPONENTS = {"f4": 5126, "u2": 5123, "u4": 5125}
TYPES = {1: "SCALAR", 3: "VEC3", 4: "VEC4"}
SPARSE_BELOW = 0.7
"""Share of moving vertices up to which only those are kept."""


class GltfBuffer:
    """Collects arrays; each becomes an accessor, known by its number.

    Parameters
    ----------
    file
        Open for writing; gets the binary chunk.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = 0
        self.views: list[dict[str, Any]] = []
        self.accessors: list[dict[str, Any]] = []

    def add(self, values: NDArray[Any], purpose: int | None = None, bounds: bool = False) -> int:
        """Add an accessor.

        Parameters
        ----------
        values : (n,) or (n, 3) or (n, 4) float32, uint16 or uint32
        purpose : int, optional
            `VERTEX_DATA` or `INDEX_DATA`.
        bounds : bool
            Whether the format wants the least and the largest value, as it does of positions and times.
        """
        accessor = {"bufferView": self._view(values, purpose), **self._described(values, bounds)}
        self.accessors.append(accessor)
        return len(self.accessors) - 1

    def add_offsets(self, offsets: NDArray[np.float32], bounds: bool = False) -> int:
        """Add an accessor of offsets (V, 3), of which only those that are not zero are kept where they are few."""
        moving = np.flatnonzero(offsets.any(axis=1))
        if len(moving) > SPARSE_BELOW * len(offsets):
            return self.add(offsets, VERTEX_DATA, bounds)
        accessor = self._described(offsets, bounds)
        if len(moving):
            indices = moving.astype(index_type(len(offsets)))
            accessor["sparse"] = {
                "count": len(moving),
                "indices": {"bufferView": self._view(indices), "componentType": COMPONENTS[indices.dtype.str[1:]]},
                "values": {"bufferView": self._view(offsets[moving])},
            }
        self.accessors.append(accessor)
        return len(self.accessors) - 1

    def _described(self, values: NDArray[Any], bounds: bool) -> dict[str, Any]:
        width = 1 if values.ndim == 1 else values.shape[1]
        told = {"componentType": COMPONENTS[values.dtype.str[1:]], "count": len(values), "type": TYPES[width]}
        if bounds:
            columns = values.reshape(len(values), width)
            told |= {"min": columns.min(axis=0).tolist(), "max": columns.max(axis=0).tolist()}
        return told

    def _view(self, values: NDArray[Any], purpose: int | None = None) -> int:
        content = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<")).tobytes()
        view = {"buffer": 0, "byteOffset": self.size, "byteLength": len(content)}
        self.views.append(view if purpose is None else {**view, "target": purpose})
        padding = -len(content) % 4
        self._file.write(content + bytes(padding))
        self.size += len(content) + padding
        return len(self.views) - 1


def index_type(count: int) -> str:
    """Type for numbers of so many vertices; the largest uint16 has another meaning."""
    return "<u2" if count < 2**16 else "<u4"


def write_glb(path: Path, document: dict[str, Any], buffer: GltfBuffer, spool: Path) -> None:
    """Put a GLB file together.

    Parameters
    ----------
    path : Path
        File to write.
    document : dict
        The scene; buffer, views and accessors are added.
    buffer : GltfBuffer
        What describes the numbers.
    spool : Path
        The numbers.

    Raises
    ------
    OutputError
        The format cannot hold that much.
    """
    whole = {
        **document,
        "buffers": [{"byteLength": buffer.size}],
        "bufferViews": buffer.views,
        "accessors": buffer.accessors,
    }
    text = json.dumps(whole, separators=(",", ":"), allow_nan=False).encode()
    text += b" " * (-len(text) % 4)
    total = HEADER.size + 2 * CHUNK_HEADER.size + len(text) + buffer.size
    if total > MOST_BYTES:
        raise OutputError(f"{path} would take {total / 1e9:.1f} GB, and GLB holds 4.2; choose fewer frames")
    with path.open("wb") as file, spool.open("rb") as numbers:
        file.write(HEADER.pack(b"glTF", VERSION, total))
        file.write(CHUNK_HEADER.pack(len(text), b"JSON") + text)
        file.write(CHUNK_HEADER.pack(buffer.size, b"BIN\0"))
        shutil.copyfileobj(numbers, file)
