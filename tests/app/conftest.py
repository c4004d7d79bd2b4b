"""A synthetic head in front of a wall, tracked by a sphere: what the window's tests look at."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import trimesh
from PyQt5 import sip
from PyQt5.QtCore import QSettings
from PyQt5.QtGui import QImage
from pytestqt.qtbot import QtBot

from app.main import forget_cv2_qt_plugins
from app.session import OpenSession, Request, Session
from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.camera.rays import unproject
from dphm_core.errors import SourceError
from dphm_core.frames import Observation, RGBDFrame, TrackedFrame, TrackStatus
from dphm_core.pipeline import Pace, Pipeline
from dphm_core.sources import SourceInfo

if TYPE_CHECKING:
    from app.window import MainWindow

NOWHERE = Path("/nonexistent")
PATIENCE_MS = 60_000
CAMERA = Intrinsics(width=320, height=288, fx=252, fy=252, cx=160, cy=144)
SPHERE = trimesh.creation.icosphere(subdivisions=4)
RADIUS_M = 0.1


def head_at(index: int) -> np.ndarray:
    """Where the synthetic head is, in the camera frame, metres: 3 cm to and fro, left and above the image's middle."""
    return np.float32([-0.05 + 0.03 * np.sin(index / 5), -0.04, 0.6])


class SphereSource:
    """A red sphere, and a green ball to its right, before a grey wall."""

    def __init__(self, length: int | None = 60, broken_at: int | None = None) -> None:
        self.info = SourceInfo("simulated", "sphere", CAMERA, fps=60.0, length=length)
        self.broken_at, self.next_index, self.closed = broken_at, 0, False
        rows, columns = np.indices((CAMERA.height, CAMERA.width), dtype=np.float32)
        self._rays = np.stack([(columns - CAMERA.cx) / CAMERA.fx, (rows - CAMERA.cy) / CAMERA.fy], axis=-1)

    def __iter__(self) -> Iterator[RGBDFrame]:
        while self.info.length is None or self.next_index < self.info.length:
            if self.next_index == self.broken_at:
                raise SourceError("sphere: the cable was pulled; plug the camera in and open it again")
            index, self.next_index = self.next_index, self.next_index + 1
            time.sleep(0.005)
            yield self.frame(index)

    def frame(self, index: int) -> RGBDFrame:
        depth = np.full(self._rays.shape[:2], 2.0, np.float32)
        color = np.full((*depth.shape, 3), 120, np.uint8)
        self._put_ball(depth, color, head_at(index), RADIUS_M, (220, 40, 40))
        self._put_ball(depth, color, np.float32([0.12, 0.08, 0.65]), 0.05, (40, 220, 40))
        return RGBDFrame(index, index / 60, color, depth, CAMERA)

    def _put_ball(self, depth, color, centre, radius_m, rgb) -> None:
        a = (self._rays**2).sum(axis=-1) + 1
        b = self._rays @ centre[:2] + centre[2]
        discriminant = b * b - a * (centre @ centre - radius_m**2)
        hit = discriminant > 0
        depth[hit] = ((b[hit] - np.sqrt(discriminant[hit])) / a[hit]).astype(np.float32)
        color[hit] = rgb

    def seek(self, index: int) -> None:
        self.next_index = index

    def close(self) -> None:
        self.closed = True


class CropObserver:
    """Takes the points nearer than 0.8 m."""

    def observe(self, frame: RGBDFrame) -> Observation:
        points = unproject(frame.depth_m, frame.intrinsics).reshape(-1, 3)
        near = points[(points[:, 2] > 0) & (points[:, 2] < 0.8)]
        return Observation(frame, near, np.zeros_like(near), None)

    def hint(self, region: tuple[int, int, int, int], depth_m: float) -> None:
        pass

    def close(self) -> None:
        pass


class SphereTracker:
    """Knows where the head is; the mesh covers its upper two thirds and is a little larger."""

    def __init__(self) -> None:
        self.faces = np.int32(SPHERE.faces)
        self.faces = self.faces[(SPHERE.vertices[self.faces][..., 1] < 0.3).all(axis=1)]

    def restart(self) -> None:
        pass

    def cancel(self) -> None:
        pass

    def track(self, observation: Observation) -> TrackedFrame:
        vertices = np.float32(SPHERE.vertices * 1.02 * RADIUS_M) + head_at(observation.frame.index)
        return TrackedFrame(
            observation, TrackStatus.TRACKING, "following the head", vertices_cam=vertices, residual_mm=1.234
        )


@pytest.fixture(scope="session")
def qapp_cls() -> type:
    """Start Qt only where there is a display: without one it ends the process."""
    if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
        pytest.skip("needs a display; run under xvfb-run -a")
    os.environ.setdefault("XDG_RUNTIME_DIR", os.environ.get("TMPDIR", "/tmp"))
    forget_cv2_qt_plugins()
    from PyQt5.QtWidgets import QApplication

    return QApplication


