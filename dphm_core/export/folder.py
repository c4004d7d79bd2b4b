"""The folder of an export: filled beside what is there, and taken into place once all of it is written."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dphm_core.errors import OutputError
from dphm_core.export.options import CODES_FILES, mesh_formats
from dphm_core.meshing.formats import FORMATS
from dphm_core.output.folder import MESH_FOLDER, REPORT_FILE, TRACK_FILE, OutputFolder

CONVENTIONS_FILE = "conventions.json"
"""In every export, and what an earlier one is known by."""
HEAD_NAME = "head"
"""Of animated files, less their extension."""
MOVED_MESH_FILE = f"{HEAD_NAME}_rest.obj"
"""The mesh that point caches move."""


def is_empty(path: Path) -> bool:
    """Whether an export finds nothing in its folder.

    Raises
    ------
    OutputError
        It is a file, results of `dphm track` lie there, or it cannot be looked at.
    """
    try:
        if path.exists() and not path.is_dir():
            raise OutputError(f"{path} is a file; choose a folder")
        if any((path / name).exists() for name in (TRACK_FILE, REPORT_FILE)):
            raise OutputError(f"{path} holds the results of tracking; choose another folder, or one in it")
        return not path.exists() or not any(path.iterdir())
    except OSError as error:
        raise OutputError(f"{path} cannot be looked at: {error.strerror}; choose another folder") from error


def free_name(path: Path) -> Path:
    """A folder beside `path` that is not there yet: "export-2", …; in it, where it has nothing beside it."""
    number, path = 2, path if path.name else path / "export"
    while (other := path.with_name(f"{path.name}-{number}")).exists():
        number += 1
    return other


@contextmanager
def staged_folder(path: Path, overwrite: bool) -> Iterator[OutputFolder]:
    """Give a folder to write to; its files appear in `path` once the block is through, or not at all.

    With `overwrite`, files of an earlier export go, and whatever else lies in `path` stays.

    Raises
    ------
    OutputError
        `path` cannot take them: it is a file, not empty without `overwrite`, holds a track, or cannot be written to.
    """
    if not is_empty(path) and not overwrite:
        raise OutputError(f"{path} is not empty; choose another folder, or replace what is there (--overwrite)")
    staging = path / f".export.{os.getpid()}.part"
    with OutputFolder(staging, overwrite=True) as folder:
        yield folder
        _take_over(staging, path)


def _take_over(staging: Path, path: Path) -> None:
    """Put an earlier export's files away and all staged ones in place."""
    file = path
    try:
        for file in _earlier_export(path):
            file.unlink()
        for source in sorted(staging.rglob("*")):
            file = path / source.relative_to(staging)
            if source.is_dir():
                file.mkdir(exist_ok=True)
            else:
                source.replace(file)
        for folder in sorted(staging.rglob("*"), reverse=True):
            folder.rmdir()
        staging.rmdir()
    except OSError as error:
        raise OutputError(f"{file} cannot be replaced: {error.strerror}; close what uses it") from error


def _earlier_export(path: Path) -> list[Path]:
    """Files of the export that lies in `path`; none where there is no export."""
    if not (path / CONVENTIONS_FILE).is_file():
        return []
    mesh_name = re.compile(rf"\d{{5,}}\.({'|'.join(mesh_formats())})")
    meshes = path / MESH_FOLDER
    found = [file for file in (meshes.iterdir() if meshes.is_dir() else ()) if mesh_name.fullmatch(file.name)]
    others = {*CODES_FILES.values(), *(f"{HEAD_NAME}.{name}" for name in FORMATS), MOVED_MESH_FILE}
    found += [file for file in path.iterdir() if file.name in others]
    return [*found, path / CONVENTIONS_FILE]
