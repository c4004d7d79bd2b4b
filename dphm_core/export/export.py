"""Writes a track's meshes, codes and poses for other programs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dphm_core.export.codes import CODES_ENCODERS, Codes
from dphm_core.export.convention import Convention
from dphm_core.export.folder import CONVENTIONS_FILE, staged_folder
from dphm_core.export.options import CODES_FILES, ExportOptions
from dphm_core.export.plan import Contents, CurrentMesh, check_space, contents, file_size, plan_export
from dphm_core.files import write_atomically
from dphm_core.frames import FloatArray, Similarity
from dphm_core.meshing.writers import MeshEncoder, mesh_encoder
from dphm_core.output.folder import MESH_FOLDER, OutputFolder

if TYPE_CHECKING:
    from dphm_core.jobs import Tell
    from dphm_core.output.saved_track import SavedTrack


@dataclass(frozen=True)
class ExportSummary:
    """What an export wrote."""

    folder: Path
    meshes: int
    files: int
    """All, `conventions.json` among them."""
    bytes: int
    seconds: float

    @property
    def words(self) -> str:
        """In one line, for a user."""
        what = f"{self.meshes} mesh{'es' * (self.meshes != 1)}" if self.meshes else f"{self.files} files"
        return f"{what}, {file_size(self.bytes)} in {self.seconds:.1f} s"


def export_track(
    saved: SavedTrack | None, out: Path, options: ExportOptions, tell: Tell, current: CurrentMesh | None = None
) -> ExportSummary:
    """Write meshes, codes and poses to a folder, which has all of them at the end, or none; for a thread of its own.

    Parameters
    ----------
    saved : SavedTrack or None
        The track; not needed for the mesh on screen alone.
    out : Path
        Folder; gets `meshes/00000.ply` …, named by the frames' indices, `codes.csv`, and `conventions.json`.
    options : ExportOptions
        What is exported and how.
    tell : Tell
        Told of every file.
    current : CurrentMesh, optional
        The mesh on screen, for ``options.meshes == "current"``.

    Raises
    ------
    SettingError
        There is nothing to export.
    OutputError
        The folder cannot take it.
    Cancelled
        By `tell`; an earlier export in the folder is as it was.
    """
    from dphm_core.heads.numerics import prepare_thread

    prepare_thread(1)
    started = perf_counter()
    wanted = contents(saved, options, current)
    tell(0, wanted.files)
    check_space(out, plan_export(saved, None, options, current).bytes)
    with staged_folder(out, options.overwrite) as folder:
        run = _Export(folder, options, tell, wanted.files)
        run.write(saved, wanted)
    return ExportSummary(out, wanted.meshes, run.files, run.bytes, perf_counter() - started)


def export_mesh(
    vertices_cam: FloatArray,
    faces: NDArray[np.int32],
    head_to_cam: Similarity | None,
    path: Path,
    options: ExportOptions,
) -> None:
    """Write one mesh to a file, in the options' space, axes and unit, and in the format of the file's extension.

    Parameters
    ----------
    vertices_cam : (V, 3) float32
        Metres, camera frame.
    faces : (F, 3) int32
        Vertex indices.
    head_to_cam : Similarity or None
        Its pose, which the head's own space needs.
    path : Path
        File to write, all of it or nothing.
    options : ExportOptions
        What its convention is; what to export does not matter.

    Raises
    ------
    OutputError
        There is no writer for this extension, or the file cannot be written.
    """
    convention = Convention.of(options)
    encode = mesh_encoder(path.suffix, faces, convention.words)
    write_atomically(path, encode(convention.points(vertices_cam, head_to_cam)))


class _Export:
    """One export under way."""

    def __init__(self, folder: OutputFolder, options: ExportOptions, tell: Tell, total: int) -> None:
        self.files = self.bytes = 0
        self._folder, self._options, self._tell, self._total = folder, options, tell, total
        self._convention = Convention.of(options)

    def write(self, saved: SavedTrack | None, wanted: Contents) -> None:
        """Write everything; `conventions.json` first, as it is what an export is known by."""
        self._put(CONVENTIONS_FILE, self._convention.to_bytes())
        if wanted.current is not None:
            mesh = wanted.current
            self._put_mesh(mesh.index, mesh.vertices_cam, mesh.head_to_cam, self._encoder(mesh.faces))
        if saved is None:
            return
        encode = self._encoder(saved.faces)
        for row in wanted.mesh_rows:
            vertices_cam = saved.vertices_cam(row)
            assert vertices_cam is not None, "chosen because it has a head"
            self._put_mesh(int(saved.track.frame_index[row]), vertices_cam, saved.pose(row), encode)
        if wanted.code_rows and self._options.codes != "none":
            codes = Codes.of(saved.track, wanted.code_rows, self._convention)
            self._put(CODES_FILES[self._options.codes], CODES_ENCODERS[self._options.codes](codes))

    def _encoder(self, faces: NDArray[np.int32]) -> MeshEncoder:
        return mesh_encoder(f".{self._options.mesh_format}", faces, self._convention.words)

    def _put_mesh(self, index: int, vertices_cam: FloatArray, pose: Similarity | None, encode: MeshEncoder) -> None:
        content = encode(self._convention.points(vertices_cam, pose))
        self._put(f"{MESH_FOLDER}/{index:05d}.{self._options.mesh_format}", content)

    def _put(self, name: str, content: bytes) -> None:
        self._folder.write(name, content)
        self.files, self.bytes = self.files + 1, self.bytes + len(content)
        self._tell(self.files, self._total)
