"""`make soak`: many minutes of simulated live tracking in the window, and what becomes of memory, latency and the GUI.

python -m app.bench.soak --minutes 20
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter

import numpy as np
import psutil
import tyro

from dphm_core.frames import TrackedFrame, TrackStatus

from ..session import Request
from .heartbeat import LIMIT_MS, Heartbeat
from .stand import Stand, say

SAMPLE_S = 10.0
SETTLED = 0.15
"""Part of the time that counts as the start: what is allocated until then stays."""
MAX_GROWTH_MB = 50.0
MAX_CLOSING_S = 2.0
SLOW_S = 1.0
SLOW_PHASE_S = 15.0


@dataclass(frozen=True)
class SoakOptions:
    """How long to run, and on what."""

    minutes: float = 20.0
    """Of simulated live tracking."""
    source: str = "simulated"
    """What is tracked."""


@dataclass
class Samples:
    """One value every ten seconds."""

    memory_mb: list[float] = field(default_factory=list)
    latency_ms: list[float] = field(default_factory=list)
    longest_ms: list[float] = field(default_factory=list)
    long_waits: int = 0
    tracked: int = 0
    frames: int = 0


def main() -> None:
    """Run, print the figures, and exit with 1 where one is beyond its limit."""
    sys.exit(run(tyro.cli(SoakOptions, prog="make soak")))


def run(options: SoakOptions) -> int:
    """Live tracking for long, then a slow tracker and a slow source; 0 where all is well."""
    good = [_live(options)]
    for name, source_s, tracker_s in (("slow tracker", 0.033, SLOW_S), ("slow source", SLOW_S, 0.01)):
        good.append(_slow(name, source_s, tracker_s))
    return 0 if all(good) else 1


def _live(options: SoakOptions) -> bool:
    from ..session import open_session

    with Stand(open_session) as stand:
        samples, heartbeat = Samples(), Heartbeat(stand.window)
        process, latencies = psutil.Process(), []

        def count(tracked: TrackedFrame) -> None:
            samples.frames += 1
            samples.tracked += tracked.status is TrackStatus.TRACKING

        stand.window.desk.ticked.connect(lambda _tracked, status: latencies.append(status.latency_s))
        stand.window.desk.frame.connect(count)
        stand.open(Request(options.source))
        ends = perf_counter() + options.minutes * 60
        say(f"{'minutes':>8}{'memory':>12}{'latency median':>16}{'95 %':>10}{'GUI wait longest':>18}{'> 50 ms':>9}")
        while perf_counter() < ends:
            stand.wait(min(SAMPLE_S, max(0.1, ends - perf_counter())))
            known = [latency for latency in latencies if latency is not None] or [float("nan")]
            latencies.clear()
            waits = heartbeat.take()
            samples.memory_mb.append(process.memory_info().rss / 2**20)
            samples.latency_ms.append(float(np.median(known)) * 1e3)
            samples.longest_ms.append(waits["longest_ms"])
            samples.long_waits += int(waits["longer_than_50_ms"])
            say(
                f"{options.minutes - (ends - perf_counter()) / 60:8.1f}{samples.memory_mb[-1]:9.0f} MB"
                f"{samples.latency_ms[-1]:13.0f} ms{np.percentile(known, 95) * 1e3:7.0f} ms"
                f"{waits['longest_ms']:15.0f} ms{waits['longer_than_50_ms']:9.0f}"
            )
        closing_s = stand.close()
    return _judge(samples, closing_s)


def _judge(samples: Samples, closing_s: float) -> bool:
    start = max(1, int(len(samples.memory_mb) * SETTLED))
    third = max(1, (len(samples.memory_mb) - start) // 3)
    growth = float(np.median(samples.memory_mb[-third:]) - np.median(samples.memory_mb[start : start + third]))
    early, late = (
        np.nanmedian(part) for part in (samples.latency_ms[start : start + third], samples.latency_ms[-third:])
    )
    say(f"frames            {samples.frames}, {samples.tracked / max(samples.frames, 1):.1%} tracked")
    say(f"memory growth     {growth:+.1f} MB (first to last third, after the start), asked below {MAX_GROWTH_MB:g}")
    say(f"latency           {early:.0f} ms in the first third, {late:.0f} ms in the last")
    say(f"GUI waits > 50 ms {samples.long_waits}, longest {max(samples.longest_ms[start:]):.0f} ms after the start")
    say(f"closing           {closing_s:.2f} s, asked within {MAX_CLOSING_S:g}")
    return growth < MAX_GROWTH_MB and late < 1.5 * early and closing_s < MAX_CLOSING_S


def _slow(name: str, source_s: float, tracker_s: float) -> bool:
    from dphm_core.places import DEMO_RECORDING

    from .fakes import slow_session

    with Stand(partial(slow_session, source_s=source_s, tracker_s=tracker_s)) as stand:
        heartbeat = Heartbeat(stand.window)
        stand.open(Request(str(DEMO_RECORDING)))
        stand.wait(2.0)  # the first picture compiles shaders
        heartbeat.take()
        stand.wait(SLOW_PHASE_S)
        waits = heartbeat.take()
        closing_s = stand.close()
    say(f"{name:18}GUI waits: longest {waits['longest_ms']:.0f} ms; closing {closing_s:.2f} s")
    return waits["longest_ms"] < LIMIT_MS and closing_s < MAX_CLOSING_S


if __name__ == "__main__":
    main()
