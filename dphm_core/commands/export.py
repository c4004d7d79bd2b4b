"""`dphm export`: a track, in the formats, axes and units of other programs."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from tyro.conf import OmitArgPrefixes, Positional, arg

from dphm_core.commands.base import OK, Command, Say, progress
from dphm_core.export.options import ExportOptions


@dataclass(frozen=True, kw_only=True)
class Export(Command):
    """Write a track's meshes, codes and poses in the format, axes and unit that another program expects."""

    track: Annotated[Positional[Path], arg(metavar="TRACK")]
    """Results folder of `dphm track`."""
    out: Path
    """Folder for meshes/, animated files (head.glb …), the codes' file, and conventions.json, which says what axes and
    unit they have."""
    model: str | None = None
    """Head model that it was tracked with, where it lies elsewhere now: a name under models/, or a folder."""
    export: OmitArgPrefixes[ExportOptions] = field(default_factory=ExportOptions)

    def run(self, say: Say) -> int:
        """Export, with a progress bar."""
        from dphm_core.export.export import export_track
        from dphm_core.output.saved_track import load_saved_track

        saved = load_saved_track(self.track, self.model)
        with progress("steps") as tell:
            summary = export_track(saved, self.out, self.export, tell)
        say(f"{'exported':14}{summary.words}")
        for note in summary.notes:
            say(f"{'':14}{note}")
        say(f"{'results':14}{self.out}")
        return OK
