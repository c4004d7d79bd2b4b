"""How large each format of an export is, and how long it takes to write."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from dphm_core.errors import SettingError
from dphm_core.export.export import ExportSummary, export_track
from dphm_core.export.options import CODES_FILES, ExportOptions
from dphm_core.files import file_size
from dphm_core.jobs import Tell
from dphm_core.meshing.animation import MorphTargets
from dphm_core.meshing.formats import FORMATS
from dphm_core.output.saved_track import SavedTrack

HEADING = "| format | files | size | time | per frame | |\n|---|---|---|---|---|---|"
CONVENTIONS = 1
"""Files of every export that belong to no format."""


@dataclass(frozen=True)
class ExportRun:
    """One format, written once."""

    name: str
    """The format's, for tables."""
    frames: int
    """Frames of the track."""
    summary: ExportSummary | None
    """None where it cannot be written."""
    note: str
    """What the export says of it, or why there is none."""

    @property
    def row(self) -> str:
        """Line of a Markdown table under `HEADING`."""
        if self.summary is None:
            return f"| {self.name} | – | – | – | – | {self.note} |"
        summary, frame_ms = self.summary, self.summary.seconds / max(1, self.frames) * 1e3
        size = file_size(summary.bytes)
        return (
            f"| {self.name} | {summary.files - CONVENTIONS} | {size} | {summary.seconds:.2f} s | {frame_ms:.1f} ms "
            f"| {self.note} |"
        )


def measure_exports(saved: SavedTrack, folder: Path, tell: Tell) -> Iterator[ExportRun]:
    """Write a track in every format, one after another; yields what each comes to.

    Parameters
    ----------
    saved : SavedTrack
        All its frames are exported.
    folder : Path
        For what is written; on the disk to be measured.
    tell : Tell
        Told of formats.
    """
    jobs = _jobs()
    export_track(saved, folder / "warm-up", ExportOptions(mesh_format="ply,glb", codes="none"), _quiet)
    for done, (name, options) in enumerate(jobs):
        tell(done, len(jobs))
        try:
            summary = export_track(saved, folder / f"{done:02d}", options, _quiet)
        except SettingError as error:
            yield ExportRun(name, len(saved.track.frame_index), None, str(error).partition(";")[0])
            continue
        yield ExportRun(name, len(saved.track.frame_index), summary, "; ".join(summary.notes).removeprefix("GLB: "))
    tell(len(jobs), len(jobs))


def _jobs() -> list[tuple[str, ExportOptions]]:
    """Everything that can be written, by a name for the table."""
    jobs = []
    for name in FORMATS:
        if name != "glb":
            jobs.append((name.upper(), ExportOptions(mesh_format=name, codes="none")))
            continue
        for targets in get_args(MorphTargets):
            label = f"GLB, targets {targets}"
            jobs.append((label, ExportOptions(mesh_format="glb", codes="none", glb_targets=targets)))
    return jobs + [(file, ExportOptions(meshes="none", codes=codes)) for codes, file in CODES_FILES.items()]


def _quiet(done: int, total: int | None) -> None:
    """Not told: it is over in seconds."""
