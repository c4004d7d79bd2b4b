"""`dphm bench export`: how large each format of a track is, and how long it takes to write."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from dphm_core.commands.base import OK, Command, Say, progress


@dataclass(frozen=True, kw_only=True)
class BenchExport(Command):
    """Write a track in every format and print a table of sizes and times."""

    track: Annotated[Positional[Path], arg(metavar="TRACK")]
    """Results folder of `dphm track`."""
    out: Path | None = None
    """New folder on the disk to be measured, which keeps what is written; by default a temporary one, removed again."""
    model: str | None = None
    """Head model that it was tracked with, where it lies elsewhere now: a name under models/, or a folder."""

    def run(self, say: Say) -> int:
        """Measure and print."""
        from tempfile import TemporaryDirectory

        from dphm_core.files import check_new_folder

        if self.out is not None:
            check_new_folder(self.out)
            self._measure(self.out, say)
        else:
            with TemporaryDirectory() as folder:
                self._measure(Path(folder), say)
        return OK

    def _measure(self, folder: Path, say: Say) -> None:
        from dphm_core.evaluation.export_benchmark import HEADING, measure_exports
        from dphm_core.output.saved_track import load_saved_track

        saved = load_saved_track(self.track, self.model)
        with progress("formats") as tell:
            runs = list(measure_exports(saved, folder, tell))
        say(HEADING)
        for run in runs:
            say(run.row)
