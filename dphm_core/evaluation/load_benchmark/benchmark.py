"""Whether this machine reads, registers and observes a live camera's frames, and what it leaves out where it cannot."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import sleep

from dphm_core.evaluation.load_benchmark.meter import Meter, resident_mb
from dphm_core.evaluation.load_benchmark.options import LoadBenchmarkOptions
from dphm_core.evaluation.load_benchmark.recording import write_load_recording
from dphm_core.evaluation.load_benchmark.stages import NoTracker, TimedObserver, TimedSource
from dphm_core.live import LiveSetup, load_live_tracker
from dphm_core.pipeline import Pipeline
from dphm_core.sources import open_source
from dphm_core.sources.simulated import SimulatedCamera
from dphm_core.stages import FrameTracker, PipelineStatus

MADE_FRAMES = 30
"""Of the recording that is made where none is given: one second, 36 MB; it is played to and fro."""
POLL_S = 0.05
SETTLE_S = 5.0
"""For what is under way when the camera stops."""
WARM_UP = 5
"""Frames that are read and observed before the camera's clock runs."""
MARK_S = 60.0
"""When memory is looked at first: by then everything is loaded; half-way where the run is shorter than two of these."""


@dataclass(frozen=True)
class LoadRun:
    """What came out; every frame of the camera is counted once: passed over, replaced or observed."""

    camera: str
    """What was played."""
    fps: float
    """Of the camera."""
    seconds: float
    """From the first frame on."""
    given: int
    """Frames that the camera had by then."""
    passed_over: int
    """Those that were not fetched in time."""
    replaced: int
    """Those that a newer one replaced before they were observed, or, where tracked, before that."""
    observed: int
    """Those that were observed."""
    tracked: int
    """Those that came out at the end: observed, or tracked where that was asked for."""
    read_ms: float
    """Median of reading, decoding and registering one."""
    observe_ms: float
    """Median of observing one."""
    cores: float
    """Processor seconds per second."""
    other_cores: float
    """Those of all other programs."""
    memory_mb: tuple[float, float]
    """Resident memory at the mark and at the end, MiB."""
    mark_s: float
    """When the first was taken."""

    @property
    def uncounted(self) -> int:
        """Frames that got lost and were not counted: none, or something is wrong."""
        return self.given - self.passed_over - self.replaced - self.tracked


def measure_load(
    recording: str | None, options: LoadBenchmarkOptions, tell: Callable[[float], object] = lambda _: None
) -> LoadRun:
    """Play a recording as a camera, each frame read and decoded anew, and observe what the newest-wins rule leaves.

    Parameters
    ----------
    recording : str or None
        What `open_source` takes, of finite length; None for one that is made of the demo, at 1080p.
    options : LoadBenchmarkOptions
        What to measure.
    tell : callable
        Told of the seconds so far.

    Raises
    ------
    DphmError
        The recording, the model or the landmark detector cannot be opened.
    """
    with TemporaryDirectory(prefix="dphm-load-") as folder:
        if recording is None:
            recording = str(Path(folder) / "camera.mkv")
            write_load_recording(Path(recording), MADE_FRAMES)
        source = TimedSource(open_source(recording))
        with SimulatedCamera(source, cache_bytes=0) as camera, TimedObserver() as observer:
            _warm_up(source, observer)
            return _run(camera, source, observer, options, tell)


def _run(
    camera: SimulatedCamera,
    source: TimedSource,
    observer: TimedObserver,
    options: LoadBenchmarkOptions,
    tell: Callable[[float], object],
) -> LoadRun:
    fps, total_s = camera.info.fps, options.minutes * 60
    with Pipeline(camera, observer, _tracker(options, fps), every_frame=False) as pipeline:
        meter = Meter(mark_s=MARK_S if total_s >= 2 * MARK_S else total_s / 2)
        _watch(pipeline, meter, total_s, tell)
        seconds, cores, other_cores = meter.seconds, meter.cores, meter.other_cores
        memory_mb = meter.marked_mb, resident_mb()
        status = _settle(pipeline)
        latest = pipeline.latest()
    return LoadRun(
        camera=f"{camera.info.label}, {camera.info.intrinsics.width}x{camera.info.intrinsics.height}",
        fps=fps,
        seconds=seconds,
        given=0 if latest is None else latest.observation.frame.index + 1,
        passed_over=camera.dropped,
        replaced=status.frames_dropped,
        observed=observer.count,
        tracked=status.frames_tracked,
        read_ms=_median_ms(source.times_s),
        observe_ms=_median_ms(observer.times_s),
        cores=cores,
        other_cores=other_cores,
        memory_mb=memory_mb,
        mark_s=meter.mark_s,
    )


def _watch(pipeline: Pipeline, meter: Meter, total_s: float, tell: Callable[[float], object]) -> None:
    """Let the camera run for so long."""
    while meter.seconds < total_s:
        sleep(POLL_S)
        _check(pipeline)
        meter.look()
        tell(min(meter.seconds, total_s))


def _warm_up(source: TimedSource, observer: TimedObserver) -> None:
    """Load and compile what the first frames need, before the camera's clock runs."""
    for frame in islice(source, WARM_UP):
        observer.observe(frame)
    source.seek(0)
    source.times_s.clear()
    observer.times_s.clear()
    observer.count = 0


def _tracker(options: LoadBenchmarkOptions, fps: float) -> FrameTracker:
    return load_live_tracker(LiveSetup(options.model, fps=fps)) if options.tracking else NoTracker()


def _check(pipeline: Pipeline) -> PipelineStatus:
    status = pipeline.status()
    if status.error is not None:
        raise status.error
    return status


def _settle(pipeline: Pipeline) -> PipelineStatus:
    """Stop the camera and wait for the frames that are under way."""
    pipeline.pause()
    before, status = None, _check(pipeline)
    for _ in range(round(SETTLE_S / POLL_S)):
        if status.caught_up and before is not None and before.frames_read == status.frames_read:
            break
        sleep(2 * POLL_S)  # longer than a frame that is being read takes
        before, status = status, _check(pipeline)
    return status


def _median_ms(times_s: deque[float]) -> float:
    return 1e3 * median(times_s or [0.0])
