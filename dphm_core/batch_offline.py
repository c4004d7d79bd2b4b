"""Fits a whole recording by the paper's method into a folder: as `dphm_core.batch`, with a file after every stage."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dphm_core.contact_sheet import add_contact_sheet
from dphm_core.errors import CalibrationError, DphmError, SettingError, SourceError
from dphm_core.frames import Observation, RGBDFrame
from dphm_core.heads.model import HeadModel
from dphm_core.heads.subject import Subject
from dphm_core.landmarks.observe import Observer
from dphm_core.output.folder import REPORT_FILE, STAGE_FILES, TRACK_FILE, OutputFolder
from dphm_core.output.interrupt import NOTHING_YET, StopOnInterrupt
from dphm_core.output.options import BatchOptions
from dphm_core.output.recorder import Recorder
from dphm_core.output.report import machine_facts, peak_memory_mb, track_facts
from dphm_core.output.track_file import Track
from dphm_core.sources import open_source
from dphm_core.sources.mkv import check_trackable
from dphm_core.sources.selection import SelectedFrames, Selection
from dphm_core.stages import FrameObserver
from dphm_core.tracking.offline.config import STAGE_NAMES, OfflineConfig, StageName
from dphm_core.tracking.offline.fit import OfflineFit, OfflineModel, load_offline_model
from dphm_core.tracking.offline.track_file import TrackingFile, read_tracking_file

log = logging.getLogger(__name__)

OnProgress = Callable[[str, int, int | None], object]
"""Told of every frame seen ("look"), step of a stage (its name) and mesh ("write"): what, how many are done, of all."""


@dataclass(frozen=True)
class OfflineRun:
    """What to fit, and how."""

    uri: str
    """What `open_source` takes."""
    selection: Selection = field(default_factory=Selection)
    """Which of its frames."""
    model: str = "default"
    """Name or folder of the head model."""
    device: str = "cpu"
    """Where the fields are evaluated."""
    stages: tuple[StageName, ...] = STAGE_NAMES
    """Which stages, in their order."""
    resume: Path | None = None
    """Tracking file of the stage before the first of these; needed unless that is `init`."""
    config: OfflineConfig = field(default_factory=OfflineConfig)

    def frames(self) -> SelectedFrames:
        """Open the frames at their start."""
        return SelectedFrames(open_source(self.uri), self.selection)


@dataclass(frozen=True)
class _Fitted:
    """What the recorder asks of who makes its frames."""

    model: HeadModel
    subject: Subject | None
    faces: NDArray[np.int32]


def fit_recording(
    run: OfflineRun, out: Path, options: BatchOptions | None = None, on_progress: OnProgress = lambda *_: None,
    observer: Callable[[], FrameObserver] = Observer,
) -> dict[str, Any]:  # fmt: skip
    """Fit a recording and write meshes, track, report, contact sheet and a tracking file per stage.

    Returns
    -------
    dict
        The report, as written to report.json. After a first Ctrl-C it covers what was fitted until then, and its
        `interrupted` is true.

    Raises
    ------
    SourceError, LandmarkError, CheckpointError, DataError, SettingError, OutputError
        A part cannot be opened or read, or results cannot be written; nothing is left in `out`.
    CalibrationError
        There is no head in any frame; nothing is left in `out`.
    KeyboardInterrupt
        Interrupted before there was anything to keep, or twice.
    """
    started = perf_counter()
    options = options or BatchOptions()
    if run.resume is None and run.stages[0] != "init":
        raise SettingError(f"--stages begins with {run.stages[0]}; give the file of the stage before with --resume.")
    folder = OutputFolder(out, options.overwrite)
    model = load_offline_model(run.model, run.device)
    before = None if run.resume is None else read_tracking_file(run.resume, model.head.config)
    with run.frames() as frames, folder:
        check_trackable(frames.info)
        if frames.count is None:
            raise SourceError(f"{frames.info.label} has no end; the offline method needs a recording.")
        return _Run(run, folder, options, model, started).run(frames, observer, before, on_progress)


class _Run:
    """One run; lives on the caller's thread."""

    def __init__(
        self, run: OfflineRun, folder: OutputFolder, options: BatchOptions, model: OfflineModel, started: float
    ) -> None:
        self._run, self._folder, self._options, self._model = run, folder, options, model
        self._started = started
        self._interrupt = StopOnInterrupt()

    def run(
        self, frames: SelectedFrames, observer: Callable[[], FrameObserver], before: TrackingFile | None,
        on_progress: OnProgress,
    ) -> dict[str, Any]:  # fmt: skip
        """Look at all frames, fit them, and write what came of it."""
        with self._interrupt as interrupt:
            observations = self._observe(frames, observer(), on_progress)
            looked_s = perf_counter() - self._started
            fit = OfflineFit(self._model, observations, self._run.config, on_progress, lambda: interrupt.asked)
            if not interrupt.asked:
                if before is not None:
                    fit.resume(before, first_only=self._run.stages[0] == "incre")
                fit.run(self._run.stages, self._save_stage)
            if not fit.fitted:
                raise KeyboardInterrupt(NOTHING_YET) if interrupt.asked else self._no_head(frames, observations)
            subject = fit.subject()
            fitted = _Fitted(subject.model, subject, subject.faces)
            recorder = Recorder(self._folder, fitted, self._options.format if self._options.meshes else None)
            for done, tracked in enumerate(fit.tracked_frames(subject), start=1):
                recorder.save(tracked)
                on_progress("write", done, len(observations))
            if not recorder.started:
                raise self._no_head(frames, observations)
            track = recorder.track()
            self._folder.write(TRACK_FILE, track.to_bytes())
            if self._options.contact_sheet:
                add_contact_sheet(self._folder, self._run.frames, track, subject)
            report = self._report(frames, track, fit, looked_s) | {"interrupted": interrupt.asked}
            self._folder.write(REPORT_FILE, (json.dumps(report, indent=2, allow_nan=False) + "\n").encode())
            return report

    def _observe(self, frames: SelectedFrames, observer: FrameObserver, on_progress: OnProgress) -> list[Observation]:
        """Observations of all frames, less their images; of those until an interruption."""
        observations: list[Observation] = []
        try:
            for frame in _until_unreadable(frames):
                if self._interrupt.asked:
                    break
                observations.append(observer.observe(frame).without_images())
                on_progress("look", len(observations), frames.count)
        finally:
            observer.close()
        return observations

    def _save_stage(self, name: StageName, state: TrackingFile) -> None:
        self._folder.write(STAGE_FILES[name], state.to_bytes())

    def _no_head(self, frames: SelectedFrames, observations: list[Observation]) -> DphmError:
        """Say why there is nothing to write."""
        label, faces = frames.info.label, sum(observation.landmarks is not None for observation in observations)
        if not observations:
            return SourceError(f"{label}: no frame among the chosen ones; look at `dphm info` for what it has")
        return CalibrationError(
            f"{label}: a face was seen in {faces} of {len(observations)} frames, and no head could be fitted to any;"
            " check that depth and colour belong together, and that a face 0.3 to 1.5 m away looks to the camera"
        )

    def _report(self, frames: SelectedFrames, track: Track, fit: OfflineFit, looked_s: float) -> dict[str, Any]:
        fields = self._model.fields
        priors = {"identity": fields.identity_prior, "expression": fields.expression_prior}
        return {
            "source": frames.info.label,
            "method": "offline",
            "model": self._run.model,
            "device": str(self._model.device),
            "stages": list(fit.stage_s),
            "priors": [name for name, prior in priors.items() if prior is not None],
            **track_facts(track),
            "damaged_frames": frames.damaged,
            "wall_s": round(perf_counter() - self._started, 3),
            "look_s": round(looked_s, 3),
            "stage_s": {name: round(seconds, 3) for name, seconds in fit.stage_s.items()},
            "s_per_frame": round(sum(fit.stage_s.values()) / len(fit.fitted), 3),
            "peak_memory_mb": peak_memory_mb(),
            "machine": machine_facts(),
        }


def _until_unreadable(frames: SelectedFrames) -> Iterator[RGBDFrame]:
    """Frames of a recording up to where it cannot be read any further."""
    count = 0
    try:
        for frame in frames:
            count += 1
            yield frame
    except SourceError as error:
        if not count:
            raise
        log.warning("%s; going on with the %d frames before", error, count)
