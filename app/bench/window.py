"""`make bench-window`: what a window costs the tracker, and how soon the first picture of a recording is there.

python -m app.bench.window --seconds 20
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro

from ..session import Request, Session, open_session
from .heartbeat import Heartbeat
from .stand import Stand, say

WARM_UP_S = 25.0
"""Until the head's own identity is there."""


@dataclass(frozen=True)
class WindowBenchOptions:
    """How long to measure, and on what."""

    seconds: float = 20.0
    """With and without the window, each."""
    source: str = "simulated"
    """A source that is paced as a camera."""
    rounds: int = 2
    """How often, in turn."""
    starts: int = 3
    """How often the program is started for its first picture."""
    subject: Path | None = None
    """Subject file; without one, the head is calibrated first."""


def main() -> None:
    """Measure and print."""
    options = tyro.cli(WindowBenchOptions, prog="make bench-window")
    request = Request(options.source, subject=options.subject)
    without, with_window, views = [], [], []
    for _ in range(options.rounds):
        without.append(_without_window(request, options.seconds))
        rate, view = _with_window(request, options.seconds)
        with_window.append(rate)
        views.append(view)
    say(f"tracker without a window  {np.median(without):5.1f} frames/s   {_each(without)}")
    say(f"tracker with the window   {np.median(with_window):5.1f} frames/s   {_each(with_window)}")
    say(f"kept                      {np.median(with_window) / np.median(without):5.0%}")
    say(f"view, meanwhile           {np.median(views):5.1f} updates/s  {_each(views)}")
    starts = [_first_picture() for _ in range(options.starts)]
    say(f"start to first picture    {np.median(starts):5.2f} s          {_each(starts)}")


def _each(values: list[float]) -> str:
    return "(" + ", ".join(f"{value:.1f}" for value in values) + ")"


def _without_window(request: Request, seconds: float) -> float:
    session = open_session(request)
    session.start()
    try:
        time.sleep(WARM_UP_S)
        _settle(session)
        before, started = session.pipeline.status().frames_tracked, time.perf_counter()
        time.sleep(seconds)
        return (session.pipeline.status().frames_tracked - before) / (time.perf_counter() - started)
    finally:
        session.pipeline.stop()


def _settle(session: Session) -> None:
    """Keep the head as it is known now: what is worked out beside the picture would come and go between the runs."""
    if session.head_tracker is not None:
        session.head_tracker.settle()
        time.sleep(1.0)


def _with_window(request: Request, seconds: float) -> tuple[float, float]:
    with Stand(open_session) as stand:
        stand.open(request)
        stand.wait(WARM_UP_S)
        session, shown = stand.window.desk.session, [0]
        assert session is not None
        _settle(session)
        stand.window.frame_shown.connect(lambda count: shown.append(count))
        heartbeat = Heartbeat(stand.window)
        before, started, drawn = session.pipeline.status().frames_tracked, time.perf_counter(), len(shown)
        stand.wait(seconds)
        elapsed = time.perf_counter() - started
        waits = heartbeat.take()
        median, p99, longest = (waits[name] for name in ("median_ms", "p99_ms", "longest_ms"))
        say(f"GUI waits: median {median:.1f}, 99 % {p99:.0f}, longest {longest:.0f} ms")
        return (session.pipeline.status().frames_tracked - before) / elapsed, (len(shown) - drawn) / elapsed


def _first_picture() -> float:
    """Seconds from starting the program to the first picture of the demo recording."""
    from dphm_core.places import DEMO_RECORDING

    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / "first.png"
        command = [sys.executable, "-m", "app.main", str(DEMO_RECORDING), "--frames", "1", "--screenshot", str(picture)]
        own = {**os.environ, "XDG_CONFIG_HOME": folder, "XDG_DATA_HOME": folder}  # no track of an earlier start
        started = time.time()
        subprocess.run(command, check=True, capture_output=True, env=own)
        return picture.stat().st_mtime - started


if __name__ == "__main__":
    main()
