"""Tracks a whole recording into a folder: a mesh per frame, the track, whose head it is, a report, a contact sheet."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from dphm_core.contact_sheet import add_contact_sheet
from dphm_core.errors import CalibrationError, Cancelled, DphmError, OutputError, SourceError
from dphm_core.frames import TrackedFrame
from dphm_core.jobs import Tell
from dphm_core.landmarks.observe import Observer
from dphm_core.output.cancelling import CancelWatch
from dphm_core.output.folder import REPORT_FILE, SUBJECT_FILE, TRACK_FILE, OutputFolder
from dphm_core.output.interrupt import NOTHING_YET, StopOnInterrupt
from dphm_core.output.lead_in import follow_backwards
from dphm_core.output.options import BatchOptions
from dphm_core.output.pipeline_speed import pipeline_rate
from dphm_core.output.recorder import Recorder
from dphm_core.output.report import machine_facts, peak_memory_mb, speed_facts, track_facts
from dphm_core.output.retrack import RetrackingTracker
from dphm_core.output.track_file import Track
from dphm_core.pipeline import Pipeline
from dphm_core.sources import open_source
from dphm_core.sources.mkv import check_trackable
from dphm_core.sources.selection import SelectedFrames, Selection
from dphm_core.stages import FrameObserver
from dphm_core.tracking import create_tracker
from dphm_core.tracking.config import TrackerConfig
from dphm_core.tracking.subject_file import encode_subject, save_subject
from dphm_core.tracking.tracker import HeadTracker

log = logging.getLogger(__name__)

OnFrame = Callable[[TrackedFrame, int | None], object]
"""Told of every frame as it comes, with the number of frames to expect (None: unknown)."""


@dataclass(frozen=True)
class Stages:
    """How the parts of a run are made; each is made on the caller's thread when its turn comes."""

    frames: Callable[[], SelectedFrames]
    """Opens the frames at their start; called again for the contact sheet and the benchmark."""
    tracker: Callable[[], HeadTracker]
    observer: Callable[[], FrameObserver]
    depth_observer: Callable[[], FrameObserver]
    """Makes an observer without a landmark detector."""
    model: str
    """What the report calls the tracker's model."""


def make_stages(
    uri: str,
    selection: Selection | None = None,
    model: str = "default",
    device: str = "cpu",
    config: TrackerConfig | None = None,
    subject: Path | None = None,
) -> Stages:
    """Prepare to track a source: nothing is opened yet.

    Parameters
    ----------
    uri : str
        What `open_source` takes.
    selection : Selection
        Which of its frames; all by default.
    model, device : str
        What `create_tracker` takes.
    config : TrackerConfig
        The tracker's settings.
    subject : Path, optional
        Subject file of the person in the recording, who then needs no calibration.
    """
    chosen = selection or Selection()
    return Stages(
        frames=lambda: SelectedFrames(open_source(uri), chosen),
        tracker=lambda: create_tracker(model, device, config, subject),
        observer=Observer,
        depth_observer=lambda: Observer(landmarks=False),
        model=model,
    )


