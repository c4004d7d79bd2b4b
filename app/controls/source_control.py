"""Connects the start page and the source picker to the desk: cameras come and go, recordings are remembered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PyQt5.QtCore import QObject
from PyQt5.QtWidgets import QWidget

from dphm_core.errors import NoCameraError
from dphm_core.frames import TrackedFrame
from dphm_core.sources import scheme_of
from dphm_core.sources.devices import CameraList, CameraWatch
from dphm_core.sources.kinect_settings import KinectSettings, kinect_uri, split_kinect_uri
from dphm_core.stages import PipelineStatus

from ..camera_memory import CameraMemory
from ..desk import Desk
from ..panels.camera_settings import CameraSettingsDialog
from ..panels.message_bar import Kind, MessageBar
from ..panels.source_picker import SourcePicker
from ..panels.start_page import StartPage
from ..recent import RecentSources
from ..session import Request, Session
from ..settings import WindowSettings
from ..source_choices import describe

RECENT = "recent"
SIMULATED = "simulated"
WELCOME = "Open a recording, or connect a depth camera."
FIRST_CAMERA = "kinect"
"""What is looked for when the window is started without a source."""


class SourceControl(QObject):
    """Opens what the user picks, and tells why something cannot be opened. Lives on the GUI thread.

    Parameters
    ----------
    page, picker
        Show the same choices.
    """

    def __init__(
        self, desk: Desk, page: StartPage, picker: SourcePicker, message: MessageBar, settings: WindowSettings,
        watch: CameraWatch, window: QWidget,
    ) -> None:  # fmt: skip
        super().__init__(window)
        self._desk, self._page, self._picker, self._message = desk, page, picker, message
        self._settings, self._watch, self._window = settings, watch, window
        self._recent = RecentSources(settings.texts(RECENT))
        self._memory = CameraMemory(settings)
        self._waiting: str | None = None
        self._cameras: CameraList | None = None
        page.chosen.connect(self.open)
        picker.chosen.connect(self.open)
        page.remove_requested.connect(self.forget)
        page.refresh_requested.connect(watch.refresh)
        picker.close_requested.connect(desk.close)
        picker.settings_requested.connect(self.ask_settings)
        desk.opening.connect(self._opening)
        desk.opened.connect(self._opened)
        desk.closed.connect(self._closed)
        desk.failed.connect(self._failed)
        desk.ticked.connect(self._tell_waiting)
        self._show_recent()

    def ask(self, ask: Callable[[QWidget], str | None]) -> None:
        """Let the user choose a recording, and open it."""
        uri = ask(self._window)
        if uri is not None:
            self.open(uri)

    def open(self, uri: str) -> None:
        """Open a recording or camera."""
        self._desk.open(self._request_for(uri))

    def ask_settings(self, uri: str) -> CameraSettingsDialog:
        """Let the user choose how a camera is set, and open it so."""
        serial = split_kinect_uri(uri)[0]
        if serial is None and self._desk.session is not None:
            serial = getattr(self._desk.session.source, "serial", None)
        name = describe(kinect_uri(serial, KinectSettings()))
        dialog = CameraSettingsDialog(name, self._memory.settings_of(uri), self._window)
        dialog.chosen.connect(lambda chosen: self._use(serial, chosen))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()
        return dialog

    def look_for_cameras(self) -> None:
        """Show cameras that came or went since the last call; cheap, for the window's timer."""
        cameras = self._watch.cameras
        if cameras is not self._cameras:
            self._cameras = cameras
            self._page.choices.set_cameras(cameras)
            if cameras.cameras and self._desk.request is None:
                self._page.set_reason(WELCOME)

    def remember(self, uri: str) -> None:
        """Put a recording among the recent ones."""
        self._recent.add(uri)
        self._show_recent()

    def forget(self, uri: str) -> None:
        """Take a recording from the recent ones."""
        self._recent.remove(uri)
        self._show_recent()

    def _request_for(self, uri: str) -> Request:
        return replace(self._desk.usual, uri=self._memory.recall(uri))

    def _use(self, serial: str | None, settings: KinectSettings) -> None:
        self.open(self._memory.keep(serial, settings))

    def _tell_waiting(self, _tracked: TrackedFrame | None, status: PipelineStatus) -> None:
        """Say that a camera is waited for, until it is back."""
        if status.waiting == self._waiting:
            return
        if self._message.text.text() == self._waiting:
            self._message.hide()
        self._waiting = status.waiting
        if status.waiting is not None:
            self._message.tell(status.waiting, Kind.WARNING)

    def _show_recent(self) -> None:
        self._settings.keep(RECENT, self._recent.values)
        self._page.choices.set_recent(self._recent.values)

    def _opening(self, request: Request) -> None:
        self._message.hide()
        self._watch.pause()
        self._page.setEnabled(False)
        self._page.set_reason(f"Opening {describe(request.uri)} …")
        self._picker.set_current(f"Opening {describe(request.uri)} …")

    def _opened(self, session: Session) -> None:
        self._watch.start()  # not before: it would stand in the way of a camera that is being opened
        if not session.live or session.pipeline.info.kind == SIMULATED:  # else looking would disturb the camera
            self._watch.resume()
        self._page.setEnabled(True)
        self._waiting = None
        self._picker.set_current(session.pipeline.info.label, session.request.uri)
        self.remember(session.request.uri)

    def _closed(self) -> None:
        self._watch.start()
        self._watch.resume()
        self._page.setEnabled(True)
        self._page.set_reason(WELCOME)
        self._picker.set_current("")

    def _failed(self, text: str, request: Request | None, error: BaseException) -> None:
        if (
            request is not None
            and scheme_of(request.uri) == FIRST_CAMERA
            and split_kinect_uri(request.uri)[0] is None
            and isinstance(error, NoCameraError)
        ):
            self._page.set_reason(f"No camera: {text}")
        elif request is None:
            self._message.tell(text)
        else:
            self._message.tell(text, action=("Try again", lambda: self._desk.open(request)))
