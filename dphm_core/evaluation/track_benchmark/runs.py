"""Runs of a recording in memory through the pipeline: as `dphm track` does, at full speed, and as with a camera."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from cProfile import Profile
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import CodeType
from typing import Any

import numpy as np

from dphm_core.errors import SourceError
from dphm_core.evaluation.ground_truth import GroundTruth
from dphm_core.evaluation.track_benchmark.memory_track import MemoryTrack
from dphm_core.frames import RGBDFrame, TrackedFrame, TrackStatus
from dphm_core.landmarks.observe import Observer
from dphm_core.output.pipeline_speed import (
    WARM_UP,
    CameraFrames,
    MemoryFrames,
    PipelineRun,
    played_to_and_fro,
    run_frames,
)
from dphm_core.output.report import STAGES, median_and_p95_ms
from dphm_core.output.retrack import RetrackingTracker
from dphm_core.sources import open_source
from dphm_core.sources.base import SourceInfo
from dphm_core.sources.folder import TRUTH_FILE
from dphm_core.tracking.tracker import HeadTracker

MAX_START_S = 30.0
"""How long a live tracker may take to know somebody."""
FRAMES_OF_KNOWN = 5
"""Frames that are played once somebody is known: the identity is seen from the next one on."""
PROFILED_FRAMES = 30
PROFILED = {"FrameSolver.solve": None, "DeviceSolver.solve": None, "Follower._look": "Watch.look"}
"""Functions of the tracker whose callees' times are told; of the last only the one named."""
WHOLE = "HeadTracker.track"
"""Of whose time they are parts."""
MIN_PART = 0.002
"""Smaller parts are left out."""

OnFrames = Callable[[int], object]
Change = Callable[[RGBDFrame], RGBDFrame]


@dataclass(frozen=True)
class Recording:
    """Frames in memory with their truth."""

    path: Path
    """Where it was read from."""
    info: SourceInfo
    """Facts about the whole of it."""
    frames: list[RGBDFrame]
    """The first ones, in order."""
    truth: GroundTruth | None
    """None where it has none."""

    @classmethod
    def read(cls, path: Path, count: int) -> Recording:
        """Read the first frames of a recording, and the ground truth where it has one.

        Raises
        ------
        SourceError, DataError
            It cannot be read, has no end, or its ground truth is damaged or of fewer frames.
        """
        with open_source(path) as source:
            if source.info.length is None:
                raise SourceError(f"{source.info.label} has no end; the benchmark needs a recording")
            frames, info = list(islice(source, count)), source.info
        truth = GroundTruth.load(path) if path.is_dir() and (path / TRUTH_FILE).is_file() else None
        if truth is not None and frames[-1].index >= len(truth):
            raise SourceError(f"{path} has frame {frames[-1].index}, its ground truth only {len(truth)} frames")
        return cls(path, info, frames, truth)

    @property
    def size_mb(self) -> float:
        """Memory that the images take, MiB."""
        return sum(frame.image_bytes for frame in self.frames) / 2**20


def track_all(
    recording: Recording, tracker: HeadTracker, on_frames: OnFrames, change: Change | None = None
) -> MemoryTrack | None:
    """Track every frame, calibrating where the tracker knows nobody; None where there is no head in any."""
    retracking = RetrackingTracker(tracker)
    run = run_frames(_in_memory(recording, change), Observer(), retracking, on_frames=on_frames)
    retracking.finish()
    return MemoryTrack.of(tracker, [*run.tracked, *retracking.take_retracked()], recording.path)


def full_speed(recording: Recording, tracker: HeadTracker, repeats: int, on_frames: OnFrames) -> dict[str, Any]:
    """Time a calibrated tracker with every frame, each as soon as the one before lets it."""
    runs = [_again(_in_memory(recording), tracker, True, on_frames) for _ in range(repeats)]
    steady = [frame for run in runs for frame in run.tracked[WARM_UP:]]
    return {"frames_per_second": _best_rate(runs), **_times(runs), **_stages(steady)}


def as_with_camera(
    recording: Recording, tracker: HeadTracker, repeats: int, on_frames: OnFrames
) -> tuple[dict[str, Any], MemoryTrack | None]:
    """Time a calibrated tracker with frames at the recording's rate, the newest one winning; and its last track."""
    runs = [_again(CameraFrames(recording.frames, recording.info), tracker, False, on_frames) for _ in range(repeats)]
    figures = {
        "source_fps": recording.info.fps,
        "frames_per_second": _best_rate(runs),
        "frames": repeats * len(recording.frames),
        "dropped": sum(run.dropped for run in runs),
        **_times(runs),
    }
    return figures, MemoryTrack.of(tracker, runs[-1].tracked, recording.path)


