"""Reads a saved track: `track.npz` and the meshes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dphm_core.errors import DataError
from dphm_core.files import bytes_in
from dphm_core.frames import FloatArray, Similarity
from dphm_core.output.folder import MESH_FOLDER, MESH_NAME, TRACK_FILE
from dphm_core.output.track_file import Track, load_track

MAX_MESH_BYTES = 2**28


@dataclass(frozen=True)
class TrackFolder:
    """A saved track; meshes are read one at a time."""

    path: Path
    """The folder."""
    table: Track
    """Content of `track.npz`."""
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
        if not (path / TRACK_FILE).is_file():
            raise DataError(f"{path} holds no track (no {TRACK_FILE}); make one with `dphm track`.")
        table = load_track(path / TRACK_FILE)
        known = set(table.frame_index.tolist())
        folder = path / MESH_FOLDER
        found = folder.iterdir() if folder.is_dir() else ()
        files = {int(file.stem): file for file in found if MESH_NAME.fullmatch(file.name)}
        meshes = {number: files[number] for number in sorted(files) if number in known}
        if not meshes:
            raise DataError(
                f"{path} is an empty track: {MESH_FOLDER}/ has no mesh of any frame in {TRACK_FILE}; track again."
            )
        return cls(path, table, meshes)

    def pose(self, frame: int) -> Similarity:
        """Head → camera at the index of a frame of the track."""
        row = self.table.row_of(frame)
        assert row is not None, "asked for only where there is a mesh"
        return self.table.pose(row)

    def each_mesh(self) -> Iterator[tuple[int, FloatArray, NDArray[np.int32]]]:
        """Yield (frame index, vertices (V, 3) in metres and the camera frame, faces (F, 3)) of every mesh, in order."""
        for number in self.meshes:
            yield number, *self.mesh(number)

    def mesh(self, frame: int) -> tuple[FloatArray, NDArray[np.int32]]:
        """Read vertices (V, 3), metres, camera frame, and faces (F, 3) at a frame index; DataError if damaged."""
        return read_mesh(self.meshes[frame])


def read_mesh(path: Path) -> tuple[FloatArray, NDArray[np.int32]]:
    """Read vertices (V, 3) and triangles (F, 3) of a .ply or .obj file as they are in it.

    Raises
    ------
    DataError
        The file is no triangle mesh.
    """
    import trimesh

    try:
        if bytes_in(path) > MAX_MESH_BYTES:
            raise ValueError(f"larger than {MAX_MESH_BYTES // 2**20} MiB")
        mesh = trimesh.load_mesh(path, process=False, skip_materials=True)
        vertices, faces = np.asarray(mesh.vertices, np.float32), np.asarray(mesh.faces, np.int32)
        if not len(faces) or not np.isfinite(vertices).all() or faces.min() < 0 or faces.max() >= len(vertices):
            raise ValueError("no triangles, or vertices that are not there or not finite")
    except (OSError, ValueError, KeyError, IndexError, AttributeError, TypeError) as error:
        raise DataError(f"{path} is not a triangle mesh ({error}); track the recording again.") from error
    return vertices, faces
