"""Which recordings are meant by folders and patterns, and what their results are called."""

from __future__ import annotations

import glob
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dphm_core.errors import SourceError
from dphm_core.places import recording_path
from dphm_core.sources import is_live
from dphm_core.sources.folder import COLOR_FOLDER, DEPTH_FOLDER
from dphm_core.sources.points_folder import points_folder
from dphm_core.sources.record3d import export_folder
from dphm_core.sources.stack_file import STACK_FILE


@dataclass(frozen=True)
class Recording:
    """A recording, and the name that its results get."""

    name: str
    source: str
    """What `open_source` takes."""


def find_sequences(uri: str) -> list[Path]:
    """Sequences in a data set's folder, by name; none where `uri` is a sequence itself, a file, a camera or nothing."""
    if is_live(uri) or not uri.strip():
        return []
    try:
        folder = Path(uri).expanduser()
        if not folder.is_dir() or _is_sequence(folder):
            return []
        return sorted(inside for inside in folder.iterdir() if inside.is_dir() and _is_sequence(inside))
    except (OSError, RuntimeError, ValueError):  # opening it as a sequence tells what is wrong
        return []


def find_recordings(patterns: Sequence[str]) -> list[Recording]:
    """Recordings that paths and patterns name, each once and in their order.

    Parameters
    ----------
    patterns : sequence of str
        Recordings, folders of recordings, or patterns of either with ``*``, ``?`` and ``**``.

    Raises
    ------
    SourceError
        A pattern or path names nothing.
    """
    found: dict[Path, None] = {}
    for pattern in patterns:
        if is_live(pattern):
            raise SourceError(f"{pattern} is a camera, and many recordings are wanted; track it with `dphm track`")
        for path in _matching(pattern):
            found |= dict.fromkeys(find_sequences(str(path)) or [path])
    return [Recording(name, str(path)) for name, path in zip(_names(list(found)), found, strict=True)]


def _matching(pattern: str) -> list[Path]:
    """What is there of that name, or of that pattern, by name."""
    path = recording_path(pattern).expanduser()
    if path.exists():  # also where brackets belong to its name
        return [path]
    paths = [Path(match) for match in sorted(glob.glob(str(path), recursive=True))]  # noqa: PTH207 - absolute ones, too
    if not paths:
        raise SourceError(f"{pattern} names nothing that is there; check the path")
    return paths


def _is_sequence(folder: Path) -> bool:
    named = (folder / name for name in (COLOR_FOLDER, DEPTH_FOLDER, STACK_FILE))
    return (
        any(path.exists() for path in named) or points_folder(folder) is not None or export_folder(folder) is not None
    )


def _names(paths: list[Path]) -> list[str]:
    """A name for each: its own, and where several have that, those of the folders above, too."""
    whole = [path.absolute() for path in paths]
    parts = [(*path.parts[1:-1], path.stem if path.is_file() else path.name) for path in whole]
    depth = [1] * len(parts)
    while True:
        names = ["_".join(part[-count:]) for part, count in zip(parts, depth, strict=True)]
        often = {name for name, count in Counter(name.casefold() for name in names).items() if count > 1}
        deeper = [
            min(count + (name.casefold() in often), len(part))
            for name, count, part in zip(names, depth, parts, strict=True)
        ]
        if deeper == depth:
            break
        depth = deeper
    return [f"{name}_{number}" if name.casefold() in often else name for number, name in enumerate(names)]
