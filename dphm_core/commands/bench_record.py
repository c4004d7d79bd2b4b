"""`dphm bench record`: whether this machine records a camera while it tracks."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import OmitArgPrefixes, Positional, arg

from dphm_core.commands.base import OK, SOME_FAILED, Command, Say
from dphm_core.evaluation.recording_benchmark_options import RecordingBenchmarkOptions
from dphm_core.places import DEMO_RECORDING

if TYPE_CHECKING:
    from dphm_core.evaluation.recording_benchmark import RecordingRun


@dataclass(frozen=True, kw_only=True)
class BenchRecord(Command):
    """Record a recording's frames as if from a camera, track the head meanwhile, and count what was lost."""

    source: Annotated[Positional[str], arg(metavar="RECORDING")] = str(DEMO_RECORDING)
    """Recording folder or .mkv file; by default the demo."""
    out: Path | None = None
    """New folder for what is recorded, on the disk to be measured; by default a temporary one, removed again."""
    measure: OmitArgPrefixes[RecordingBenchmarkOptions] = field(default_factory=RecordingBenchmarkOptions)

    def run(self, say: Say) -> int:
        """Measure and print a table."""
        from tempfile import TemporaryDirectory

        from dphm_core.evaluation.recording_benchmark import record_beside_tracking
        from dphm_core.files import check_new_folder

        if self.out is not None:
            check_new_folder(self.out)
            run = record_beside_tracking(self.source, self.out, self.measure)
        else:
            with TemporaryDirectory() as folder:
                run = record_beside_tracking(self.source, Path(folder) / "recording", self.measure)
        for name, value in _table(run, self.measure.tracking):
            say(f"{name:14}{value}")
        return OK if run.recording.error is None else SOME_FAILED


def _table(run: RecordingRun, tracking: bool) -> list[tuple[str, str]]:
    recording = run.recording
    seconds = max(recording.seconds, 1e-9)
    rows = [
        ("recorded", f"{recording.frames} frames, {recording.seconds:.1f} s"),
        ("lost", f"{recording.dropped} by the recorder, {run.missed} before it (read too late)"),
        ("work", f"{recording.encode_s * 1e3:.1f} ms of a core per frame to compress"),
        ("room", f"{recording.bytes / seconds / 1e6:.1f} MB/s, {recording.bytes / 1e6:.0f} MB"),
        ("end", f"complete {run.close_s:.2f} s after the last frame"),
        ("tracked" if tracking else "untracked", f"{run.through} frames, {run.through / seconds:.1f} per second"),
    ]
    return rows if recording.error is None else [*rows, ("error", recording.error)]
