"""`dphm bench load`: whether this machine keeps up with a live camera."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

from tyro.conf import OmitArgPrefixes, Positional, arg

from dphm_core.commands.base import OK, Command, Say, progress_bar
from dphm_core.evaluation.load_benchmark.options import LoadBenchmarkOptions

if TYPE_CHECKING:
    from dphm_core.evaluation.load_benchmark.benchmark import LoadRun


@dataclass(frozen=True, kw_only=True)
class BenchLoad(Command):
    """Play a recording as a live camera, and count which frames are observed and which are left out.

    Every frame is read, decoded and registered anew; what comes too fast is left out on purpose, the newest frame wins.
    """

    recording: Annotated[Positional[str | None], arg(metavar="RECORDING")] = None
    """Recording folder or .mkv file; by default one that is made of the demo as a Kinect would have recorded it, colour
    of 1920x1080 (MJPEG) and depth of 640x576 (raw)."""
    measure: OmitArgPrefixes[LoadBenchmarkOptions] = field(default_factory=LoadBenchmarkOptions)

    def run(self, say: Say) -> int:
        """Measure, with a progress bar, and print a table."""
        from dphm_core.evaluation.load_benchmark.benchmark import measure_load
        from dphm_core.output.report import machine_facts

        with progress_bar("seconds", round(self.measure.minutes * 60)) as bar:
            run = measure_load(self.recording, self.measure, lambda seconds: bar.update(int(seconds) - bar.n))
        for name, value in _table(run, self.measure.tracking):
            say(f"{name:14}{value}")
        machine = machine_facts()
        say(f"{'machine':14}{machine['cores']} cores, {machine['cpu']}")
        return OK


def _table(run: LoadRun, tracking: bool) -> list[tuple[str, str]]:
    used_mb, end_mb = run.memory_mb
    return [
        ("camera", f"{run.camera}, {run.fps:g} frames/s for {run.seconds:.1f} s: {run.given} frames"),
        ("observed", f"{run.observed} frames, {run.observed / run.seconds:.1f} per second"),
        *([("tracked", f"{run.tracked} frames, {run.tracked / run.seconds:.1f} per second")] if tracking else []),
        ("left out", f"{run.passed_over} not read in time, {run.replaced} replaced by a newer one"),
        ("uncounted", f"{run.uncounted}"),
        ("reading", f"{run.read_ms:.1f} ms a frame, with decoding and registration"),
        ("observing", f"{run.observe_ms:.1f} ms a frame"),
        ("processor", f"{run.cores:.2f} cores, and {run.other_cores:.2f} for other programs"),
        ("memory", f"{used_mb:.0f} MB after {run.mark_s:.0f} s, {end_mb:.0f} MB at the end"),
    ]
