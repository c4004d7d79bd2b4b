"""Connects the start page and the source picker to the desk: cameras come and go, recordings are remembered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PyQt5.QtCore import QObject
from PyQt5.QtWidgets import QWidget

from app.desk import Desk
from app.panels.message_bar import MessageBar
from app.panels.source_picker import SourcePicker
from app.panels.start_page import StartPage
from app.recent import RecentSources
from app.session import Request, Session
from app.settings import WindowSettings
from app.source_choices import describe
from dphm_core.errors import NoCameraError
from dphm_core.sources.devices import CameraList, CameraWatch

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
        self._cameras: CameraList | None = None
        page.chosen.connect(self.open)
        picker.chosen.connect(self.open)
        page.remove_requested.connect(self.forget)
        page.refresh_requested.connect(watch.refresh)
        picker.close_requested.connect(desk.close)
        desk.opening.connect(self._opening)
        desk.opened.connect(self._opened)
        desk.closed.connect(self._closed)
        desk.failed.connect(self._failed)
        self._show_recent()

    def ask(self, ask: Callable[[QWidget], str | None]) -> None:
        """Let the user choose a recording, and open it."""
        uri = ask(self._window)
        if uri is not None:
            self.open(uri)

    def open(self, uri: str) -> None:
        """Open a recording or camera."""
        self._desk.open(self._request_for(uri))

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
        return replace(self._desk.usual, uri=uri)

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
        self._picker.set_current(session.pipeline.info.label)
        self.remember(session.request.uri)

    def _closed(self) -> None:
        self._watch.start()
        self._watch.resume()
        self._page.setEnabled(True)
        self._page.set_reason(WELCOME)
        self._picker.set_current("")

    def _failed(self, text: str, request: Request | None, error: BaseException) -> None:
        if request is not None and request.uri == FIRST_CAMERA and isinstance(error, NoCameraError):
            self._page.set_reason(f"No camera: {text}")
        elif request is None:
            self._message.tell(text)
        else:
            self._message.tell(text, action=("Try again", lambda: self._desk.open(request)))
