"""The pipeline's own speed: frames out of memory, nothing written, as with a live camera."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from time import perf_counter, process_time, sleep

import numpy as np

from dphm_core.frames import Observation, RGBDFrame, TrackedFrame
from dphm_core.pipeline import Pipeline, PipelineState
from dphm_core.sources.base import SourceInfo
from dphm_core.sources.selection import SelectedFrames
from dphm_core.sources.simulated import to_and_fro
from dphm_core.stages import FrameObserver, FrameTracker
from dphm_core.tracking.tracker import HeadTracker

FRAMES = 60
"""Frames held in memory: 0.4 GB at 720p, 0.9 GB at 1080p."""
WARM_UP = 10
"""Frames before the clock starts: the detector finds the face, the tracker finds the head again."""
POLL_S = 0.01
"""How often a run with the newest frames is asked whether it is over."""


class MemoryFrames:
    """A source of frames that are in memory already, each delivered as soon as it is asked for.

    Parameters
    ----------
    frames : list of RGBDFrame
        In order.
    info : SourceInfo
        Facts of the recording that they are from.
    change : callable, optional
        Applied to each frame when its turn comes.
    """

    def __init__(
        self, frames: list[RGBDFrame], info: SourceInfo, change: Callable[[RGBDFrame], RGBDFrame] | None = None
    ) -> None:
        self.info = info
        self.captured_s: dict[int, float] = {}
        """When each frame was there (`perf_counter`), by its index."""
        self._frames, self._change = frames, change

    def __iter__(self) -> Iterator[RGBDFrame]:
        for frame in self._frames:
            yield self._deliver(frame, perf_counter())

    def _deliver(self, frame: RGBDFrame, captured_s: float) -> RGBDFrame:
        self.captured_s[frame.index] = captured_s
        return frame if self._change is None else self._change(frame)

    def seek(self, index: int) -> None:
        """Leave the frames before `index` out."""
        self._frames = [frame for frame in self._frames if frame.index >= index]

    def close(self) -> None:
        """Let the frames go."""
        self._frames = []


class CameraFrames(MemoryFrames):
    """The same as a camera gives them: each at its time, and where several came meanwhile the newest."""

    missed = 0
    """Frames that were not asked for in time."""
    ended = False
    """Whether it was told to deliver no more."""

    def __iter__(self) -> Iterator[RGBDFrame]:
        started, position, interval_s = perf_counter(), 0, 1 / self.info.fps
        while position < len(self._frames) and not self.ended:
            sleep(max(0.0, started + position * interval_s - perf_counter()))
            newest = min(int((perf_counter() - started) / interval_s), len(self._frames) - 1)
            newest = max(newest, position)
            self.missed += newest - position
            position = newest + 1
            yield self._deliver(self._frames[newest], started + newest * interval_s)


def played_to_and_fro(frames: list[RGBDFrame], count: int, fps: float) -> list[RGBDFrame]:
    """So many frames as a camera numbers and times them: these played there and back, so that no head jumps."""
    length = len(frames)
    return [replace(frames[to_and_fro(k, length)], index=k, timestamp_s=k / fps) for k in range(count)]


@dataclass
class PipelineRun:
    """What came out of a pipeline, in the order in which it was done."""

    tracked: list[TrackedFrame] = field(default_factory=list)
    """Frames, less their images and points."""
    done_s: list[float] = field(default_factory=list)
    """When each was done (`perf_counter`)."""
    cpu_s: list[float] = field(default_factory=list)
    """Processor time of the whole process until then."""
    latency_s: list[float] = field(default_factory=list)
    """From each frame's capture to its mesh."""
    dropped: int = 0
    """Frames that newer ones replaced."""

    def frames_per_second(self, warm_up: int = WARM_UP) -> float | None:
        """Rate after the first frames; None where there are too few."""
        steady = self.done_s[warm_up:]
        return (len(steady) - 1) / (steady[-1] - steady[0]) if len(steady) > 1 else None

    def cpu_s_per_frame(self, warm_up: int = WARM_UP) -> float | None:
        """Processor seconds, of all cores, that a frame takes after the first ones; None where there are too few."""
        steady = self.cpu_s[warm_up:]
        return (steady[-1] - steady[0]) / (len(steady) - 1) if len(steady) > 1 else None


class _Clocked:
    """A tracker that is looked at with a stopwatch; lives on the tracking thread."""

    def __init__(self, tracker: FrameTracker, source: MemoryFrames, run: PipelineRun) -> None:
        self._tracker, self._source, self._run = tracker, source, run
        self.cancel, self.restart = tracker.cancel, tracker.restart

    def track(self, observation: Observation) -> TrackedFrame:
        """Track, and note when that was done."""
        tracked = self._tracker.track(observation)
        now_s = perf_counter()
        self._run.done_s.append(now_s)
        self._run.cpu_s.append(process_time())
        self._run.latency_s.append(now_s - self._source.captured_s[observation.frame.index])
        self._run.tracked.append(without_points(tracked))
        return tracked


def without_points(tracked: TrackedFrame) -> TrackedFrame:
    """The same frame less its images and points, to keep many of them."""
    bare, nothing = tracked.observation.without_images(), np.zeros((0, 3), dtype=np.float32)
    return replace(tracked, observation=replace(bare, points_cam=nothing, normals_cam=nothing))


def run_frames(
    source: MemoryFrames,
    observer: FrameObserver,
    tracker: FrameTracker,
    every_frame: bool = True,
    on_frames: Callable[[int], object] = lambda _: None,
) -> PipelineRun:
    """Run frames in memory through the pipeline, both of its threads working.

    Parameters
    ----------
    source : MemoryFrames
        Closed afterwards.
    observer : FrameObserver
        Closed afterwards.
    tracker : FrameTracker
        What it is to know already, it knows.
    every_frame : bool
        Whether each frame is tracked, or the newest one as with a camera.
    on_frames : callable
        Told how many frames more are through.
    """
    run = PipelineRun()
    with Pipeline(source, observer, _Clocked(tracker, source, run), every_frame=every_frame) as pipeline:
        if every_frame:
            for _ in pipeline.results():
                on_frames(1)
        else:
            _wait_for_end(pipeline, on_frames)
        run.dropped = pipeline.status().frames_dropped + (source.missed if isinstance(source, CameraFrames) else 0)
    return run


def _wait_for_end(pipeline: Pipeline, on_frames: Callable[[int], object]) -> None:
    """Wait until a pipeline that would hold at the end of its source has tracked all that it will."""
    read = 0
    while True:
        status = pipeline.status()
        on_frames(status.frames_read - read)
        read = status.frames_read
        if status.error is not None:
            raise status.error
        if status.state is PipelineState.ENDED and status.caught_up:
            return
        sleep(POLL_S)


def pipeline_rate(
    selected: SelectedFrames,
    observer: FrameObserver,
    tracker: HeadTracker,
    on_frames: Callable[[int], object] = lambda _: None,
) -> float | None:
    """Frames per second of observing and tracking, measured on the first frames of a recording.

    Parameters
    ----------
    selected : SelectedFrames
        Read, and closed, before the clock starts.
    observer : FrameObserver
        Closed afterwards.
    tracker : HeadTracker
        Calibrated.
    on_frames : callable
        Told how many frames more are through; what it raises ends the measurement.

    Returns
    -------
    float or None
        None where the recording is too short to tell.
    """
    with selected:
        frames = list(islice(selected, FRAMES))
    tracker.restart()
    rate = run_frames(MemoryFrames(frames, selected.info), observer, tracker, on_frames=on_frames).frames_per_second()
    return None if rate is None else round(rate, 2)
