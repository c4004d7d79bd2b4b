"""Where complete tracks of recordings are kept, so that they can be shown again without tracking them again."""

from __future__ import annotations

import json
import os
import re
import shutil
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from dphm_core.errors import OutputError, SourceError
from dphm_core.files import make_folder, write_atomically
from dphm_core.jobs import Tell

if TYPE_CHECKING:
    from dphm_core.tracking.live_settings import LiveSettings

NEEDED = ("track.npz", "subject.safetensors", "report.json")
"""Files of a results folder that can be shown."""
ORIGIN_FILE = "recording.json"
"""Which recording it is of, and as of when."""
NAME_LENGTH = 40
HASH_DIGITS = 10
MAX_ORIGIN_BYTES = 1_000_000


class TrackStore:
    """Keeps one complete track per recording, in a folder each; for any one thread but the GUI's, as it reads files.

    Parameters
    ----------
    root
        Folder of all; made with the first track.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder_for(self, uri: str) -> Path:
        """Where the track of a recording is, or would be."""
        path = _resolved(uri)
        name = re.sub(r"[^\w.-]+", "_", path.stem)[:NAME_LENGTH].strip("._") or "recording"
        return self.root / f"{name}-{sha256(str(path).encode()).hexdigest()[:HASH_DIGITS]}"

    def load(self, uri: str) -> Path | None:
        """Results folder of a recording's complete track; None where there is none of the recording as it is now."""
        folder = self.folder_for(uri)
        complete = all((folder / name).is_file() for name in NEEDED)
        return folder if complete and _is_of(folder, _resolved(uri)) else None

    def track_all(
        self, uri: str, model: str = "default", device: str = "cpu", live: LiveSettings | None = None,
        subject: Path | None = None, tell: Tell | None = None,
    ) -> Path:  # fmt: skip
        """Track a whole recording and keep the result in place of an older one; takes as long as the recording.

        Parameters
        ----------
        uri : str
            Recording, as `open_source` takes it.
        model, device, subject
            As `dphm_core.batch.make_stages` takes them.
        live : LiveSettings, optional
            What the user set of the tracking; the usual otherwise.
        tell : Tell, optional
            Told of the progress in frames; where it raises `Cancelled`, everything stays as it was.

        Returns
        -------
        Path
            The results folder.

        Raises
        ------
        DphmError
            The recording cannot be read, shows no head, or the result cannot be written; an older one stays.
        Cancelled
            By `tell`.
        """
        from dphm_core.batch import make_stages, track_recording
        from dphm_core.output.options import BatchOptions
        from dphm_core.sources import is_live
        from dphm_core.tracking.config import TrackerConfig

        if is_live(uri):
            raise SourceError(f"{uri} is live, and has no end to track to: record it first")
        folder = self.folder_for(uri)
        make_folder(self.root)
        partial = self.root / f".{folder.name}.{os.getpid()}.part"
        recording = _resolved(uri)
        origin = {"path": str(recording), "changed_ns": _changed_ns(recording)}
        config = TrackerConfig() if live is None else live.put_into(TrackerConfig())
        try:
            stages = make_stages(uri, None, model, device, config, subject)
            track_recording(stages, partial, BatchOptions(meshes=False, contact_sheet=False), tell=tell)
            write_atomically(partial / ORIGIN_FILE, json.dumps(origin).encode())
            _put_in_place(partial, folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        return folder


def _put_in_place(new: Path, folder: Path) -> None:
    """Give a new folder the name of an old one, which goes."""
    old = new.with_suffix(".old")
    try:
        if folder.exists():
            folder.replace(old)
        try:
            new.replace(folder)
        except OSError:
            if old.exists():
                old.replace(folder)
            raise
    except OSError as error:
        raise OutputError(f"{folder} cannot be replaced: {error.strerror}; close what uses it") from error
    shutil.rmtree(old, ignore_errors=True)


def _resolved(uri: str) -> Path:
    try:
        return Path(uri).expanduser().resolve()
    except (OSError, RuntimeError):  # a loop of links, "~nobody"
        return Path(uri)


def _changed_ns(path: Path) -> dict[str, int]:
    """When the parts of a recording were changed last, by their names; empty where it is not there."""
    try:
        parts = path.iterdir() if path.is_dir() else [path]
        return {part.name: part.stat().st_mtime_ns for part in parts}
    except OSError:
        return {}


def _is_of(folder: Path, recording: Path) -> bool:
    """Whether a track is of this recording as it is now: another one may have come to lie at the same place.

    What was put beside the recording since, say results, does not matter.
    """
    path = folder / ORIGIN_FILE
    try:
        if path.stat().st_size > MAX_ORIGIN_BYTES:
            return False
        then = json.loads(path.read_text(encoding="utf-8"))["changed_ns"]
        return bool(then) and then.items() <= _changed_ns(recording).items()
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False
