"""`dphm bench track`: how fast, how prompt and how right the tracker is on recordings."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tyro.conf import OmitArgPrefixes, Positional, arg

from dphm_core.commands.base import INTERRUPTED, OK, Command, Say, progress_bar
from dphm_core.evaluation.track_benchmark.options import TrackBenchmarkOptions
from dphm_core.places import DEMO_RECORDING, recording_path
from dphm_core.tracking.config import TrackerConfig
from dphm_core.tracking.offline.config import OfflineConfig

if TYPE_CHECKING:
    from tqdm import tqdm


@dataclass(frozen=True, kw_only=True)
class BenchTrack(Command):
    """Measure the tracker on recordings: speed and latency and, where there is ground truth, accuracy.

    Frames are held in memory, as a camera delivers them. Ctrl-C ends it and keeps what is done.
    """

    recordings: Annotated[Positional[tuple[Path, ...]], arg(metavar="RECORDING …")] = ()
    """Recording folders or .mkv files; those of `dphm synth recording` have the ground truth. By default the demo."""
    out: Path | None = None
    """Folder for bench_track.json, bench_track.md and pictures; earlier ones are replaced. By default tables only."""
    measure: OmitArgPrefixes[TrackBenchmarkOptions] = field(default_factory=TrackBenchmarkOptions)
    tracker: TrackerConfig = field(default_factory=TrackerConfig)
    offline: OfflineConfig = field(default_factory=OfflineConfig)

    def run(self, say: Say) -> int:
        """Measure, with a progress bar, print the tables and write the rest."""
        from dphm_core.evaluation.track_benchmark.benchmark import TrackBenchmark
        from dphm_core.evaluation.track_benchmark.files import write_benchmark
        from dphm_core.evaluation.track_benchmark.tables import tables
        from dphm_core.files import make_folder

        if self.out is not None:
            make_folder(self.out)
        with progress_bar("frames", 0) as bar:
            benchmark = TrackBenchmark(self.measure, self.tracker, self.offline, _on(bar))
            result = benchmark.run([recording_path(path) for path in self.recordings] or [DEMO_RECORDING])
        for title, table in tables(result):
            say(f"{title}\n\n{table}\n")
        for remark in _remarks(result):
            say(remark)
        if self.out is not None:
            write_benchmark(result, self.out)
            say(f"results       {self.out}")
        return INTERRUPTED if result["interrupted"] else OK


def _on(bar: tqdm) -> Any:
    """Progress that shows on a bar."""
    from dphm_core.evaluation.track_benchmark.progress import Progress

    class OnBar(Progress):
        def phase(self, text: str) -> None:
            bar.set_description_str(text)

        def expect(self, frames: int) -> None:
            bar.total += frames

        def advance(self, frames: int) -> None:
            bar.update(frames)

    return OnBar()


def _remarks(result: dict[str, Any]) -> list[str]:
    """What a table does not tell."""
    told = []
    for name, row in result["recordings"].items():
        if not row["tracked"]:
            told.append(f"{name}: no head in any of {row['frames']} frames")
        elif not row["ground_truth"]:
            told.append(f"{name}: no ground truth, so times only; `dphm synth recording` makes recordings with it")
    return told + ["interrupted; this is what was done until then"] * result["interrupted"]
