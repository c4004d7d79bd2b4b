"""Whether this machine records a camera without losing frames while it tracks the head live."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from time import perf_counter, sleep

from dphm_core.evaluation.recording_benchmark_options import RecordingBenchmarkOptions
from dphm_core.live import LiveSetup, load_live
from dphm_core.output.pipeline_speed import CameraFrames, played_to_and_fro
from dphm_core.pipeline import Pipeline, PipelineState
from dphm_core.recording import RecordingStatus, StackRecorder
from dphm_core.sources import open_source

FRAMES = 60
"""Frames held in memory, 0.4 GB at 720p; they are gone through to and fro for as long as it takes."""
POLL_S = 0.02


@dataclass(frozen=True)
class RecordingRun:
    """What came out."""

    recording: RecordingStatus
    """The recorder's own count, after the end."""
    through: int
    """Frames that went through meanwhile, tracked where that was to be."""
    missed: int
    """The camera's frames that were not read in time."""
    close_s: float
    """From the last frame to a file that is complete."""


def record_beside_tracking(source: str, folder: Path, options: RecordingBenchmarkOptions) -> RecordingRun:
    """Play a recording's first frames as a camera, track the head as the window does, and record to a new folder.

    Raises
    ------
    DphmError
        The source, the model or the landmark detector cannot be opened.
    """
    camera = _camera(source, options)
    observer, tracker = load_live(LiveSetup(options.model, fps=options.fps))
    pipeline = Pipeline(camera, observer, tracker, every_frame=False)
    pipeline.set_tracking(options.tracking)
    with pipeline:
        _wait(pipeline, lambda: pipeline.latest() is not None)  # until then libraries and models are being loaded
        missed, through = camera.missed, pipeline.status().frames_tracked
        recorder = StackRecorder(folder, camera.info.intrinsics, options.fps, camera.info.label)
        pipeline.record(recorder)
        try:
            _wait(pipeline, lambda: pipeline.status().state is not PipelineState.PLAYING)
        finally:
            started = perf_counter()
            recording = recorder.close()
        through = pipeline.status().frames_tracked - through
    return RecordingRun(recording, through, camera.missed - missed, perf_counter() - started)


def _wait(pipeline: Pipeline, done: Callable[[], bool]) -> None:
    while not done():
        if (error := pipeline.status().error) is not None:
            raise error
        sleep(POLL_S)


def _camera(source: str, options: RecordingBenchmarkOptions) -> CameraFrames:
    """Frames out of memory at the camera's pace: to and fro, so that the head does not jump."""
    with open_source(source) as opened:
        info, frames = opened.info, list(islice(opened, FRAMES))
    given = played_to_and_fro(frames, round(options.seconds * options.fps), options.fps)
    return CameraFrames(given, replace(info, fps=options.fps, length=None))
