"""The sources that were opened last, and what was dropped onto the window. Neither opens anything."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from PyQt5.QtCore import QMimeData

from dphm_core.sources import BAG_SUFFIXES, STACK_SUFFIX, is_live

LIMIT = 10
"""So many are remembered."""
RECORDING_SUFFIXES = (".mkv", *BAG_SUFFIXES, STACK_SUFFIX)
IMAGE_FOLDERS = ("color", "depth", "camera")
"""Folders inside of a recording."""
SIMULATED_PATH = "simulated:"
"""A recording as a camera: the path follows."""


class RecentSources:
    """Names of sources, the newest first; any thread, one at a time.

    Parameters
    ----------
    values
        Those of the last time.
    """

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._values: list[str] = []
        for uri in reversed(list(values)[:LIMIT]):
            self.add(uri)

    @property
    def values(self) -> list[str]:
        """All of them, to be shown and to be saved: absolute paths, and cameras by their name."""
        return list(self._values)

    def add(self, uri: str) -> None:
        """Put one first; the oldest goes where there are more than ten."""
        if not uri:
            return
        self.remove(uri)
        self._values = [normalised(uri), *self._values][:LIMIT]

    def remove(self, uri: str) -> None:
        """Forget one, if it is there."""
        key = _key(normalised(uri))
        self._values = [value for value in self._values if _key(value) != key]


def normalised(uri: str) -> str:
    """Return a path as an absolute one, without looking at the disk; a camera's name as it is."""
    if uri.startswith(SIMULATED_PATH):
        return SIMULATED_PATH + normalised(path) if (path := uri.removeprefix(SIMULATED_PATH)) else "simulated"
    return uri if is_live(uri) else os.path.abspath(os.path.expanduser(uri))  # noqa: PTH100, PTH111 (of a text)


def path_of(uri: str) -> Path | None:
    """Folder or file of a source; None for a camera."""
    uri = uri.removeprefix(SIMULATED_PATH)
    return None if is_live(uri) else Path(uri)


def missing(uris: Iterable[str]) -> frozenset[str]:
    """Those whose recording is not there any more; may take long on a sleeping or distant disk."""
    return frozenset(uri for uri in uris if (path := path_of(uri)) is not None and not _exists(path))


def dropped_source(mime: QMimeData) -> str | None:
    """Return the recording that is dragged: a folder, a recording's file, or the folder that a file inside belongs to.

    None where it is something else.
    """
    paths = [Path(url.toLocalFile()) for url in mime.urls() if url.isLocalFile()]
    return None if not paths else _recording_at(paths[0])


def _recording_at(path: Path) -> str | None:
    try:
        if path.is_dir():
            return str(path.parent if path.name in IMAGE_FOLDERS and _is_recording(path.parent) else path)
        if path.suffix.lower() in RECORDING_SUFFIXES:
            return str(path)
        folder = path.parent.parent if path.parent.name in IMAGE_FOLDERS else path.parent
        return str(folder) if _is_recording(folder) else None
    except OSError:
        return None


def _is_recording(folder: Path) -> bool:
    return (folder / "depth").is_dir() or any(folder.glob("*.stack"))


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False


def _key(uri: str) -> str:
    return os.path.normcase(uri)
