"""The window on a synthetic source: what it shows, its controls, errors, and that it leaves nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from PyQt5.QtCore import QEvent, QPoint, Qt
from PyQt5.QtGui import QImage, QMouseEvent
from PyQt5.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.screenshot import ScreenshotTaker
from app.session import Request
from app.view3d.options import Layer, MeshStyle
from app.view3d.scene import CAMERA_TO_SCENE
from dphm_core.errors import NoCameraError, SourceError
from dphm_core.frames import Observation, TrackedFrame, TrackStatus
from dphm_core.pipeline import PipelineState


def no_camera(request: Request):
    raise NoCameraError(f"no {request.uri} camera is connected; plug one in")


def share(mask: np.ndarray) -> float:
    return float(mask.mean())


def bluish(pixels: np.ndarray) -> np.ndarray:
    return pixels[..., 2] > pixels[..., 0] + 40


def reddish(pixels: np.ndarray) -> np.ndarray:
    return pixels[..., 0] > pixels[..., 2] + 100


def greenish(pixels: np.ndarray) -> np.ndarray:
    return pixels[..., 1] > pixels[..., 0] + 100


def test_cloud_and_mesh_are_both_seen_upright_and_where_they_belong(playing, view_picture) -> None:
    window, _ = playing
    window.options.set_style(MeshStyle.SHADED)
    window.desk.session.pipeline.pause()
    pixels = view_picture(window)
    blue, red, green = (np.argwhere(mask(pixels)) for mask in (bluish, reddish, greenish))
    assert share(bluish(pixels)) > 0.03
    assert share(reddish(pixels)) > 0.02
    assert share(greenish(pixels)) > 0.01
    assert blue[:, 0].mean() < red[:, 0].mean()  # the mesh covers the upper part of the red ball
    assert green[:, 0].mean() > blue[:, 0].mean()  # the green ball lies right of it and below
    assert green[:, 1].mean() > blue[:, 1].mean()
    centre = np.argwhere(bluish(pixels) | reddish(pixels)).mean(axis=0)
    assert np.abs(centre / pixels.shape[:2] - 0.5).max() < 0.15  # the view is aimed at the head


def test_the_room_behind_the_head_is_hidden(playing, view_picture) -> None:
    window, _ = playing
    grey_wall = np.abs(view_picture(window) - 120).max(axis=-1) < 5
    assert share(grey_wall) == 0.0


def test_points_and_mesh_can_be_hidden_and_the_mesh_be_translucent(playing, qtbot: QtBot, view_picture) -> None:
    window, _ = playing
    window.options.set_style(MeshStyle.SHADED)
    opaque = view_picture(window)
    window.options.set_style(MeshStyle.TRANSLUCENT)
    translucent = view_picture(window)
    assert share(bluish(translucent)) < share(bluish(opaque)) / 2  # the red ball shows through
    window.options.set_layer(Layer.MESH, False)
    assert share(bluish(view_picture(window))) == 0.0
    window.options.set_layer(Layer.POINTS, False)
    assert view_picture(window).max() < 40


def test_the_mouse_orbits_around_the_head_and_the_button_goes_back(playing, qtbot: QtBot, view_picture) -> None:
    window, _ = playing
    window.desk.session.pipeline.pause()
    qtbot.wait(100)
    window.view.look_from_camera()
    before = view_picture(window)
    middle = window.view.widget.rect().center()
    qtbot.mousePress(window.view.widget, Qt.LeftButton, pos=middle)
    drag = QMouseEvent(QEvent.MouseMove, middle + QPoint(160, 0), Qt.NoButton, Qt.LeftButton, Qt.NoModifier)
    QApplication.sendEvent(window.view.widget, drag)  # qtbot's own moves carry no pressed button
    qtbot.mouseRelease(window.view.widget, Qt.LeftButton, pos=middle + QPoint(160, 0))
    assert abs(window.view._camera.azimuth) > 45
    assert share(np.abs(view_picture(window) - before).max(axis=-1) > 40) > 0.05
    qtbot.mouseClick(window.options.camera_view, Qt.LeftButton)
    assert share(np.abs(view_picture(window) - before).max(axis=-1) > 40) < 0.01


def test_following_keeps_the_head_in_the_middle(playing, qtbot: QtBot) -> None:
    window, _ = playing
    window.options.follow.setChecked(True)
    qtbot.waitUntil(lambda: window.desk.shown.index > 20)
    window.desk.session.pipeline.pause()
    centre = CAMERA_TO_SCENE @ window.desk.shown.vertices_cam.mean(axis=0)
    np.testing.assert_allclose(window.view._camera.center, centre, atol=1e-5)


def test_without_a_head_the_whole_image_is_seen(make_window, sphere_session, sphere_source, view_picture) -> None:
    window = make_window(lambda request: sphere_session(sphere_source(), request))
    nothing = np.zeros((0, 3), np.float32)
    observation = Observation(sphere_source().frame(0), nothing, nothing, None)
    window.pages.setCurrentIndex(1)
    window.view.show(TrackedFrame(observation, TrackStatus.SEARCHING, "no face in view"), np.zeros((0, 3), np.int32))
    grey_wall = np.abs(view_picture(window) - 120).max(axis=-1) < 5
    assert share(grey_wall) > 0.5


def test_preview_status_and_position_are_shown(qtbot, make_window, sphere_session, sphere_source) -> None:
    window = make_window(lambda request: sphere_session(sphere_source(length=200), request))
    window.open("sphere")
    qtbot.waitUntil(lambda: window.frames_shown >= 3)
    assert window.preview.width() > 100
    qtbot.waitUntil(lambda: window.hud.text.text() == "following the head")
    assert window.hud.residual.text() == "1.23 mm"
    assert window.playback.slider.maximum() == 199
    assert window.playback.position.text().endswith("/ 200")
    assert window.windowTitle().startswith("sphere")


def test_pause_play_step_and_slider_command_the_pipeline(qtbot, make_window, sphere_session, sphere_source) -> None:
    window = make_window(lambda request: sphere_session(sphere_source(length=2000), request))
    window.open("sphere")
    qtbot.waitUntil(lambda: window.frames_shown >= 2)
    pipeline = window.desk.session.pipeline
    qtbot.mouseClick(window.playback.play, Qt.LeftButton)
    qtbot.waitUntil(lambda: window.playback.play.text() == "Play")
    assert pipeline.status().state is PipelineState.PAUSED
    window.playback.slider.setValue(1234)
    qtbot.waitUntil(lambda: window.desk.shown.index == 1234)
    qtbot.mouseClick(window.playback.step, Qt.LeftButton)
    qtbot.waitUntil(lambda: window.desk.shown.index == 1235)
    assert window.playback.slider.value() == 1235
    for index in (1234, 1233):
        qtbot.mouseClick(window.playback.step_back, Qt.LeftButton)
        qtbot.waitUntil(lambda index=index: window.desk.shown.index == index)
    qtbot.mouseClick(window.playback.play, Qt.LeftButton)
    qtbot.waitUntil(lambda: window.desk.shown.index > 1236)
    qtbot.mouseClick(window.playback.step_back, Qt.LeftButton)
    qtbot.waitUntil(lambda: window.playback.play.text() == "Play")
    assert pipeline.status().state is PipelineState.PAUSED


def test_a_live_source_has_no_slider(playing) -> None:
    window, _ = playing
    assert window.playback.slider.isHidden()
    assert window.playback.position.text() == "live"


def test_closing_the_window_stops_threads_and_closes_the_source(playing) -> None:
    window, source = playing
    window.close()
    assert source.closed  # and no thread is left: see the fixture


def test_closing_while_opening_closes_what_was_opened(make_window, sphere_session, sphere_source) -> None:
    source = sphere_source()
    window = make_window(lambda request: sphere_session(source, request))
    window.open("sphere")
    window.close()
    assert source.closed


def test_an_error_while_running_is_told_and_the_window_stays_usable(
    qtbot, make_window, sphere_session, sphere_source
) -> None:
    sources = iter([sphere_source(broken_at=2), sphere_source()])
    window = make_window(lambda request: sphere_session(next(sources), request))
    with qtbot.waitSignal(window.failed):
        window.open("broken")
    assert window.message.isVisible()
    assert "the cable was pulled" in window.message.text.text()
    assert window.pages.currentWidget() is window.start_page
    window.open("whole")
    qtbot.waitUntil(lambda: window.frames_shown >= 2)
    assert window.message.isHidden()


def test_a_recording_that_cannot_be_opened_is_told(qtbot, make_window) -> None:
    def missing(request: Request):
        raise SourceError(f"{request.uri} does not exist")

    window = make_window(missing)
    with qtbot.waitSignal(window.failed):
        window.open("/no/recording")
    assert window.message.text.text() == "/no/recording does not exist"
    assert window.start_page.isEnabled()


def test_without_a_camera_the_start_page_says_why_and_offers_the_demo(qtbot, make_window, tmp_path: Path) -> None:
    opened = []

    def open_session(request: Request):
        opened.append(request.uri)
        return no_camera(request)

    window = make_window(open_session, tmp_path)
    with qtbot.waitSignal(window.failed):
        window.open("kinect")
    assert window.pages.currentWidget() is window.start_page
    assert "No camera: no kinect camera is connected; plug one in" in window.start_page.reason.text()
    assert window.start_page.open_folder.isVisible()
    assert window.start_page.open_demo.isVisible()
    with qtbot.waitSignal(window.failed):
        qtbot.mouseClick(window.start_page.open_demo, Qt.LeftButton)
    assert opened == ["kinect", str(tmp_path)]


def test_the_demo_is_not_offered_where_it_is_absent(make_window) -> None:
    assert not make_window(no_camera).start_page.open_demo.isVisible()


def test_screenshot_is_saved_and_the_window_closes(
    qtbot, make_window, sphere_session, sphere_source, tmp_path: Path
) -> None:
    path = tmp_path / "window.png"
    window = make_window(lambda request: sphere_session(sphere_source(length=10), request))
    taker = ScreenshotTaker(window, path, frames=15)  # more than there are: it is played again
    window.open("sphere")
    qtbot.waitUntil(lambda: not window.isVisible())
    assert taker.exit_status == 0
    assert [file.name for file in tmp_path.iterdir()] == ["window.png"]
    image = QImage(str(path))
    assert image.width() > 800
    assert len({image.pixel(x, y) for x in range(0, 1200, 20) for y in range(0, 780, 20)}) > 20


def test_screenshot_of_a_failing_source_is_told_by_the_exit_status(qtbot, make_window, tmp_path: Path) -> None:
    window = make_window(no_camera)
    taker = ScreenshotTaker(window, tmp_path / "window.png", frames=1)
    window.open("kinect")
    qtbot.waitUntil(lambda: not window.isVisible())
    assert taker.exit_status == 2
    assert list(tmp_path.iterdir()) == []


def test_help_answers_without_loading_qt() -> None:
    code = "import sys, app.main; assert not {'PyQt5', 'vispy', 'torch', 'cv2'} & set(sys.modules); app.main.main()"
    ran = subprocess.run([sys.executable, "-c", code, "--help"], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "--screenshot" in ran.stdout


def test_the_window_is_gone_before_python_ends(qapp: QApplication, tmp_path: Path) -> None:
    """What PyQt destroys at exit, in any order, may crash."""
    code = (
        "import app.main, app.window, atexit\n"
        "class Window(app.window.MainWindow):\n"
        "    def __init__(self, *rest):\n"
        "        super().__init__(*rest)\n"
        "        self.view.widget.destroyed.connect(lambda: print('gone', flush=True))\n"
        "app.window.MainWindow = Window\n"
        "from pathlib import Path\n"
        "status = app.main.run(app.main.AppOptions('missing', screenshot=Path('picture.png')))\n"
        "print('ended', status)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=os.environ | {"XDG_CONFIG_HOME": str(tmp_path)},
    )
    assert (done.returncode, done.stdout.split()) == (0, ["gone", "ended", "2"]), done.stderr
