"""What the window does for its user, on a synthetic source: recording, recent sources, drops, settings, shortcuts."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PyQt5.QtCore import QMimeData, QPoint, Qt, QUrl
from PyQt5.QtGui import QDropEvent, QKeySequence
from PyQt5.QtWidgets import QAction

from app.actions import shortcuts, show_shortcuts
from app.session import Request
from app.theme import LIGHT
from app.view3d.options import Layer, MeshStyle
from dphm_core.errors import SourceError
from dphm_core.sources import open_source


@pytest.fixture
def recording(qtbot, playing, tmp_path: Path):
    """Return a window that records its synthetic camera."""
    window, _ = playing
    qtbot.mouseClick(window.record_bar.button, Qt.LeftButton)
    qtbot.waitUntil(lambda: window.recorder.recording)
    return window


def recorded_frames(window) -> list[int]:
    (path,) = window.places.recordings.iterdir()
    with open_source(path) as source:
        return [frame.index for frame in source]


def test_a_camera_is_recorded_while_it_is_watched(recording, qtbot) -> None:
    window, shown = recording, recording.frames_shown
    qtbot.waitUntil(lambda: window.record_bar.time.text() > "0:00:00" or window.frames_shown > shown + 20)
    with qtbot.waitSignal(window.recorder.recorded) as recorded:
        qtbot.mouseClick(window.record_bar.button, Qt.LeftButton)
    indices = recorded_frames(window)
    assert len(indices) > 10
    assert np.diff(indices).tolist() == [1] * (len(indices) - 1)
    assert recorded.args[0] in window.settings.texts("recent")
    assert window.record_bar.open_it.isVisible()


def test_closing_the_window_finishes_the_recording(recording, qtbot) -> None:
    shown = recording.frames_shown
    qtbot.waitUntil(lambda: recording.frames_shown > shown + 5)
    recording.close()
    assert len(recorded_frames(recording)) > 3


def test_closing_the_source_finishes_the_recording(recording, qtbot) -> None:
    shown = recording.frames_shown
    qtbot.waitUntil(lambda: recording.frames_shown > shown + 5)
    with qtbot.waitSignal(recording.recorder.recorded):
        recording.desk.close()
    assert len(recorded_frames(recording)) > 3


def test_a_second_press_does_not_begin_a_second_recording(playing, qtbot) -> None:
    window, _ = playing
    window.recorder.start()
    window.recorder.start()
    qtbot.waitUntil(lambda: window.recorder.recording)
    shown = window.frames_shown
    qtbot.waitUntil(lambda: window.frames_shown > shown + 2)  # of a recording without a frame nothing is kept
    with qtbot.waitSignal(window.recorder.recorded):
        window.recorder.stop()
    assert len(list(window.places.recordings.iterdir())) == 1


def test_what_is_exported_is_the_picture_that_stands_still(playing, qtbot) -> None:
    window, _ = playing
    window.player.toggle()
    qtbot.wait(100)
    held, index = window.desk.drawn, window.desk.shown.index
    qtbot.waitUntil(lambda: window.desk.shown.index > index + 5)
    assert window.desk.drawn is held


def test_where_there_are_no_frames_to_track_all_of_that_is_told(playing, qtbot) -> None:
    window, _ = playing
    window.player.track_all()
    assert "Record it" in window.message.text.text()
    window.desk.close()
    window.player.track_all()
    assert "Open a recording first" in window.message.text.text()
    assert [task for task in window.desk.tasks if not task.quiet] == []


def test_only_a_camera_is_recorded(qtbot, make_window, sphere_session, sphere_source) -> None:
    window = make_window(lambda request: sphere_session(sphere_source(), request))
    window.open("sphere")
    qtbot.waitUntil(lambda: window.frames_shown > 1)
    assert not window.record_bar.button.isEnabled()
    assert "camera" in window.record_bar.button.toolTip()


def test_no_work_of_frames_is_done_on_the_gui_thread(qtbot, make_window, sphere_session, sphere_source) -> None:
    threads: dict[str, set[str]] = {}

    def watch(owner, name: str) -> None:
        do = getattr(owner, name)

        def watched(*arguments):
            threads.setdefault(name, set()).add(threading.current_thread().name)
            return do(*arguments)

        setattr(owner, name, watched)

    def open_session(request: Request):
        threads.setdefault("open", set()).add(threading.current_thread().name)
        source = sphere_source(length=None)
        for name in ("frame", "close"):
            watch(source, name)
        session = sphere_session(source, request)
        watch(session.pipeline._observer, "observe")
        watch(session.tracker, "track")
        return session

    window = make_window(open_session)
    window.open("sphere")
    qtbot.waitUntil(lambda: window.frames_shown > 5)
    window.close()
    assert threads == {
        "open": {"dphm-job-opening"}, "frame": {"dphm-source"}, "observe": {"dphm-observer"},
        "track": {"dphm-tracker"}, "close": {"dphm-source"},
    }  # fmt: skip


def test_a_slow_tracker_leaves_the_window_alive_and_closing_quick(
    qtbot, make_window, sphere_session, sphere_source
) -> None:
    def open_session(request: Request):
        session = sphere_session(sphere_source(length=None), request)
        track = session.tracker.track
        session.tracker.track = lambda observation: time.sleep(1.5) or track(observation)
        return session

    window = make_window(open_session)
    window.open("sphere")
    qtbot.waitUntil(lambda: window.frames_shown > 0)
    started = time.perf_counter()
    window.options.set_style(MeshStyle.WIREFRAME)
    qtbot.wait(20)
    assert time.perf_counter() - started < 1.2  # it did not wait for the tracker
    started = time.perf_counter()
    window.close()
    assert time.perf_counter() - started < 10.0


def test_what_was_opened_is_offered_again(qtbot, make_window, sphere_session, sphere_source, tmp_path: Path) -> None:
    (tmp_path / "talk").mkdir()
    window = make_window(lambda request: sphere_session(sphere_source(), request))
    window.open(str(tmp_path / "talk"))
    qtbot.waitUntil(lambda: window.frames_shown > 0)
    assert window.settings.texts("recent") == [str(tmp_path / "talk")]
    assert [choice.title for choice in window.start_page.choices.recent] == ["talk"]
    window.sources.forget(str(tmp_path / "talk"))
    assert window.settings.texts("recent") == []


def test_a_recording_that_is_dropped_is_opened(qtbot, make_window, sphere_session, sphere_source, tmp_path) -> None:
    (tmp_path / "color").mkdir()
    (tmp_path / "depth").mkdir()
    opened = []

    def open_session(request: Request):
        opened.append(request.uri)
        return sphere_session(sphere_source(), request)

    window = make_window(open_session)
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(tmp_path))])
    window.dropEvent(QDropEvent(QPoint(9, 9), Qt.CopyAction, mime, Qt.LeftButton, Qt.NoModifier))
    qtbot.waitUntil(lambda: window.frames_shown > 0)
    assert opened == [str(tmp_path)]


def test_an_error_offers_to_try_again(qtbot, make_window, sphere_session, sphere_source) -> None:
    sources = iter([sphere_source(broken_at=1), sphere_source()])
    window = make_window(lambda request: sphere_session(next(sources), request))
    with qtbot.waitSignal(window.failed):
        window.open("camera 7")
    assert window.message.action.isVisible()
    qtbot.mouseClick(window.message.action, Qt.LeftButton)
    qtbot.waitUntil(lambda: window.frames_shown > 2)


def test_a_job_that_failed_is_told_and_the_source_stays_open(playing, qtbot) -> None:
    window, _ = playing

    def fail(tell) -> None:
        raise SourceError("the stick was pulled out; put it in again")

    with qtbot.waitSignal(window.failed):
        window.desk.run("Copying", fail)
    assert "the stick was pulled out" in window.message.text.text()
    shown = window.frames_shown
    qtbot.waitUntil(lambda: window.frames_shown > shown + 2)


def test_the_picture_of_a_camera_stands_still_while_frames_go_on(playing, qtbot) -> None:
    window, _ = playing
    qtbot.mouseClick(window.playback.play, Qt.LeftButton)
    assert window.desk.frozen
    shown, read = window.frames_shown, window.desk.session.pipeline.status().frames_read
    qtbot.waitUntil(lambda: window.desk.session.pipeline.status().frames_read > read + 5)
    assert window.frames_shown <= shown + 1  # one may have been about to be painted
    shown = window.frames_shown
    qtbot.mouseClick(window.playback.play, Qt.LeftButton)
    qtbot.waitUntil(lambda: window.frames_shown > shown + 2)


def test_choices_are_remembered(qtbot, make_window, sphere_session, sphere_source) -> None:
    from app.settings import WindowSettings
    from app.window import MainWindow

    window = make_window(lambda request: sphere_session(sphere_source(), request))
    window.options.set_style(MeshStyle.RESIDUAL)
    window.options.set_layer(Layer.AXES, True)
    window.set_theme(LIGHT)
    window.close()
    again = MainWindow(lambda request: None, window.places, WindowSettings(window.settings._file))
    qtbot.addWidget(again)
    assert again.view.mesh_style is MeshStyle.RESIDUAL
    assert again.options.layers[Layer.AXES].isChecked()
    assert again.settings.text("theme", "") == "light"
    again.close()


def test_every_shortcut_is_listed_once_and_does_something(playing, qtbot) -> None:
    window, _ = playing
    pairs = shortcuts(window)
    keys = [key for key, _ in pairs]
    assert len(keys) == len(set(keys)) >= 25
    dialog = show_shortcuts(window)
    assert dialog.isVisible()
    dialog.close()
    for key, style in (("1", MeshStyle.SHADED), ("2", MeshStyle.WIREFRAME), ("4", MeshStyle.RESIDUAL)):
        action_of(window, key).trigger()
        assert window.view.mesh_style is style
    action_of(window, "P").trigger()
    assert not window.options.layers[Layer.POINTS].isChecked()
    action_of(window, "Space").trigger()
    assert window.desk.frozen


def action_of(window, keys: str) -> QAction:
    wanted = QKeySequence(keys)
    (action,) = (action for action in window.findChildren(QAction) if action.shortcut() == wanted)
    return action
