"""Reads a saved track: `track.npz` and `meshes/%05d.ply`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dphm_core.errors import DataError
from dphm_core.evaluation.arrays import read_npz
from dphm_core.frames import FloatArray, Similarity

MAX_TABLE_BYTES = 2**30
MAX_MESH_BYTES = 2**28


@dataclass(frozen=True)
class TrackFolder:
    """A saved track; meshes are read one at a time."""

    path: Path
    """The folder."""
    frame_index: NDArray[np.int64]
    """(T,) frame indices in the source."""
    timestamp_s: NDArray[np.float64]
    """(T,) seconds."""
    status: tuple[str, ...]
    """(T,) `TrackStatus` values."""
    rotation: FloatArray
    """(T, 3, 3) head → camera; NaN where there is no pose."""
    translation_m: FloatArray
    """(T, 3) metres, head → camera."""
    scale: float
    """Head → camera."""
    meshes: dict[int, Path]
    """Mesh file by frame index."""

    @classmethod
    def open(cls, path: Path) -> TrackFolder:
        """Read a track's table and list its meshes.

        Raises
        ------
        DataError
            There is no track, it is empty, or it is damaged.
        """
        table = path / "track.npz"
        if not table.is_file():
            raise DataError(f"{path} holds no track (no track.npz); make one with `dphm track`.")
        try:
            track = cls._from(path, read_npz(table, MAX_TABLE_BYTES))
        except (OSError, KeyError, ValueError, TypeError, IndexError) as error:
            raise DataError(f"{table} is not a track ({error}); track the recording again.") from error
        if not track.meshes:
            raise DataError(f"{path} is an empty track: no mesh in meshes/; no head was tracked, see its report.json.")
        return track

    @classmethod
    def _from(cls, path: Path, arrays: dict[str, NDArray[Any]]) -> TrackFolder:
        index = arrays["frame_index"].astype(np.int64)
        rows = {"rotation": (len(index), 3, 3), "translation_m": (len(index), 3), "status": (len(index),)}
        for name, shape in rows.items():
            if arrays[name].shape != shape:
                raise ValueError(f"'{name}' has shape {arrays[name].shape}, not {shape}")
        known = set(index.tolist())
        files = {int(file.stem): file for file in (path / "meshes").glob("*.ply") if file.stem.isdecimal()}
        return cls(
            path,
            index,
            arrays["timestamp_s"].astype(np.float64),
            tuple(str(status) for status in arrays["status"]),
            arrays["rotation"].astype(np.float32),
            arrays["translation_m"].astype(np.float32),
            float(np.ravel(arrays["scale"])[0]),
            {number: files[number] for number in sorted(files) if number in known},
        )

    def pose(self, frame: int) -> Similarity:
        """Head → camera at a frame index."""
        row = int(np.flatnonzero(self.frame_index == frame)[0])
        return Similarity(self.rotation[row], self.translation_m[row], self.scale)

    def each_mesh(self) -> Iterator[tuple[int, FloatArray, NDArray[np.int32]]]:
        """Yield (frame index, vertices (V, 3) in metres and the camera frame, faces (F, 3)) of every mesh, in order."""
        for number in self.meshes:
            yield number, *self.mesh(number)

    def mesh(self, frame: int) -> tuple[FloatArray, NDArray[np.int32]]:
        """Read vertices (V, 3), metres, camera frame, and faces (F, 3) at a frame index; DataError if damaged."""
        return read_ply(self.meshes[frame])


def read_ply(path: Path) -> tuple[FloatArray, NDArray[np.int32]]:
    """Read vertices (V, 3) and triangles (F, 3) as they are in the file.

    Raises
    ------
    DataError
        The file is no triangle mesh.
    """
    import trimesh

    try:
        if path.stat().st_size > MAX_MESH_BYTES:
            raise ValueError(f"larger than {MAX_MESH_BYTES // 2**20} MiB")
        mesh = trimesh.load_mesh(path, process=False)
        vertices, faces = np.asarray(mesh.vertices, np.float32), np.asarray(mesh.faces, np.int32)
        if not len(faces) or not np.isfinite(vertices).all() or faces.min() < 0 or faces.max() >= len(vertices):
            raise ValueError("no triangles, or vertices that are not there or not finite")
    except (OSError, ValueError, KeyError, IndexError, AttributeError, TypeError) as error:
        raise DataError(f"{path} is not a triangle mesh ({error}); track the recording again.") from error
    return vertices, faces
