"""What an export will write, known before it begins: which frames, how many files, how large."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dphm_core.errors import OutputError, SettingError
from dphm_core.export.animation import animation_of
from dphm_core.export.codes import CODES_ENCODERS, Codes, codes_formats
from dphm_core.export.convention import UNITS, Convention
from dphm_core.export.folder import free_name, is_empty
from dphm_core.export.options import CodesFormat, ExportOptions
from dphm_core.files import file_size
from dphm_core.frames import UNITS_PER_METRE, FloatArray, Similarity
from dphm_core.meshing.formats import animated, missing_library
from dphm_core.meshing.writers import mesh_encoder

if TYPE_CHECKING:
    from dphm_core.output.saved_track import SavedTrack

SPARE_BYTES = 50 << 20
"""Left free on a disk: what is to be written is known by and large only."""
SAMPLED_ROWS = 5


@dataclass(frozen=True)
class CurrentMesh:
    """The mesh on screen."""

    index: int
    """Of its frame in the source."""
    vertices_cam: FloatArray
    """(V, 3) float32, metres, camera frame."""
    faces: NDArray[np.int32]
    """(F, 3)"""
    head_to_cam: Similarity


@dataclass(frozen=True)
class ExportPlan:
    """What an export comes to."""

    meshes: int
    files: int
    """All, `conventions.json` among them."""
    bytes: int
    """By and large."""
    folder_in_use: bool = False
    """Whether something lies in the folder."""
    other_folder: Path | None = None
    """One beside it that is not there yet, where it is in use."""

    @property
    def words(self) -> str:
        """In one line, for a user."""
        return f"{self.files} files, about {file_size(self.bytes)}"


@dataclass(frozen=True)
class Contents:
    """What is to be written."""

    mesh_rows: list[int]
    """Rows of the track with a head, whose meshes are wanted."""
    code_rows: list[int]
    """Rows of the track whose codes are wanted, with or without a head."""
    current: CurrentMesh | None
    """The mesh on screen, where it is wanted."""
    frame_formats: list[str]
    """Each with a file for every mesh."""
    codes: list[CodesFormat]
    """Each with a file for all rows."""
    animations: list[str]
    """Formats that are wanted as one file, as far as there is a head to move."""
    animated_rows: list[int]
    """Rows of the track that they hold, with or without a head."""

    @property
    def meshes(self) -> int:
        """How many files of one mesh."""
        return (len(self.mesh_rows) + (self.current is not None)) * len(self.frame_formats)

    @property
    def moved_mesh(self) -> bool:
        """Whether a mesh lies beside animations that hold moving points only."""
        return any(animated(name).needs_mesh for name in self.animations)

    @property
    def others(self) -> int:
        """How many other files are written in one step: codes, `conventions.json`, and the mesh beside animations."""
        return len(self.codes) + 1 + self.moved_mesh

    @property
    def files(self) -> int:
        """How many, `conventions.json` among them."""
        return self.meshes + len(self.animations) + self.others

    @property
    def steps(self) -> int:
        """Of the work: a file of one mesh, or a frame of an animation."""
        return self.meshes + len(self.animations) * len(self.animated_rows) + self.others


def contents(saved: SavedTrack | None, options: ExportOptions, current: CurrentMesh | None) -> Contents:
    """Find what the options ask for.

    Raises
    ------
    SettingError
        There is none of it: no track, no frame on screen, no frame in the range, no head in it. Or a format's library
        is missing.
    """
    for name in options.sequence_formats:
        if missing := missing_library(name):
            raise SettingError(missing)
    if options.meshes == "current" and current is None:
        raise SettingError("there is no mesh on screen; choose frames by their numbers instead")
    if saved is None and (options.meshes == "all" or options.codes != "none"):
        raise SettingError("there is no track yet; track all frames first")
    rows = [] if saved is None else _rows(saved, options)
    meshes = [row for row in rows if saved is not None and saved.tracked(row)] if options.meshes == "all" else []
    if options.meshes == "all" and not meshes and options.codes == "none":
        raise SettingError("no head was tracked in any of these frames; choose others")
    wanted = rows if options.codes != "none" else []
    return Contents(
        mesh_rows=meshes if options.frame_formats else [],
        code_rows=wanted,
        codes=codes_formats(options.codes, saved.track) if saved is not None and wanted else [],
        current=current if options.meshes == "current" else None,
        frame_formats=options.frame_formats,
        animations=options.sequence_formats if meshes else [],
        animated_rows=rows,
    )


def _rows(saved: SavedTrack, options: ExportOptions) -> list[int]:
    """Rows of the track that are in the selection."""
    indices = saved.track.frame_index.tolist()
    rows = [row for row, index in enumerate(indices) if index in options.frames]
    if not rows and (options.meshes == "all" or options.codes != "none"):
        raise SettingError(f"there are no such frames; the track has frames {indices[0]} to {indices[-1]}")
    return rows


def plan_export(
    saved: SavedTrack | None, out: Path | None, options: ExportOptions, current: CurrentMesh | None = None
) -> ExportPlan:
    """Work out what an export comes to, and look at its folder; quick, but for a thread of its own: it asks the disk.

    Raises
    ------
    SettingError
        There is nothing to export.
    OutputError
        The folder cannot take it.
    """
    wanted = contents(saved, options, current)
    in_use = out is not None and not is_empty(out)
    other = free_name(out) if out is not None and in_use else None
    return ExportPlan(wanted.meshes, wanted.files, _size(saved, options, wanted), in_use, other)


def check_space(out: Path, needed: int) -> None:
    """Refuse a folder whose disk is too full.

    Raises
    ------
    OutputError
        It is.
    """
    there = next((folder for folder in (out, *out.absolute().parents) if folder.exists()), Path.cwd())
    try:
        free = shutil.disk_usage(there).free
    except OSError as error:
        raise OutputError(f"{there} cannot be looked at: {error.strerror}; choose another folder") from error
    if needed + SPARE_BYTES > free:
        raise OutputError(
            f"the disk of {out} has {free / 1e6:.0f} MB left and the export takes {needed / 1e6:.0f} MB, with "
            f"{SPARE_BYTES / 1e6:.0f} MB to spare; make room, or choose another folder or fewer frames"
        )


def _size(saved: SavedTrack | None, options: ExportOptions, wanted: Contents) -> int:
    """Bytes, from one mesh and a few rows."""
    convention = Convention.of(options)
    total = len(convention.to_bytes())
    if wanted.current is not None:
        mesh = wanted.current
        total += _mesh_size(options, mesh.vertices_cam, mesh.faces)
    if saved is not None and (wanted.mesh_rows or wanted.animations):
        metres = saved.subject.vertices_canonical / UNITS_PER_METRE  # as large as any other mesh of this head
        total += len(wanted.mesh_rows) * _mesh_size(options, metres, saved.faces)
        for name in wanted.animations:
            total += animated(name).size(animation_of(saved, wanted.animated_rows, options, animated(name)))
        if wanted.moved_mesh:
            total += _mesh_size(replace(options, mesh_format="obj", normals=False), metres, saved.faces)
    if saved is not None and wanted.codes:
        rows = (wanted.mesh_rows or wanted.code_rows)[:SAMPLED_ROWS]
        codes = Codes.of(saved.track, rows, convention)
        sample = sum(len(CODES_ENCODERS[name](codes)) for name in wanted.codes)
        total += sample * len(wanted.code_rows) // len(rows)
    return total


def _mesh_size(options: ExportOptions, vertices: FloatArray, faces: NDArray[np.int32]) -> int:
    """Of one mesh in all the formats that have a file for each."""
    convention = Convention.of(options)
    scaled = vertices * np.float32(UNITS[convention.unit])
    encoders = (mesh_encoder(f".{name}", faces, convention.words, options.normals) for name in options.frame_formats)
    colours = None if options.colours is None else np.zeros(scaled.shape, dtype=np.uint8)
    return sum(len(encode(scaled, colours)) for encode in encoders)
