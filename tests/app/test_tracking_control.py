"""What the window asks of its tracker, on a synthetic source."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from app.late_tracker import LateTracker, Parts
from app.panels.tracking_panel import Missing
from app.session import Request, Session
from dphm_core.errors import CheckpointError
from dphm_core.pipeline import Pace, Pipeline, PipelineState
from dphm_core.tracking.live_settings import LiveSettings


def test_a_model_that_cannot_be_loaded_is_told_though_the_recording_stands_still(
    qtbot, make_window, sphere_source
) -> None:
    def open_session(request: Request) -> Session:
        def load() -> Parts:
            time.sleep(0.3)
            raise CheckpointError("no head model 'x'; choose another one")

        late, source = LateTracker(load), sphere_source()
        pipeline = Pipeline(source, late, late, every_frame=False, pace=Pace.SOURCE)
        return Session(request, pipeline, late, source)

    window = make_window(open_session)
    with qtbot.waitSignal(window.failed):
        window.open("sphere")
    assert "no head model 'x'" in window.message.text.text()
    assert window.pages.currentWidget() is window.start_page


def test_settings_of_the_tracker_go_with_every_source_that_is_opened(
    qtbot, make_window, sphere_session, sphere_source
) -> None:
    requests = []

    def open_session(request: Request):
        requests.append(request)
        return sphere_session(sphere_source(), request)

    window = make_window(open_session)
    for uri in ("first", "second"):
        window.open(uri)
        qtbot.waitUntil(lambda: window.frames_shown > 0 and window.desk.session is not None)
        window.tracking.sliders.changed.emit(LiveSettings(points=900))
    assert [request.live.points for request in requests] == [LiveSettings().points, 900]


def test_tracking_that_is_started_on_a_still_is_seen_there(qtbot, make_window, sphere_session, sphere_source) -> None:
    window = make_window(lambda request: sphere_session(sphere_source(), request))
    window.open("sphere")
    qtbot.waitUntil(lambda: window.frames_shown > 0)
    window.player.toggle()
    window.tracker.set_tracking(False)
    window.player.jump(30)
    qtbot.waitUntil(lambda: window.desk.shown.index == 30 and window.desk.shown.vertices_cam is None)
    window.tracker.set_tracking(True)
    qtbot.waitUntil(lambda: window.desk.shown.vertices_cam is not None)
    assert window.desk.shown.index == 30


def test_tracking_that_is_started_at_the_end_is_seen_there(qtbot, make_window, sphere_session, sphere_source) -> None:
    window = make_window(lambda request: sphere_session(sphere_source(), request))
    window.tracker.set_tracking(False)
    window.open("sphere")
    qtbot.waitUntil(lambda: window.desk.shown is not None)
    window.playback.loop.setChecked(False)
    qtbot.waitUntil(lambda: window.desk.session.pipeline.status().state is PipelineState.ENDED)
    qtbot.waitUntil(lambda: window.desk.shown.index == 59)
    assert window.desk.shown.vertices_cam is None
    window.tracker.set_tracking(True)
    qtbot.waitUntil(lambda: window.desk.shown.vertices_cam is not None)
    assert (window.desk.shown.index, window.tracking.state.text()) == (59, "● Tracking")
    window.playback.play.click()
    qtbot.waitUntil(lambda: window.desk.shown.index < 59)  # one press is enough to see it from the start
    assert window.desk.session.pipeline.status().state is PipelineState.PLAYING


@pytest.mark.parametrize("change", ["calibrate", "find_again", "load"])
def test_what_is_asked_of_the_tracker_is_seen_on_a_still(
    qtbot, with_tracker, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    window, _used = with_tracker
    monkeypatch.setattr("dphm_core.tracking.subject_file.load_subject_of", lambda _path, _model: "somebody")
    window.desk.session.pipeline.pause()
    window.player.jump(30)
    qtbot.waitUntil(lambda: window.desk.shown.index == 30)
    before = window.desk.shown
    if change == "load":
        window.tracker.load_subject(Path("somebody.safetensors"))
    else:
        getattr(window.tracking, change).click()
    qtbot.waitUntil(lambda: window.desk.shown is not before)
    assert window.desk.shown.index == 30
    assert window.desk.session.pipeline.status().state is PipelineState.PAUSED


def test_a_still_that_was_tracked_before_the_panel_knew_of_the_tracker_is_told(qtbot, with_tracker) -> None:
    window, _ = with_tracker
    window.player.toggle()
    window.player.jump(30)
    qtbot.waitUntil(lambda: window.desk.shown.index == 30)
    window.tracker._head_tracker = None  # as before the first look
    window.tracking.set_missing(Missing.MODEL)
    window.desk.ticking.emit()
    assert (window.tracking.state.text(), window.tracking.load.isEnabled()) == ("● Tracking", True)


def test_settings_that_make_no_sense_are_passed_over(make_window, sphere_session) -> None:
    from app.tracker_memory import remembered_settings

    window = make_window(lambda request: None)
    for name, value in (("points", "many"), ("smoothness", "nan"), ("prior_spread", "-3")):
        window.settings.keep(name, value)
        assert remembered_settings(window.settings) == LiveSettings()
        window.settings.keep(name, repr(float(getattr(LiveSettings(), name))))


@pytest.fixture
def with_tracker(qtbot, make_window, sphere_session, sphere_source):
    """Return a window whose tracker can be asked for things, and the subjects that it was given."""
    used: list[object] = []

    def open_session(request: Request) -> Session:
        plain = sphere_session(sphere_source(), request)
        tracker = plain.tracker
        tracker.model, tracker.known, tracker.awaits_frame = SimpleNamespace(expression_names=()), None, False
        tracker.adjust, tracker.use_subject = (lambda _live: None), used.append
        tracker.recalibrate = lambda: None
        late = LateTracker(lambda: Parts(plain.pipeline._observer, tracker))
        return Session(request, Pipeline(plain.source, late, late, every_frame=False), late, plain.source)

    window = make_window(open_session)
    window.open("sphere")
    qtbot.waitUntil(lambda: window.tracking.load.isEnabled())
    return window, used


@pytest.mark.parametrize("cancelled", [False, True])
def test_a_subject_that_is_not_wanted_any_more_is_not_used(
    qtbot, with_tracker, monkeypatch: pytest.MonkeyPatch, cancelled: bool
) -> None:
    window, used = with_tracker
    slow_disk = threading.Event()
    read = lambda _path, _model: slow_disk.wait(30) and "somebody"  # noqa: E731
    monkeypatch.setattr("dphm_core.tracking.subject_file.load_subject_of", read)
    window.tracker.load_subject(Path("somebody.safetensors"))
    if cancelled:
        window.desk.tasks[-1].job.cancel()
    slow_disk.set()
    qtbot.waitUntil(lambda: not window.desk.tasks)
    assert used == ([] if cancelled else ["somebody"])
    assert (window.desk.request.subject is None) == cancelled