class PatientBot(QtBot):
    """Waits for a minute where pytest-qt does for five seconds: a machine may be slow, or busy."""

    def waitUntil(self, callback, *, timeout=PATIENCE_MS):  # noqa: N802 - pytest-qt's names
        return super().waitUntil(callback, timeout=timeout)

    def waitSignal(self, signal, *, timeout=PATIENCE_MS, **rest):  # noqa: N802
        return super().waitSignal(signal, timeout=timeout, **rest)

    def waitExposed(self, widget, *, timeout=PATIENCE_MS):  # noqa: N802
        return super().waitExposed(widget, timeout=timeout)


@pytest.fixture
def qtbot(qapp, request: pytest.FixtureRequest) -> QtBot:
    return PatientBot(request)


@pytest.fixture(autouse=True)
def no_thread_survives() -> Iterator[None]:
    yield
    names = [thread.name for thread in threading.enumerate() if thread.name.startswith("dphm-")]
    # The camera kernels' pool stays for good once another test has used it.
    assert [name for name in names if not name.startswith("dphm-camera")] == []


@pytest.fixture(autouse=True)
def no_timer_survives() -> Iterator[None]:
    """Fail a test whose closed widgets leave a timer running; one that fires once ends by itself."""
    yield
    from PyQt5.QtCore import QTimer
    from PyQt5.QtWidgets import QApplication

    widgets = QApplication.topLevelWidgets() if QApplication.instance() is not None else []
    running = [
        timer
        for widget in widgets
        for timer in widget.findChildren(QTimer)
        if timer.isActive() and not timer.isSingleShot()
    ]
    assert [timer.parent().objectName() or type(timer.parent()).__name__ for timer in running] == []


@pytest.fixture(autouse=True)
def no_theme_survives() -> Iterator[None]:
    """Undress the application, which windows and some tests dress: the next test has the usual sizes and colours."""
    yield
    from PyQt5.QtGui import QPalette
    from PyQt5.QtWidgets import QApplication

    application = QApplication.instance()
    if isinstance(application, QApplication) and application.styleSheet():
        application.setStyleSheet("")
        application.setPalette(QPalette())


@pytest.fixture
def sphere_session() -> Callable[[SphereSource, Request], Session]:
    """Build sessions on synthetic sources."""

    def build(source: SphereSource, request: Request) -> Session:
        tracker = SphereTracker()
        pace = Pace.FASTEST if source.info.length is None else Pace.SOURCE
        pipeline = Pipeline(source, CropObserver(), tracker, every_frame=False, pace=pace)
        return Session(request, pipeline, tracker, source)

    return build


@pytest.fixture
def sphere_source() -> type[SphereSource]:
    """The synthetic source's class."""
    return SphereSource


@pytest.fixture
def make_window(qtbot: QtBot, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., MainWindow]]:
    """Make windows with folders and settings of their own."""
    windows = []

    def make(open_session: OpenSession, demo: Path = NOWHERE, usual: Request | None = None) -> MainWindow:
        from app.settings import WindowSettings
        from app.window import MainWindow, Places

        own = tmp_path_factory.mktemp("window")
        settings = WindowSettings(QSettings(str(own / "settings.ini"), QSettings.IniFormat))
        places = Places(demo, own / "tracks", own / "recordings", own / "exports")
        window = MainWindow(open_session, places, settings, usual)
        window.view._canvas.events.draw.ignore_callback_errors = False  # vispy would only log a failing shader
        windows.append(window)
        with qtbot.waitExposed(window):
            window.show()
        return window

    yield make
    for window in windows:
        window.close()
        # Now and not by the garbage collector, which may come while another window draws and takes its GL context away.
        sip.delete(window)


@pytest.fixture
def playing(qtbot, make_window, sphere_session, sphere_source):
    """Return a window playing a synthetic recording, and its source."""
    source = sphere_source(length=None)
    window = make_window(lambda request: sphere_session(source, request))
    window.open("sphere")
    qtbot.waitUntil(lambda: window.frames_shown >= 3)  # the very first frame compiles the kernels
    return window, source


@pytest.fixture
def view_picture() -> Callable[[MainWindow], np.ndarray]:
    """Take pictures of the 3-D view, (H, W, 3) integers."""

    def take(window: MainWindow) -> np.ndarray:
        image = window.view.widget.grabFramebuffer().convertToFormat(QImage.Format_RGB888)
        pixels = np.frombuffer(image.constBits().asstring(image.sizeInBytes()), np.uint8)
        rows = pixels.reshape(image.height(), image.bytesPerLine())[:, : 3 * image.width()]
        return rows.reshape(image.height(), image.width(), 3).astype(int)

    return take


@pytest.fixture
def observation(sphere_source: type[SphereSource]) -> Observation:
    """What is seen of the synthetic source's first frame."""
    return CropObserver().observe(sphere_source().frame(0))
