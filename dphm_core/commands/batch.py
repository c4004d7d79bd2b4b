"""`dphm batch`: many recordings, side by side."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import OmitArgPrefixes, Positional, arg

from dphm_core.commands.base import INTERRUPTED, OK, SOME_FAILED, Command, Say, progress_bar
from dphm_core.errors import SettingError
from dphm_core.output.options import BatchOptions
from dphm_core.sources.selection import Selection
from dphm_core.tracking.config import TrackerConfig

if TYPE_CHECKING:
    from dphm_core.many.run import Runner
    from dphm_core.many.table import SequenceResult
    from dphm_core.many.tasks import Tracking

CORES = 2.0
"""Of a cluster's machine for one recording: the tracker keeps two busy."""


@dataclass(frozen=True, kw_only=True)
class Batch(Command):
    """Track many recordings side by side, each into a folder of its own, with a table of how they went.

    What an earlier run has finished is not done again. A recording that fails, or kills its process, keeps no other
    from being tracked. Ctrl-C ends it; those that were under way are begun anew by the next run.
    """

    sources: Annotated[Positional[tuple[str, ...]], arg(metavar="SOURCE …")]
    """Recordings, folders of recordings, or quoted patterns of them: 'data/*/', 'takes/**/*.mkv'."""
    out: Path
    """Folder for the results: one folder per recording, and summary.csv."""
    workers: int | None = None
    """Recordings at once on this machine, each in a process of its own; by default one for two cores."""
    ray: str | None = None
    """Address of a Ray cluster that does it: HOST:6379, ray://HOST:10001, auto, or "local" for one on this machine.
    Sources, results and models have to lie at the same paths on all of its machines."""
    ray_cores: float = CORES
    """Cores of a cluster's machine that a recording gets."""
    model: str = "default"
    """Head model: a name under models/, or a folder."""
    device: str = "cpu"
    """Where the model is evaluated: "cpu", or a CUDA device such as "cuda" or "cuda:1"."""
    subject: Path | None = None
    """Subject file of the person in all of the recordings."""
    selection: OmitArgPrefixes[Selection] = field(default_factory=Selection)
    output: OmitArgPrefixes[BatchOptions] = field(default_factory=BatchOptions)
    tracker: TrackerConfig = field(default_factory=TrackerConfig)

    def run(self, say: Say) -> int:
        """Track, telling of each recording, and print the table."""
        from dphm_core.many.recordings import find_recordings
        from dphm_core.many.run import track_many
        from dphm_core.many.table import SUMMARY_FILE, summary_table
        from dphm_core.many.tasks import Tracking

        self._check()
        recordings = find_recordings(self.sources)
        subject = None if self.subject is None else self.subject.absolute()
        tracking = Tracking(self.selection, self.model, self.device, self.tracker, subject, self.output)
        with progress_bar("recordings", len(recordings)) as bar:

            def tell(result: SequenceResult) -> None:
                bar.write(f"{result.sequence}: {result.error or result.status}")
                bar.update()

            runner = self._runner(tracking, len(recordings))
            results = track_many(recordings, self.out.absolute(), runner, self.output.overwrite, tell)
        say(summary_table(results))
        say(f"{'results':14}{self.out / SUMMARY_FILE}")
        states = {result.status for result in results}
        interrupted = "interrupted" in states or len(results) < len(recordings)
        return INTERRUPTED if interrupted else SOME_FAILED if "failed" in states else OK

    def _check(self) -> None:
        if not self.sources:
            raise SettingError("no recording is named; give recordings, folders of them, or quoted patterns")
        if self.output.save_subject is not None:
            raise SettingError("--save-subject is for one recording; each has a subject.safetensors in its results")
        if self.workers is not None and self.workers < 1:
            raise SettingError(f"--workers is 1 or more, not {self.workers}")
        if self.ray is not None and self.workers is not None:
            raise SettingError("--workers are this machine's processes; leave it out with --ray, or give --ray-cores")
        if self.ray_cores <= 0:
            raise SettingError(f"--ray-cores is more than 0, not {self.ray_cores:g}")

    def _runner(self, tracking: Tracking, count: int) -> Runner:
        if self.ray is not None:
            from dphm_core.many.on_ray import OnRay

            return OnRay(tracking, self.ray, self.ray_cores)
        from dphm_core.many.processes import Processes, usual_workers

        return Processes(tracking, min(self.workers or usual_workers(), max(1, count)))
