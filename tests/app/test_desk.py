"""Opening, reopening and closing sources, and jobs beside them, without a window."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from PyQt5.QtCore import QObject

from app.desk import Desk
from app.session import Request
from dphm_core.errors import OutputError, SourceError
from dphm_core.pipeline import PipelineState


@pytest.fixture
def make_desk(qtbot) -> Iterator:
    desks, parent = [], QObject()

    def make(open_session) -> Desk:
        desks.append(Desk(open_session, parent))
        return desks[-1]

    yield make
    for desk in desks:
        desk.shut_down()


def test_frames_come_one_after_the_other_until_it_is_closed(qtbot, make_desk, sphere_session, sphere_source) -> None:
    source = sphere_source(length=None)
    desk, indices = make_desk(lambda request: sphere_session(source, request)), []
    desk.frame.connect(lambda tracked: indices.append(tracked.index))
    with qtbot.waitSignal(desk.opened):
        desk.open(Request("sphere"))
    qtbot.waitUntil(lambda: len(indices) > 5)
    assert indices == sorted(set(indices))
    with qtbot.waitSignal(desk.closed):
        desk.close()
    assert desk.session is None
    qtbot.waitUntil(lambda: source.closed)


def test_one_source_is_released_before_the_next_is_opened(qtbot, make_desk, sphere_session, sphere_source) -> None:
    sources, released = [], []

    def open_session(request):
        released.append(all(source.closed for source in sources))
        sources.append(sphere_source(length=None))
        return sphere_session(sources[-1], request)

    desk = make_desk(open_session)
    for _ in range(3):
        with qtbot.waitSignal(desk.opened):
            desk.open(Request("sphere"))
    assert released == [True, True, True]


def test_what_is_asked_for_while_another_opens_comes_next(qtbot, make_desk, sphere_session, sphere_source) -> None:
    gate, opened = threading.Event(), []

    def open_session(request):
        opened.append(request.uri)
        gate.wait(5)
        return sphere_session(sphere_source(), request)

    desk = make_desk(open_session)
    for uri in ("first", "second", "third"):
        desk.open(Request(uri))
    gate.set()
    qtbot.waitUntil(lambda: desk.session is not None and desk.session.request.uri == "third")
    assert opened == ["first", "third"]  # the one between was not wanted any longer


def test_reopening_keeps_the_place_in_the_recording(qtbot, make_desk, sphere_session, sphere_source) -> None:
    desk = make_desk(lambda request: sphere_session(sphere_source(length=2000), request))
    desk.open(Request("sphere"))
    qtbot.waitUntil(lambda: desk.shown is not None)
    desk.session.pipeline.pause()
    desk.session.pipeline.seek(700)
    qtbot.waitUntil(lambda: desk.shown.index == 700)
    with qtbot.waitSignal(desk.opened):
        desk.reopen(model="other")
    qtbot.waitUntil(lambda: desk.shown is not None)
    assert desk.request.model == "other"
    assert desk.shown.index == 700
    assert desk.session.pipeline.status().state is PipelineState.PAUSED


def test_closing_while_opening_lets_go_of_what_was_opened(qtbot, make_desk, sphere_session, sphere_source) -> None:
    gate, source = threading.Event(), sphere_source()

    def open_session(request):
        gate.wait(5)
        return sphere_session(source, request)

    desk = make_desk(open_session)
    desk.open(Request("sphere"))
    desk.close()
    gate.set()
    qtbot.waitUntil(lambda: source.closed)
    assert desk.session is None


def test_an_error_is_told_with_the_request_that_it_ended(qtbot, make_desk) -> None:
    def open_session(request):
        raise SourceError(f"{request.uri} is gone; plug it in")

    desk = make_desk(open_session)
    with qtbot.waitSignal(desk.failed) as failed:
        desk.open(Request("kinect"))
    assert failed.args[0] == "kinect is gone; plug it in"
    assert failed.args[1].uri == "kinect"
    assert desk.request is None


def test_a_thread_that_breaks_closes_the_source_and_is_told(qtbot, make_desk, sphere_session, sphere_source) -> None:
    source = sphere_source(broken_at=3)
    desk = make_desk(lambda request: sphere_session(source, request))
    with qtbot.waitSignal(desk.failed) as failed:
        desk.open(Request("sphere"))
    assert "the cable was pulled" in failed.args[0]
    qtbot.waitUntil(lambda: source.closed)


def test_a_jobs_result_comes_back_to_the_gui_thread(qtbot, make_desk) -> None:
    desk, results = make_desk(None), []

    def take(name: str) -> None:
        results.append((name, threading.current_thread()))

    desk.run("Counting", lambda tell: threading.current_thread().name, take)
    qtbot.waitUntil(lambda: bool(results))
    assert results == [("dphm-job-counting", threading.main_thread())]
    assert desk.tasks == []


def test_a_job_that_fails_is_told_and_one_that_is_cancelled_is_not(qtbot, make_desk) -> None:
    desk, gave_up, told = make_desk(None), [], []
    desk.failed.connect(lambda text, request, error: told.append((text, request)))

    def full(tell) -> None:
        raise OutputError("the disk is full; make room")

    def endless(tell) -> None:
        while True:
            tell(0, None)

    desk.run("Writing", full, failed=lambda: gave_up.append("writing"))
    desk.run("Looping", endless, failed=lambda: gave_up.append("looping")).cancel()
    qtbot.waitUntil(lambda: len(gave_up) == 2)
    assert told == [("the disk is full; make room", None)]
