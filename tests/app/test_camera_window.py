"""The window with a camera: it is set, pulled out, plugged in again, and left while it is away."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from app.panels.camera_settings import CameraSettingsDialog
from app.panels.message_bar import Kind
from app.session import Request
from dphm_core.errors import NoCameraError, SourceError
from dphm_core.frames import RGBDFrame
from dphm_core.sources import SourceInfo
from dphm_core.sources.kinect_settings import KinectSettings
from dphm_core.sources.live import CameraLost, LiveSource, Patience

TOLD = "Azure Kinect 0001 was unplugged; plug it in again: it goes on by itself"


class PluggedCamera(LiveSource):
    """A live camera that can be pulled out; what it sees is made up."""

    serial = "0001"

    def __init__(self, scene: Any) -> None:
        super().__init__(Patience(retry_s=0.01))
        self.info = SourceInfo("kinect", "Azure Kinect 0001", scene.info.intrinsics, 60.0, None)
        self.plugged_in, self.connected, self._frames = True, True, iter(scene)

    def _receive(self) -> RGBDFrame:
        if not self.plugged_in:
            raise CameraLost("was unplugged", "plug it in again")
        return next(self._frames)

    def _disconnect(self) -> None:
        self.connected = False

    def _reconnect(self) -> None:
        if not self.plugged_in:
            raise SourceError("no camera is connected")
        self.connected = True


class Stand:
    """Opens cameras for a window, and remembers how each was asked for."""

    def __init__(self, sphere_session, sphere_source) -> None:
        self._session, self._scene = sphere_session, sphere_source
        self.uris: list[str] = []
        self.cameras: list[PluggedCamera] = []

    def open(self, request: Request):
        self.uris.append(request.uri)
        self.cameras.append(PluggedCamera(self._scene(length=None)))
        return self._session(self.cameras[-1], request)


@pytest.fixture
def stand(sphere_session, sphere_source) -> Stand:
    return Stand(sphere_session, sphere_source)


@pytest.fixture
def window(qtbot: QtBot, make_window, stand: Stand):
    """A window that shows the camera."""
    window = make_window(stand.open)
    window.open("kinect:0001")
    qtbot.waitUntil(lambda: window.frames_shown >= 3)  # the very first frame compiles the kernels
    return window


def test_a_camera_that_is_pulled_out_is_told_of_until_it_is_back(qtbot: QtBot, window, stand: Stand) -> None:
    camera = stand.cameras[0]
    camera.plugged_in = False
    qtbot.waitUntil(window.message.isVisible)
    assert (window.message.text.text(), window.message.kind) == (TOLD, Kind.WARNING)
    qtbot.wait(500)  # what was under way is drawn
    shown = window.frames_shown
    qtbot.wait(100)
    assert window.desk.session is not None and window.frames_shown == shown
    camera.plugged_in = True
    qtbot.waitUntil(lambda: window.frames_shown > shown + 2)
    assert camera.connected and not window.message.isVisible()


def test_a_message_that_came_meanwhile_stays(qtbot: QtBot, window, stand: Stand) -> None:
    stand.cameras[0].plugged_in = False
    qtbot.waitUntil(window.message.isVisible)
    window.message.tell("The disk is full.")
    stand.cameras[0].plugged_in, shown = True, window.frames_shown
    qtbot.waitUntil(lambda: window.frames_shown > shown + 2)
    assert window.message.isVisible()


def test_the_window_can_be_closed_while_it_waits(qtbot: QtBot, window, stand: Stand) -> None:
    stand.cameras[0].plugged_in = False
    qtbot.waitUntil(window.message.isVisible)
    started = time.monotonic()
    window.close()
    assert time.monotonic() - started < 20.0  # of sixty
    assert not stand.cameras[0].connected  # and no thread is left: see the fixture


def test_something_else_can_be_opened_while_it_waits(qtbot: QtBot, window, stand: Stand) -> None:
    stand.cameras[0].plugged_in = False
    qtbot.waitUntil(window.message.isVisible)
    window.open("kinect:0002")
    qtbot.waitUntil(lambda: window.frames_shown > 0 and len(stand.cameras) == 2)
    assert not window.message.isVisible() and not stand.cameras[0].connected


def test_settings_are_used_at_once_and_remembered(qtbot: QtBot, window, stand: Stand) -> None:
    window.picker.menu().aboutToShow.emit()
    next(action for action in window.picker.menu().actions() if action.text() == "Camera settings…").trigger()
    dialog = window.findChild(CameraSettingsDialog)
    assert dialog.windowTitle() == "Settings of Azure Kinect 0001" and dialog.settings() == KinectSettings()
    dialog.show_settings(KinectSettings(fps=15, powerline=50))
    dialog.use.click()
    qtbot.waitUntil(lambda: len(stand.uris) == 2 and window.frames_shown > 0)
    assert not stand.cameras[0].connected
    for uri in ("kinect", "kinect:0002", "kinect:0001"):
        window.open(uri)
        qtbot.waitUntil(lambda: window.desk.session is not None)
    assert stand.uris == [
        "kinect:0001",
        "kinect:0001?fps=15&powerline=50",
        "kinect?fps=15&powerline=50",
        "kinect:0002",
        "kinect:0001?fps=15&powerline=50",
    ]
    dialog = window.sources.ask_settings("kinect:0001")
    assert dialog.settings() == KinectSettings(fps=15, powerline=50)
    dialog.reject()


def test_a_window_without_a_camera_does_not_complain(qtbot: QtBot, make_window, tmp_path: Path) -> None:
    def nothing_connected(request: Request) -> None:
        raise NoCameraError("no Azure Kinect is connected; plug it in")

    window = make_window(nothing_connected)
    window.sources._memory.keep(None, KinectSettings(fps=15))
    with qtbot.waitSignal(window.failed):
        window.open("kinect")
    assert not window.message.isVisible()
    assert window.start_page.reason.text() == "No camera: no Azure Kinect is connected; plug it in"
