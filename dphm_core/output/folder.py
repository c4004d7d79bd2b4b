"""The folder that one run writes to: checked beforehand, and taken back if the run fails."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from dphm_core.errors import OutputError
from dphm_core.files import make_folder, take_back, written_atomically

MESH_FOLDER = "meshes"
TRACK_FILE = "track.npz"
SUBJECT_FILE = "subject.safetensors"
"""Whose head it is: with it and the track alone, every mesh can be made again."""
REPORT_FILE = "report.json"
CONTACT_SHEET = "contact_sheet.png"
CODES_FILE = "codes.npz"
FIGURES_FILE, PLOT_FILE = "evaluation.json", "evaluation.png"
STAGE_FILES = {name: f"tracking_{name}.npz" for name in ("init", "incre", "joint")}
"""By stage of the offline method, in the original implementation's format."""
OWN_FILES = (
    *(TRACK_FILE, SUBJECT_FILE, REPORT_FILE, CONTACT_SHEET, CODES_FILE, FIGURES_FILE, PLOT_FILE),
    *STAGE_FILES.values(),
)
"""What belongs to a run; an evaluation of it is void with it."""
MESH_NAME = re.compile(r"\d{5,}\.(ply|obj)")


class OutputFolder:
    """Results of one run, as a context manager: what was written is removed again where the block raises.

    Parameters
    ----------
    path : Path
        The folder; made, with its parents, on entry.
    overwrite : bool
        Whether an earlier run's results may be replaced, which happens with the first file that is written. Only files
        that such a run writes are removed; whatever else lies there stays.

    Raises
    ------
    OutputError
        There is a file of that name, or the folder holds something and `overwrite` was not asked for.
    """

    def __init__(self, path: Path, overwrite: bool = False) -> None:
        self.path = path
        self._made: list[Path] = []
        self._written: list[Path] = []
        try:
            occupied = path.exists() and (not path.is_dir() or any(path.iterdir()))
        except OSError as error:
            raise OutputError(f"{path} cannot be looked at: {error.strerror}; check its permissions") from error
        if occupied and not path.is_dir():
            raise OutputError(f"{path} is a file; give a folder for the results")
        if occupied and not overwrite:
            raise OutputError(f"{path} is not empty; give another folder, or --overwrite to replace an earlier run")

    def write(self, name: str, content: bytes) -> None:
        """Write one file, `name` relative to the folder; all of it or nothing."""
        with self.writing(name) as partial:
            partial.write_bytes(content)

    @contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        """Give a temporary path to write one file to, piece by piece; it is `name` once the block is through."""
        if not self._written:
            self._remove_earlier_run()
        path = self.path / name
        self._made += make_folder(path.parent)
        with written_atomically(path) as partial:
            yield partial
        self._written.append(path)

    def remove(self, name: str) -> None:
        """Take back a file that was written; harmless where it was not."""
        path = self.path / name
        if path in self._written:
            self._written.remove(path)
            path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        self._made += make_folder(self.path)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_exception: object) -> None:
        if kind is not None:
            take_back(self._written, self._made)

    def _remove_earlier_run(self) -> None:
        meshes = self.path / MESH_FOLDER
        old = [self.path / name for name in OWN_FILES]
        old += [path for path in (meshes.iterdir() if meshes.is_dir() else ()) if MESH_NAME.fullmatch(path.name)]
        try:
            for path in old:
                path.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"{path} cannot be replaced: {error.strerror}; close what uses it") from error
