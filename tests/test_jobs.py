"""Slow work beside a window: result, progress, errors, cancelling."""

from __future__ import annotations

import threading

import pytest

from dphm_core.errors import Cancelled
from dphm_core.jobs import Job, Progress


def test_the_result_comes_once_it_is_there() -> None:
    go = threading.Event()
    job = Job(lambda tell: go.wait(10) and "done", "Waiting")
    assert job.running
    assert job.poll() is None
    go.set()
    assert job.wait() == "done"
    assert job.poll() == "done"
    assert not job.running


def test_progress_is_told_while_it_runs() -> None:
    told, go = threading.Event(), threading.Event()

    def work(tell) -> None:
        tell(3, 12)
        told.set()
        go.wait(10)

    job = Job(work, "Counting")
    assert told.wait(10)
    assert (job.progress.done, job.progress.total, job.progress.share) == (3, 12, 0.25)
    go.set()
    job.wait()


def test_the_time_left_goes_by_the_pace_so_far() -> None:
    assert Progress(25, 100, elapsed_s=10.0).left_s == pytest.approx(30.0)
    assert Progress(0, 100, elapsed_s=10.0).left_s is None
    assert Progress(5, None, elapsed_s=10.0).left_s is None


def test_an_error_is_raised_for_whoever_asks() -> None:
    def work(tell) -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        Job(work, "Breaking").wait()


def test_cancelling_ends_the_work_with_its_next_step() -> None:
    def work(tell) -> None:
        step = 0
        while True:
            tell(step, None)
            step += 1

    job = Job(work, "Looping")
    job.cancel()
    with pytest.raises(Cancelled, match="Looping was cancelled"):
        job.wait()
