"""Facts for the report of a run: how long each stage took, the machine, the memory."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from dphm_core.output.track_file import Track

STAGES = ("decode", "observe", "landmarks", "solve", "mesh", "write")
"""What a frame passes through, from the recording to its mesh file."""
OBSERVER_STAGES = ("observe", "landmarks")
"""Stages on the observing thread, which a live camera needs too."""
TRACKER_STAGES = ("solve", "mesh")
"""Stages on the tracker's thread."""
HEAD_START = 5
"""Frames that were ready while the tracker calibrated: they do not count for the frame rate."""
MIN_INTERVALS = 5
"""Fewer intervals between frames than this are no measurement of a frame rate."""
PAUSE = 20.0
"""An interval of so many usual ones is a pause."""


class StageTimes:
    """Seconds per stage of the frames that were tracked."""

    def __init__(self) -> None:
        self._seconds: dict[str, list[float]] = {stage: [] for stage in STAGES}
        self._latency_s: list[float] = []

    def add(self, stages_s: dict[str, float]) -> None:
        """Count one frame."""
        for stage, seconds in self._seconds.items():
            if stage in stages_s:
                seconds.append(stages_s[stage])
        self._latency_s.append(sum(stages_s.get(stage, 0.0) for stage in (*OBSERVER_STAGES, *TRACKER_STAGES)))

    def summary_ms(self) -> dict[str, dict[str, float | None]]:
        """Median and 95th percentile per stage, milliseconds."""
        return {stage: median_and_p95_ms(seconds) for stage, seconds in self._seconds.items()}

    def latency_ms(self) -> dict[str, float | None]:
        """Median and 95th percentile of the time from a capture to its mesh, milliseconds."""
        return median_and_p95_ms(self._latency_s)

    def rate(self, *threads: tuple[str, ...]) -> float | None:
        """Frames per second of threads that work side by side, each through its own stages, by their mean times."""
        slowest = max(sum(self._mean_s(stage) for stage in stages) for stages in threads)
        return 1 / slowest if slowest > 0 else None

    def _mean_s(self, stage: str) -> float:
        return float(np.mean(self._seconds[stage])) if self._seconds[stage] else 0.0


def median_and_p95_ms(seconds: list[float]) -> dict[str, float | None]:
    """Median and 95th percentile, milliseconds; None without a value."""
    if not seconds:
        return {"median": None, "p95": None}
    median, p95 = np.percentile(seconds, [50, 95]) * 1e3
    return {"median": round(float(median), 3), "p95": round(float(p95), 3)}


def steady_rate(times_s: list[float]) -> float | None:
    """Frames per second from the moments at which frames were done, less a head start; None where they are too few.

    Pauses, in which a better identity was worked out, are no frame's: they are left out.
    """
    intervals = np.diff(times_s[HEAD_START:])
    if len(intervals) < MIN_INTERVALS:
        return None
    usual = intervals[intervals <= PAUSE * np.median(intervals)]
    return float(len(usual) / usual.sum()) if usual.sum() > 0 else None


def track_facts(track: Track) -> dict[str, Any]:
    """How many frames there are and were tracked, and how well: means over the tracked ones, the least confidence."""
    tracked = np.isfinite(track.translation_m[:, 0])
    residual = track.residual_mm[tracked & np.isfinite(track.residual_mm)]
    confidence = track.confidence[tracked & np.isfinite(track.confidence)]
    return {
        "frames": len(track.frame_index),
        "tracked": int(tracked.sum()),
        "residual_mm": round(float(residual.mean()), 3) if len(residual) else None,
        "confidence": {
            "mean": round(float(confidence.mean()), 3) if len(confidence) else None,
            "least": round(float(confidence.min()), 3) if len(confidence) else None,
        },
    }


def speed_facts(times: StageTimes, done_s: list[float]) -> dict[str, Any]:
    """Frame rates, latency and the time per stage.

    Parameters
    ----------
    times : StageTimes
        Of the tracked frames.
    done_s : list of float
        Moments at which the frames after the calibration were done with, seconds.

    Returns
    -------
    dict
        `frames_per_second` is measured where enough frames came after the calibration. Otherwise it, and always
        `pipeline_frames_per_second`, follows from the mean stage times of the slowest thread; the `…_measured` say so.
    """
    measured = steady_rate(done_s)
    derived = times.rate(("decode",), OBSERVER_STAGES, TRACKER_STAGES, ("write",))
    return {
        "frames_per_second": _rounded(measured or derived),
        "frames_per_second_measured": measured is not None,
        "pipeline_frames_per_second": _rounded(times.rate(OBSERVER_STAGES, TRACKER_STAGES)),
        "pipeline_measured": False,
        "latency_ms": times.latency_ms(),
        "stages_ms": times.summary_ms(),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def machine_facts() -> dict[str, Any]:
    """Processor, cores that may be used, system, and the versions that decide the speed."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "cpu": _cpu_model(),
        "cores": cores,
        "system": platform.platform(),
        "python": platform.python_version(),
        "torch": _version("torch"),
        "dphm": _version("dphm-live"),
    }


def peak_memory_mb() -> float:
    """Largest resident memory of this process so far, MiB."""
    if sys.platform == "win32":
        import psutil

        return round(psutil.Process().memory_info().peak_wset / 2**20, 1)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10), 1)


def _cpu_model() -> str:
    """Name of the processor; Linux tells it in /proc only."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
