"""`make screenshots`: a picture of every panel and state of the window, by the program itself.

python -m app.bench.screenshots docs/screenshots
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import tyro
from PyQt5.QtWidgets import QWidget

from dphm_core.errors import SourceError
from dphm_core.frames import TrackStatus
from dphm_core.output.saved_track import SavedTracker
from dphm_core.places import DEMO_RECORDING
from dphm_core.sources.devices import Camera, CameraList

from ..actions import show_shortcuts
from ..session import Request, Session, open_session
from ..theme import DARK, LIGHT
from ..view3d.options import Layer, MeshStyle
from .fakes import slow_session
from .lamps import under_lamps
from .stand import Stand, say

PATIENCE_S = 180.0
SETTLE_S = 1.5
"""Until what was changed is on screen, figures included."""
CAMERAS = CameraList((Camera("kinect", "Azure Kinect", "000123450312", "kinect:000123450312"),), None)
"""What the start page shows; there is none where pictures are made."""
PULLED_OUT = "pulled out"
BUSY = "busy"
UNPLUGGED = "was unplugged or lost its power; plug it in again, then open it again"


@dataclass(frozen=True)
class ScreenshotOptions:
    """Where the pictures go."""

    out: tyro.conf.Positional[Path] = Path("docs/screenshots")
    """Folder."""
    only: str = ""
    """Part of the names of those that are wanted; all by default."""


class Photographer:
    """Brings the window into one state after the other. Lives on the GUI thread."""

    def __init__(self, stand: Stand, options: ScreenshotOptions) -> None:
        self._stand, self._window, self._options = stand, stand.window, options
        options.out.mkdir(parents=True, exist_ok=True)

    def take_all(self) -> None:
        """Every picture."""
        self._window.show()
        for series in (self._start_pages, self._tracking, self._saved_track, self._live, self._depth, self._failures):
            series()

    def _take(self, name: str, widget: QWidget | None = None) -> None:
        self._stand.wait(SETTLE_S)
        if self._options.only in name:
            path = self._options.out / f"{name}.png"
            (widget or self._window).grab().save(str(path))
            say(str(path))

    def _until(self, true: Callable[[], object]) -> None:
        self._stand.wait_until(lambda: bool(true()), PATIENCE_S)

    def _open(self, request: Request, tracked: bool = True) -> None:
        desk = self._window.desk
        desk.open(request)
        self._until(lambda: desk.session is not None and desk.shown is not None)
        if tracked:
            self._until(lambda: self._status is TrackStatus.TRACKING)

    @property
    def _status(self) -> TrackStatus | None:
        """Of the newest frame with a mesh."""
        shown = self._window.desk.shown
        return None if shown is None or shown.vertices_cam is None else shown.status

    @property
    def _shows_saved(self) -> bool:
        session = self._window.desk.session
        return session is not None and isinstance(session.tracker, SavedTracker)

    def _start_pages(self) -> None:
        window = self._window
        talk = window.places.recordings / "A talk"
        shutil.copytree(DEMO_RECORDING, talk)
        window.sources.remember(str(talk))
        window.sources.look_for_cameras()  # before the one for the picture, which this would replace
        window.start_page.choices.set_cameras(CAMERAS)
        self._take("start")
        dialog = window.sources.ask_settings(CAMERAS.cameras[0].uri)
        self._take("camera-settings", dialog)
        dialog.reject()
        window.set_theme(LIGHT)
        self._take("start-light")
        window.set_theme(DARK)
        window.start_page.choices.set_cameras(CameraList((), None))
        window.start_page.set_reason(
            "No camera: no Azure Kinect is connected; plug it into a USB 3 port and its power supply"
        )
        self._take("start-without-camera")

    def _tracking(self) -> None:
        window = self._window
        self._open(Request(str(window.places.recordings / "A talk")), tracked=False)
        self._until(
            lambda: window.desk.shown.status is TrackStatus.CALIBRATING and window.desk.shown.vertices_cam is not None
        )
        self._take("calibrating")
        self._until(lambda: window.desk.shown.status is TrackStatus.TRACKING)
        self._stand.wait(15.0)  # until its own head is worked out as well as it will be
        self._pause_at(40)
        for style in MeshStyle:
            window.options.set_style(style)
            self._take(style.value)
        window.options.set_style(MeshStyle.TRANSLUCENT)
        for layer in (Layer.LANDMARKS, Layer.AXES, Layer.FRUSTUM):
            window.options.set_layer(layer, True)
        window.view.orbit(35.0, 10.0)
        self._raise("view")
        self._take("layers")
        for layer in (Layer.LANDMARKS, Layer.AXES, Layer.FRUSTUM):
            window.options.set_layer(layer, False)
        window.view.reset()
        window.options.set_through_camera(True)
        self._take("through-the-camera")
        window.options.set_through_camera(False)
        self._raise("expression")
        self._take("expression")
        window.player.toggle()
        self._stand.wait(8.0)
        self._raise("residual")
        self._take("residual-plot")
        self._raise("tracking")
        window.set_theme(LIGHT)
        self._take("tracking-light")
        window.set_theme(DARK)
        self._take("shortcuts", show_shortcuts(window))

    def _saved_track(self) -> None:
        window = self._window
        window.player.track_all()
        self._until(lambda: window.desk.tasks and window.desk.tasks[0].job.progress.done > 30)
        self._take("tracking-all-frames")
        self._until(
            lambda: isinstance(getattr(window.desk.session, "tracker", None), SavedTracker) and window.desk.shown
        )
        self._pause_at(60)
        self._take("saved-track")
        dialog = window.exporter.ask(window.desk.session.tracker.saved)
        self._take("export", dialog)
        dialog.reject()

    def _live(self) -> None:
        window = self._window
        self._open(Request("simulated"))
        self._stand.wait(12.0)
        window.recorder.start()
        self._stand.wait(4.0)
        self._take("recording")
        window.recorder.stop()
        self._take("recorded")

    def _depth(self) -> None:
        """What is used of the depth, and advice."""
        window = self._window
        lamps = window.places.recordings / "Lamps"
        under_lamps(DEMO_RECORDING, lamps)
        self._open(Request(f"simulated:{lamps}"), tracked=False)
        window.preview.validity_button.click()
        self._until(lambda: window.desk.shown.observation.advice and self._status is TrackStatus.TRACKING)
        self._take("validity")
        window.set_theme(LIGHT)
        self._take("validity-light")
        window.set_theme(DARK)
        window.preview.color_button.click()

    def _failures(self) -> None:
        window = self._window
        window.desk.open(Request(BUSY))
        self._until(lambda: window.desk.request is None)
        self._take("camera-busy")
        window.desk.open(Request(PULLED_OUT))
        self._until(lambda: window.desk.request is None and window.message.isVisible())
        self._take("camera-unplugged")

    def _pause_at(self, index: int) -> None:
        window = self._window
        session = window.desk.session
        assert session is not None
        session.pipeline.pause()
        window.player.jump(index)
        self._until(lambda: window.desk.shown is not None and window.desk.shown.index == index)

    def _raise(self, name: str) -> None:
        next(dock for dock in self._window.docks if dock.objectName() == name).raise_()


def open_or_fail(request: Request) -> Session:
    """Open a session; two names stand for what goes wrong with cameras, in the words of the real sources."""
    label = "Azure Kinect 000123450312"
    if request.uri == BUSY:
        raise SourceError(
            f"{label} cannot be opened, most likely because another program uses it; close that program and try again"
        )
    if request.uri == PULLED_OUT:
        return slow_session(replace(request, uri=str(DEMO_RECORDING)), 0.1, 0.0, SourceError(f"{label} {UNPLUGGED}"))
    return open_session(request)


def main() -> None:
    """Take them all."""
    options = tyro.cli(ScreenshotOptions, prog="make screenshots")
    with Stand(open_or_fail) as stand:
        Photographer(stand, options).take_all()
    sys.stdout.flush()


if __name__ == "__main__":
    main()
