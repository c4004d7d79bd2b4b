"""`dphm track`: a recording in, meshes out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import OmitArgPrefixes, Positional, arg

from dphm_core.commands.base import INTERRUPTED, OK, SOME_FAILED, Command, Say, progress_bar
from dphm_core.errors import SettingError
from dphm_core.frames import TrackedFrame
from dphm_core.output.options import BatchOptions
from dphm_core.sources.selection import Selection
from dphm_core.tracking.config import TrackerConfig
from dphm_core.tracking.offline.config import STAGE_NAMES, OfflineConfig, chosen_stages

if TYPE_CHECKING:
    from dphm_core.jobs import Tell
    from dphm_core.many.recordings import Recording
    from dphm_core.many.tasks import Task


@dataclass(frozen=True, kw_only=True)
class Track(Command):
    """Track the head in a recording: a mesh per frame, the track as numbers, a report and a contact sheet.

    Of a folder of recordings, each is tracked into a folder of its own, and summary.csv tells how they went; those
    that an earlier run has finished are not tracked again without --overwrite. Ctrl-C ends it and keeps what is done.
    """

    source: Annotated[Positional[str], arg(metavar="SOURCE")]
    """A recording: a folder (color/, depth/, calibration.json), an .mkv, .bag or .db3 file, or "demo"; a camera:
    "kinect", "realsense" or "orbbec"; or a folder of recording folders."""
    out: Path
    """Folder for the results: meshes/, track.npz, subject.safetensors, report.json, contact_sheet.png."""
    model: str = "default"
    """Head model: a name under models/, or a folder."""
    device: str = "cpu"
    """Where the model is evaluated: "cpu", or a CUDA device such as "cuda" or "cuda:1"."""
    subject: Path | None = None
    """File of --save-subject of the person in the recording, who is then tracked from the first frame on."""
    method: Literal["realtime", "offline"] = "realtime"
    """How to track: frame by frame as with a live camera, or by the paper's three stages over the whole recording,
    which take seconds to minutes per frame."""
    stages: str = ",".join(STAGE_NAMES)
    """Offline: which stages; the others' results come from --resume."""
    resume: Path | None = None
    """Offline: tracking file (*_init.npz, *_incre.npz) of the stage before the first of --stages."""
    selection: OmitArgPrefixes[Selection] = field(default_factory=Selection)
    output: OmitArgPrefixes[BatchOptions] = field(default_factory=BatchOptions)
    tracker: TrackerConfig = field(default_factory=TrackerConfig)
    offline: OfflineConfig = field(default_factory=OfflineConfig)

    def run(self, say: Say) -> int:
        """Track, with a progress bar, and print a summary."""
        from dphm_core.many.recordings import find_recordings, find_sequences

        if find_sequences(self.source):
            return self._run_all(find_recordings([self.source]), say)
        report = self._report(self.source, self.out, self.output)
        say(self._summary(report))
        return INTERRUPTED if report["interrupted"] else OK

    def _run_all(self, recordings: list[Recording], say: Say) -> int:
        from dphm_core.many.run import InTurn, track_many
        from dphm_core.many.table import SUMMARY_FILE, summary_table

        if self.output.save_subject is not None or self.resume is not None:
            raise SettingError(f"--save-subject and --resume are for one recording; {self.source} holds several")

        def track_one(task: Task, _tell: Tell | None) -> dict[str, Any]:
            say(f"{task.name} …")
            return self._report(task.source, task.out, replace(self.output, overwrite=task.overwrite))

        results = track_many(recordings, self.out, InTurn(track_one), self.output.overwrite)
        say(summary_table(results))
        say(f"{'results':14}{self.out / SUMMARY_FILE}")
        states = {result.status for result in results}
        return INTERRUPTED if "interrupted" in states else SOME_FAILED if "failed" in states else OK

    def _report(self, source: str, out: Path, options: BatchOptions) -> dict[str, Any]:
        """Track one recording."""
        return (self._fit if self.method == "offline" else self._track)(source, out, options)

    def _summary(self, report: dict[str, Any]) -> str:
        from dphm_core.commands.offline_progress import offline_summary

        return (offline_summary if self.method == "offline" else summary)(report, self.out)

    def _track(self, source: str, out: Path, options: BatchOptions) -> dict[str, Any]:
        from dphm_core.batch import make_stages, track_recording

        stages = make_stages(source, self.selection, self.model, self.device, self.tracker, self.subject)
        with _progress_bar() as on_frame:
            return track_recording(stages, out, options, on_frame)

    def _fit(self, source: str, out: Path, options: BatchOptions) -> dict[str, Any]:
        from dphm_core.batch_offline import OfflineRun, fit_recording
        from dphm_core.commands.offline_progress import progress_bars

        if self.subject is not None or self.output.save_subject is not None:
            raise SettingError("subject files are for --method realtime; --method offline works identities out itself")
        stages = chosen_stages(self.stages)
        run = OfflineRun(source, self.selection, self.model, self.device, stages, self.resume, self.offline)
        with progress_bars() as on_progress:
            return fit_recording(run, out, options, on_progress)


@contextmanager
def _progress_bar() -> Iterator[Callable[[TrackedFrame, int | None], None]]:
    """A bar on standard error, which appears with the first frame."""
    with progress_bar("frames") as bar:

        def on_frame(tracked: TrackedFrame, expected: int | None) -> None:
            bar.total = expected
            state = tracked.status.value
            bar.set_description_str(
                state if tracked.vertices_cam is None else f"{state} {tracked.residual_mm:.2f} mm", False
            )
            bar.update()
            if bar.n == expected:
                bar.close()  # its clock would run on while the results are put together

        yield on_frame


def summary(report: dict[str, Any], out: Path) -> str:
    """The report on one screen."""
    latency = report["latency_ms"]
    pipeline = "measured" if report["pipeline_measured"] else "from the stage times"
    lines = [
        ("frames", f"{report['frames']}, {report['tracked']} tracked" + _remarks(report)),
        ("mean residual", _number(report["residual_mm"], "mm")),
        ("confidence", _confidence(report)),
        ("calibration", _number(report["calibration_s"], "s")),
        ("frame rate", f"{_number(report['frames_per_second'], '/s')} with decoding and writing"),
        ("", f"{_number(report['pipeline_frames_per_second'], '/s')} without ({pipeline})"),
        ("latency", f"{_number(latency['median'], 'ms')} median, {_number(latency['p95'], 'ms')} 95th percentile"),
        ("memory", _number(report["peak_memory_mb"], "MB at most")),
        ("results", str(out)),
    ]
    return "\n".join(f"{name:14}{value}" for name, value in lines)


def _confidence(report: dict[str, Any]) -> str:
    mean, least = report["confidence"]["mean"], report["confidence"]["least"]
    return "unknown" if mean is None else f"{mean:.0%} on average, {least:.0%} at least"


def _remarks(report: dict[str, Any]) -> str:
    damaged, missing = report["damaged_frames"], report["missing_frames"]
    remarks = {
        f", {damaged} damaged": damaged > 0,
        f", {missing} missing": missing > 0,
        ", interrupted": report["interrupted"],
        ", the recording broke off": report["broken_off"],
    }
    return "".join(remark for remark, holds in remarks.items() if holds)


def _number(value: float | None, unit: str) -> str:
    return "unknown" if value is None else f"{value:.2f} {unit}" if value < 100 else f"{value:.0f} {unit}"