def track_recording(
    stages: Stages, out: Path, options: BatchOptions | None = None, on_frame: OnFrame | None = None,
    tell: Tell | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Track every frame of a recording and write the results.

    Parameters
    ----------
    stages : Stages
        Frames, tracker and observer.
    out : Path
        Folder for the results.
    options : BatchOptions
        What to write and to measure.
    on_frame : callable, optional
        Progress; may raise `Cancelled`.
    tell : Tell, optional
        Progress in frames, for a `Job`: where that is cancelled, the run ends within a fraction of a second, whatever
        it is doing. Called on the caller's thread, and on another while that is busy.

    Returns
    -------
    dict
        The report, as written to report.json. After a first Ctrl-C, which also ends a calibration under way, it covers
        the frames done until then, and its `interrupted` is true.

    Raises
    ------
    SourceError, LandmarkError, CheckpointError, OutputError
        A part cannot be opened, or no frame can be read, or results cannot be written; nothing is left in `out`.
    CalibrationError
        There is no head in any frame; nothing is left in `out`.
    Cancelled
        By `tell` or `on_frame`; nothing is left in `out`.
    KeyboardInterrupt
        Interrupted before there was anything to keep, or twice.
    """
    options = options or BatchOptions()
    started = perf_counter()
    check_subject_path(options)
    folder = OutputFolder(out, options.overwrite)
    frames = stages.frames()
    try:
        check_trackable(frames.info)
        tracker, observer = stages.tracker(), stages.observer()
        with folder:
            return _Run(stages, folder, options, tracker, started).run(frames, observer, on_frame, tell)
    finally:
        frames.close()


def check_subject_path(options: BatchOptions) -> None:
    """Refuse, before anything is done, to save a subject where a file is or no file can be."""
    path = options.save_subject
    if path is None:
        return
    if not path.parent.is_dir() or path.is_dir():
        raise OutputError(f"{path} cannot be written: give a file in a folder that is there, to save the subject to")
    if path.exists() and not options.overwrite:
        raise OutputError(f"{path} is there; give another file for the subject, or --overwrite to replace it")


class _Run:
    """One run; lives on the caller's thread, which writes the files while the pipeline's threads work."""

    def __init__(
        self, stages: Stages, folder: OutputFolder, options: BatchOptions, tracker: HeadTracker, started: float
    ) -> None:
        self._started = started
        self._stages, self._folder, self._options, self._tracker = stages, folder, options, tracker
        self._retracking = RetrackingTracker(tracker)
        self._recorder = Recorder(folder, self._retracking, options.format if options.meshes else None)
        self._broken_off = False  # whether the recording could not be read to its end
        self._done_s: list[float] = []  # when each frame since the identity last changed was done with

    def run(
        self, frames: SelectedFrames, observer: FrameObserver, on_frame: OnFrame | None, tell: Tell | None
    ) -> dict[str, Any]:
        """Track, then write what is known at the end."""
        pipeline = Pipeline(frames, observer, self._retracking, every_frame=True)

        def give_up() -> None:
            pipeline.player.stop()
            self._retracking.cancel()

        with StopOnInterrupt(pipeline.player.stop) as interrupt, CancelWatch(tell, give_up, interrupt) as watch:
            self._track(pipeline, frames.count, on_frame, watch)
            self._finish(frames, watch)
            return self._write(frames, watch.interrupted, watch)

    def _finish(self, frames: SelectedFrames, watch: CancelWatch) -> None:
        """Learn and track what the end of the recording allows to, unless it is interrupted."""
        if not watch.interrupted:
            self._learn_rest(watch)
        self._save_retracked()
        if watch.interrupted:
            self._keep_one_identity()
        else:
            self._follow_backwards(frames, watch)

    def _learn_rest(self, watch: CancelWatch) -> None:
        """Settle whose head it is."""
        try:
            self._retracking.finish()
        except Cancelled:
            watch.check()
            if not watch.interrupted:
                raise

    def _write(self, frames: SelectedFrames, interrupted: bool, watch: CancelWatch) -> dict[str, Any]:
        """Put the results together; nothing is written without a head, nor once it was cancelled."""
        watch.check()
        if not self._recorder.started:
            raise KeyboardInterrupt(NOTHING_YET) if interrupted else self._no_head(frames)
        track = self._recorder.track()
        subject, known = self._retracking.whose
        assert subject is not None and known is not None
        self._folder.write(TRACK_FILE, track.to_bytes())
        self._folder.write(SUBJECT_FILE, encode_subject(known))
        if self._options.contact_sheet and frames.info.length is not None:
            add_contact_sheet(self._folder, self._stages.frames, track, subject)
            watch.check()
        report = self._report(frames, track, interrupted)
        if self._options.benchmark and not interrupted and frames.info.length is not None:
            report |= self._measured(watch)
        self._folder.write(REPORT_FILE, (json.dumps(report, indent=2, allow_nan=False) + "\n").encode())
        if self._options.save_subject is not None:
            save_subject(known, self._options.save_subject)
        return report

    def _track(self, pipeline: Pipeline, expected: int | None, on_frame: OnFrame | None, watch: CancelWatch) -> None:
        """Run the pipeline to the end of the recording, or to where it cannot be read any further."""
        watch.at(0, expected)
        try:
            with pipeline:
                for tracked in pipeline.results():
                    calibrated = self._recorder.started
                    self._recorder.save(tracked)
                    if self._save_retracked():
                        self._done_s.clear()  # neither their time, nor that of the learning before, is one per frame
                    if calibrated:
                        self._done_s.append(perf_counter())
                    watch.at(self._recorder.frames, expected)
                    if on_frame is not None:
                        on_frame(tracked, expected)
            watch.check()  # the pipeline may have been stopped
        except SourceError as error:
            if not self._recorder.frames:
                raise
            self._broken_off = True
            log.warning("%s; going on with the %d frames before", error, self._recorder.frames)

    def _save_retracked(self) -> int:
        """Write frames that were tracked once more; how many."""
        retracked = self._retracking.take_retracked()
        for tracked in retracked:
            self._recorder.save(tracked)
        return len(retracked)

    def _keep_one_identity(self) -> None:
        """After Ctrl-C, take those frames back that were yet to be tracked with the identity of the others."""
        others = self._retracking.of_others
        if others:
            log.warning("%d frames are left out: they were tracked with another idea of the head's shape", len(others))
            self._recorder.forget(others)

    def _follow_backwards(self, frames: SelectedFrames, watch: CancelWatch) -> None:
        """Track what came before the face was first seen, where the recording can be gone back in."""
        before = self._recorder.untracked_lead()
        if not before or not self._recorder.started or frames.info.length is None:
            return
        first = self._recorder.first_state
        with self._stages.frames() as again, closing(self._stages.depth_observer()) as observer:
            for tracked in follow_backwards(again, observer, self._tracker, first, before):
                watch.check()
                if watch.interrupted:
                    return
                self._recorder.save(tracked)

    def _no_head(self, frames: SelectedFrames) -> DphmError:
        """Say why there is nothing to write."""
        label, seen, read = frames.info.label, self._retracking, self._recorder.frames
        if not read:
            return SourceError(f"{label}: no frame among the chosen ones; look at `dphm info` for what it has")
        if not seen.frames_with_color:
            return SourceError(f"{label} has depth without colour, in which the face is looked for; record both")
        if not seen.frames_with_face:
            return CalibrationError(f"{label}: no face in any of {read} frames; record one that looks to the camera")
        if self._tracker.subject is not None:
            return CalibrationError(
                f"{label}: none of {read} frames shows the head of the subject file (mostly: "
                f"{self._recorder.usual_reason}); leave --subject out to calibrate on whoever is there"
            )
        return CalibrationError(
            f"{label}: a face was seen in {seen.frames_with_face} of {read} frames, but its depth makes no head; "
            "check that depth and colour belong together, and that the face is 0.3 to 1.5 m away"
        )

    def _report(self, frames: SelectedFrames, track: Track, interrupted: bool) -> dict[str, Any]:
        return {
            "source": frames.info.label,
            "model": self._stages.model,
            **track_facts(track),
            "damaged_frames": frames.damaged,
            "missing_frames": 0 if interrupted else self._missing(frames),
            "broken_off": self._broken_off,
            "interrupted": interrupted,
            "wall_s": round(perf_counter() - self._started, 3),
            "calibration_s": round(self._tracker.calibration_s, 3),
            "personal_offset": self._retracking.subject is not None and self._retracking.subject.offset is not None,
            **speed_facts(self._recorder.times, self._done_s),
            "peak_memory_mb": peak_memory_mb(),
            "machine": machine_facts(),
        }

    def _measured(self, watch: CancelWatch) -> dict[str, Any]:
        """The pipeline's own rate, for the report; nothing where the recording is too short, or Ctrl-C ends it."""

        def go_on(_frames: int) -> None:
            watch.check()
            if watch.interrupted:
                raise Cancelled("the pipeline's own rate is not measured")

        rate = None
        with suppress(Cancelled):
            rate = pipeline_rate(self._stages.frames(), self._stages.observer(), self._tracker, go_on)
        watch.check()
        return {"pipeline_frames_per_second": rate, "pipeline_measured": True} if rate else {}

    def _missing(self, frames: SelectedFrames) -> int:
        """Frames that the recording should have and that never came, not even damaged: gaps, or a lost end."""
        if frames.count is None or frames.info.length is None:
            return 0
        return max(0, frames.count - self._recorder.frames - frames.damaged)