def from_nothing(recording: Recording, tracker: HeadTracker) -> dict[str, Any]:
    """Watch what a live picture shows of somebody yet unknown, until the own identity, worked out beside it, is there.

    The recording is played there and back until then, half a minute at most.

    Parameters
    ----------
    recording : Recording
    tracker : HeadTracker
        Works identities out in the background, and knows nobody.

    Returns
    -------
    dict
        Seconds from the first capture to the "first_mesh_s" and to the first mesh with the own "identity_s", None
        where there was none; frames per second and latency until then.
    """
    fps = recording.info.fps
    frames = played_to_and_fro(recording.frames, int(MAX_START_S * fps), fps)
    source, since_known = CameraFrames(frames, recording.info), 0

    def end_once_known(frames: int) -> None:
        nonlocal since_known
        since_known += frames * (tracker.subject is not None)
        source.ended = since_known >= FRAMES_OF_KNOWN

    run = run_frames(source, Observer(), tracker, every_frame=False, on_frames=end_once_known)
    times_s = [done_s - source.captured_s[0] for done_s in run.done_s]
    shown_s = [s for s, frame in zip(times_s, run.tracked, strict=True) if frame.vertices_cam is not None]
    own_s = [s for s, frame in zip(times_s, run.tracked, strict=True) if frame.status is TrackStatus.TRACKING]
    return {
        "first_mesh_s": round(shown_s[0], 2) if shown_s else None,
        "identity_s": round(own_s[0], 2) if own_s else None,
        "frames_per_second": _best_rate([run]),
        **_times([run]),
    }


def solve_parts(recording: Recording, tracker: HeadTracker, on_frames: OnFrames) -> dict[str, float]:
    """Parts of the tracker's time (0..1) that go into what the fit calls, by a profile of some frames."""
    tracker.restart()
    profile, frames = Profile(), recording.frames[: WARM_UP + PROFILED_FRAMES]
    with closing(Observer()) as observer:
        for count, frame in enumerate(frames, start=1):
            observation = observer.observe(frame)
            if count > WARM_UP:
                profile.enable()
            tracker.track(observation)
            profile.disable()
            on_frames(1)
    return _parts(profile)


def _parts(profile: Profile) -> dict[str, float]:
    """What the profiled functions call, as parts of the whole, the largest first."""
    entries = {_name(entry.code): entry for entry in profile.getstats()}
    if WHOLE not in entries:
        return {}
    parts: dict[str, float] = {}
    for name, only in PROFILED.items():
        for callee in (entries[name].calls or ()) if name in entries else ():
            called, part = _name(callee.code), callee.totaltime / entries[WHOLE].totaltime
            if only in (None, called) and part >= MIN_PART:
                parts[called] = round(part, 4)
    return dict(sorted(parts.items(), key=lambda part: -part[1]))


def _name(code: CodeType | str) -> str:
    return code if isinstance(code, str) else code.co_qualname


def _again(source: MemoryFrames, tracker: HeadTracker, every_frame: bool, on_frames: OnFrames) -> PipelineRun:
    tracker.restart()
    return run_frames(source, Observer(), tracker, every_frame, on_frames)


def _in_memory(recording: Recording, change: Change | None = None) -> MemoryFrames:
    return MemoryFrames(recording.frames, recording.info, change)


def _times(runs: list[PipelineRun]) -> dict[str, Any]:
    """Latency over all runs, and processor time per frame."""
    latency_ms = np.array([seconds for run in runs for seconds in run.latency_s[WARM_UP:]]) * 1e3
    told = np.percentile(latency_ms, [50, 95, 99]).round(2).tolist() if latency_ms.size else [None] * 3
    cpu_ms = [cpu_s * 1e3 for run in runs if (cpu_s := run.cpu_s_per_frame()) is not None]
    return {
        "latency_ms": dict(zip(("median", "p95", "p99"), told, strict=True)),
        "core_ms_per_frame": round(min(cpu_ms), 2) if cpu_ms else None,
    }


def _stages(tracked: list[TrackedFrame]) -> dict[str, Any]:
    seconds = {name: [f.stages_s[name] for f in tracked if name in f.stages_s] for name in STAGES}
    return {"stages_ms": {name: median_and_p95_ms(each) for name, each in seconds.items() if each and name != "decode"}}


def _best_rate(runs: list[PipelineRun]) -> float | None:
    """Frames per second of the quickest run: others were disturbed. None where all were too short."""
    rates = [rate for run in runs if (rate := run.frames_per_second()) is not None]
    return round(max(rates), 2) if rates else None
