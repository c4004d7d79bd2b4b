"""Work beside what goes on: at once or on a thread, given up when it is not wanted."""

from __future__ import annotations

import threading
import time

import pytest

from dphm_core.aside import Aside, Check
from dphm_core.errors import Cancelled


def endless(check: Check) -> int:
    while True:
        check()
        time.sleep(0.002)


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "dphm-test"]


@pytest.mark.parametrize("background", [False, True])
def test_a_result_is_handed_over_once(background: bool) -> None:
    aside: Aside[str] = Aside(background, "dphm-test")
    assert not aside.busy and aside.take() is None
    aside.start(lambda _check: threading.current_thread().name)
    assert aside.busy
    aside.wait()
    assert aside.take() == ("dphm-test" if background else threading.current_thread().name)
    assert not aside.busy and aside.take() is None


@pytest.mark.parametrize("background", [False, True])
def test_what_the_work_raises_is_raised_where_its_result_is_taken(background: bool) -> None:
    aside: Aside[float] = Aside(background, "dphm-test")
    aside.start(lambda _check: 1 / 0)
    aside.wait()
    with pytest.raises(ZeroDivisionError):
        aside.take()
    assert not aside.busy


def test_cancelling_ends_the_thread_and_lets_nothing_begin_until_reopened() -> None:
    aside: Aside[int] = Aside(True, "dphm-test")
    aside.start(endless)
    assert threads()
    aside.cancel(1.0)
    assert not threads() and not aside.busy
    with pytest.raises(Cancelled):
        aside.start(endless)
    aside.reopen()
    aside.start(lambda _check: 3)
    aside.wait()
    assert aside.take() == 3


def test_work_that_is_done_at_once_is_cancelled_from_another_thread() -> None:
    aside: Aside[int] = Aside(False, "dphm-test")
    timer = threading.Timer(0.05, aside.cancel, [1.0])
    timer.start()
    with pytest.raises(Cancelled):
        aside.start(endless)
    timer.join()
    assert not aside.busy


def test_dropped_work_leaves_no_result_behind() -> None:
    aside: Aside[int] = Aside(True, "dphm-test")
    aside.start(endless)
    aside.drop()
    aside.start(lambda _check: 5)
    aside.wait()
    assert aside.take() == 5
    deadline = time.monotonic() + 2
    while threads() and time.monotonic() < deadline:
        time.sleep(0.005)
    assert not threads()
