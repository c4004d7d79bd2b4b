"""Writes a track's meshes, codes and poses for other programs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dphm_core.export.animation import animation_of, sequence_convention
from dphm_core.export.codes import CODES_ENCODERS, Codes
from dphm_core.export.colours import RecordedColours
from dphm_core.export.convention import Convention
from dphm_core.export.folder import CONVENTIONS_FILE, HEAD_NAME, MOVED_MESH_FILE, staged_folder
from dphm_core.export.options import CODES_FILES, ExportOptions
from dphm_core.export.plan import Contents, CurrentMesh, check_space, contents, plan_export
from dphm_core.files import file_size, write_atomically
from dphm_core.frames import FloatArray, Similarity
from dphm_core.meshing.formats import animated, left_out
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
    animations: int = 0
    """Files that hold a whole sequence."""
    notes: tuple[str, ...] = ()
    """What a user should know of them."""

    @property
    def words(self) -> str:
        """In one line, for a user."""
        counted = ((self.meshes, "mesh", "es"), (self.animations, "animation", "s"))
        told = [f"{count} {thing}{plural * (count != 1)}" for count, thing, plural in counted if count]
        what = " and ".join(told) or f"{self.files} files"
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
    tell(0, wanted.steps)
    check_space(out, plan_export(saved, None, options, current).bytes)
    with staged_folder(out, options.overwrite) as folder:
        run = _Export(folder, options, tell, wanted.steps)
        run.write(saved, wanted)
    seconds = perf_counter() - started
    notes = (*left_out(options.mesh_format), *run.notes, *options.unmet)
    return ExportSummary(out, wanted.meshes, run.files, run.bytes, seconds, len(wanted.animations), notes)


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
    encode = mesh_encoder(path.suffix, faces, convention.words, options.normals)
    write_atomically(path, encode(convention.points(vertices_cam, head_to_cam)))


class _Export:
    """One export under way."""

    def __init__(self, folder: OutputFolder, options: ExportOptions, tell: Tell, steps: int) -> None:
        self.files = self.bytes = 0
        self.notes: list[str] = []
        self._folder, self._options, self._tell, self._steps = folder, options, tell, steps
        self._done = 0
        self._convention = Convention.of(options)

    def write(self, saved: SavedTrack | None, wanted: Contents) -> None:
        """Write everything; `conventions.json` first, as it is what an export is known by."""
        self._put(CONVENTIONS_FILE, self._convention.to_bytes(self._animations_facts(wanted)))
        if wanted.current is not None:
            mesh = wanted.current
            points = self._convention.points(mesh.vertices_cam, mesh.head_to_cam)
            for name, encode in self._encoders(mesh.faces).items():
                self._put(f"{MESH_FOLDER}/{mesh.index:05d}.{name}", encode(points))
        if saved is None:
            return
        if wanted.mesh_rows and self._options.colours is not None:
            with RecordedColours(self._options.colours, self._options.frames) as recorded:
                self._put_meshes(saved, wanted.mesh_rows, recorded)
            self.notes += filter(None, [recorded.note])
        else:
            self._put_meshes(saved, wanted.mesh_rows)
        for name in wanted.animations:
            self._put_animation(name, saved, wanted.animated_rows)
        if wanted.moved_mesh:
            self._put_moved_mesh(saved, wanted)
        for layout in wanted.codes:
            codes = Codes.of(saved.track, wanted.code_rows, self._convention)
            self._put(CODES_FILES[layout], CODES_ENCODERS[layout](codes))

    def _encoders(self, faces: NDArray[np.int32]) -> dict[str, MeshEncoder]:
        words, normals = self._convention.words, self._options.normals
        return {name: mesh_encoder(f".{name}", faces, words, normals) for name in self._options.frame_formats}

    def _put_meshes(self, saved: SavedTrack, rows: list[int], recorded: RecordedColours | None = None) -> None:
        encoders = self._encoders(saved.faces)
        for row in rows:
            index, vertices_cam, pose = int(saved.track.frame_index[row]), saved.vertices_cam(row), saved.pose(row)
            assert vertices_cam is not None, "chosen because it has a head"
            points = self._convention.points(vertices_cam, pose)
            colours = None if recorded is None else recorded.of(index, vertices_cam, saved.faces)
            for name, encode in encoders.items():
                self._put(f"{MESH_FOLDER}/{index:05d}.{name}", encode(points, colours))

    def _put_animation(self, name: str, saved: SavedTrack, rows: list[int]) -> None:
        """Write a whole sequence; it counts as many steps as it has frames."""
        sequence, before = animated(name), self._done
        convention = sequence_convention(sequence, self._options)
        if convention != self._convention:
            self.notes.append(
                f"{name.upper()}: {convention.axes}, unit {convention.unit}, as it cannot have what was asked for"
            )

        def tell(done: int, total: int | None) -> None:
            self._tell(before + done * len(rows) // (total or done), self._steps)

        with self._folder.writing(f"{HEAD_NAME}.{name}") as path:
            self.notes += sequence.write(animation_of(saved, rows, self._options, sequence), path, tell)
            size = path.stat().st_size
        self._count(size, len(rows))

    def _put_moved_mesh(self, saved: SavedTrack, wanted: Contents) -> None:
        """Write the mesh that point caches move, as it is in their first frame; its normals would not move along."""
        cache = next(animated(name) for name in wanted.animations if animated(name).needs_mesh)
        first = animation_of(saved, wanted.animated_rows, self._options, cache).placed(0)
        self._put(MOVED_MESH_FILE, mesh_encoder(".obj", saved.faces, self._convention.words)(first))

    def _animations_facts(self, wanted: Contents) -> dict[str, dict[str, str]]:
        told = {name: sequence_convention(animated(name), self._options) for name in wanted.animations}
        return {f"{HEAD_NAME}.{name}": {"axes": entry.axes, "unit": entry.unit} for name, entry in told.items()}

    def _put(self, name: str, content: bytes) -> None:
        self._folder.write(name, content)
        self._count(len(content), 1)

    def _count(self, size: int, steps: int) -> None:
        self.files, self.bytes, self._done = self.files + 1, self.bytes + size, self._done + steps
        self._tell(self._done, self._steps)
