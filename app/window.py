"""The main window: assembles the panels and the 3-D view, and a timer that takes the newest tracked frame."""

from __future__ import annotations

import logging
from pathlib import Path

from PyQt5.QtCore import Qt, QTimer, pyqtSignal
from PyQt5.QtGui import QCloseEvent
from PyQt5.QtWidgets import QHBoxLayout, QMainWindow, QStackedWidget, QVBoxLayout, QWidget

from app.panels.hud import Hud
from app.panels.image_preview import ImagePreview
from app.panels.message_bar import MessageBar
from app.panels.playback_bar import PlaybackBar
from app.panels.start_page import StartPage
from app.panels.view_options import ViewOptions
from app.session import OpenSession, Session
from app.view3d.scene import View3D
from dphm_core.errors import DphmError
from dphm_core.frames import TrackedFrame
from dphm_core.handover import RateMeter
from dphm_core.jobs import Job
from dphm_core.pipeline import PipelineState

log = logging.getLogger(__name__)

TICK_MS = 15
"""The timer looks for a new frame this often: twice as often as a 30 Hz camera delivers."""


class MainWindow(QMainWindow):
    """Opens one source at a time and draws its newest tracked frame. Lives on the GUI thread, which only draws.

    Parameters
    ----------
    open_session
        Opens a source by name; runs on a thread of its own.
    demo
        Folder of the demo recording, offered where it exists.
    """

    frame_shown = pyqtSignal(int)
    """Number of frames drawn since the source was opened."""
    ended = pyqtSignal()
    """The recording's last frame is on screen; repeated while it stays so."""
    failed = pyqtSignal(str)
    """The message of an error that was shown."""

    def __init__(self, open_session: OpenSession, demo: Path) -> None:
        super().__init__()
        self._open_session = open_session
        self._opening: Job[Session] | None = None
        self._opening_uri = ""
        self._session: Session | None = None
        self._shown: TrackedFrame | None = None
        self._frames_shown = 0
        self._view_rate = RateMeter()
        self.view = View3D()
        self.preview, self.options = ImagePreview(), ViewOptions()
        self.playback, self.status_line = PlaybackBar(), Hud()
        self.message, self.start_page = MessageBar(), StartPage(demo)
        self._assemble()
        self._connect()
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._timer.start(TICK_MS)

    def open(self, uri: str) -> None:
        """Close what is open and open another source; the outcome shows in the window."""
        if self._opening is not None:
            return
        self._end_session()
        self.message.hide()
        self._opening_uri = uri
        self._opening = Job(lambda _tell: self._open_session(uri), "Opening")
        self.start_page.setEnabled(False)
        self.start_page.set_reason(f"Opening {uri} …")

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802 - Qt's name
        """Stop the threads and release the device before the window goes."""
        self._timer.stop()
        if self._opening is not None:
            self._finish_opening(self._opening)
        self._end_session()
        super().closeEvent(event)

    def _assemble(self) -> None:
        self.setWindowTitle("DPHM Live")
        self.resize(1280, 800)
        side = QVBoxLayout()
        side.setContentsMargins(10, 10, 10, 0)
        side.addWidget(self.preview)
        side.addWidget(self.options)
        side.addStretch()
        upper = QHBoxLayout()
        upper.setSpacing(0)
        upper.addWidget(self.view.widget, stretch=1)
        upper.addLayout(side)
        live = QWidget()
        rows = QVBoxLayout(live)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.addLayout(upper, stretch=1)
        rows.addWidget(self.playback)
        rows.addWidget(self.status_line)
        self.pages = QStackedWidget()
        self.pages.addWidget(self.start_page)
        self.pages.addWidget(live)
        central = QWidget()
        outer = QVBoxLayout(central)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(self.message)
        outer.addWidget(self.pages, stretch=1)
        self.setCentralWidget(central)

    def _connect(self) -> None:
        self.start_page.chosen.connect(self.open)
        self.playback.play_toggled.connect(self._play)
        self.playback.seek_requested.connect(self._seek)
        self.playback.step_requested.connect(self._step)
        self.playback.close_requested.connect(self._close_source)
        self.options.style_changed.connect(lambda style: setattr(self.view, "mesh_style", style))
        self.options.layer_toggled.connect(self.view.set_layer)
        self.options.follow_toggled.connect(self.view.set_follow)
        self.options.through_camera_toggled.connect(self.view.set_through_camera)
        self.options.reset_requested.connect(self.view.reset)
        self.options.camera_view_requested.connect(self.view.look_from_camera)

    def _tick(self) -> None:
        if self._opening is not None:
            self._poll_opening(self._opening)
        elif self._session is not None:
            self._draw_newest(self._session)

    def _poll_opening(self, opening: Job[Session]) -> None:
        try:
            session = opening.poll()
        except Exception as error:
            self._opening = None
            self._show_error(error)
            return
        if session is not None:
            self._opening = None
            self._begin(session)

    def _begin(self, session: Session) -> None:
        self._session, self._shown, self._frames_shown = session, None, 0
        info = session.pipeline.info
        self.setWindowTitle(f"{info.label} – DPHM Live")
        self.view.clear()
        self.playback.set_length(info.length)
        self.status_line.show_message("Waiting for the first frame …")
        self.pages.setCurrentIndex(1)
        session.pipeline.start()

    def _draw_newest(self, session: Session) -> None:
        status = session.pipeline.status()
        if status.error is not None:
            self._show_error(status.error)
            return
        self.playback.set_playing(status.state is PipelineState.PLAYING)
        tracked = session.pipeline.latest()
        if tracked is None:
            return
        if tracked is not self._shown:
            self._shown = tracked
            self.view.show(tracked, session.tracker.faces)
            self.preview.show_frame(tracked)
            self.playback.set_position(tracked.index)
            self._view_rate.tick()
            self._frames_shown += 1
            self.frame_shown.emit(self._frames_shown)
        elif status.state is PipelineState.ENDED and status.caught_up:
            self.ended.emit()
        latency_ms = None if status.latency_s is None else 1000 * status.latency_s
        self.status_line.show_status(tracked, status, self._view_rate.fps, latency_ms)

    def _play(self, play: bool) -> None:
        if self._session is not None:
            (self._session.pipeline.play if play else self._session.pipeline.pause)()

    def _seek(self, index: int) -> None:
        if self._session is not None:
            self._session.pipeline.seek(index)

    def _step(self) -> None:
        if self._session is not None:
            self._session.pipeline.step()

    def _show_error(self, error: BaseException) -> None:
        """Tell an error of either thread or of opening, and go back to the start page."""
        text = str(error) if isinstance(error, DphmError) else f"{type(error).__name__}: {error}"
        if not isinstance(error, DphmError):
            log.error("unexpected error", exc_info=error)
        self._close_source()
        if self._opening_uri == "kinect":
            self.start_page.set_reason(f"No camera: {text}")
        else:
            self.message.tell(text)
        self.failed.emit(text)

    def _close_source(self) -> None:
        self._end_session()
        self.setWindowTitle("DPHM Live")
        self.start_page.setEnabled(True)
        self.start_page.set_reason("Open a recording, or connect a depth camera.")
        self.pages.setCurrentIndex(0)

    def _end_session(self) -> None:
        session, self._session = self._session, None
        if session is None:
            return
        try:
            session.pipeline.stop()
        except Exception as error:
            log.exception("closing %s", session.pipeline.info.label)
            self.message.tell(str(error))

    def _finish_opening(self, opening: Job[Session]) -> None:
        """Wait for an opening that is under way and close what it opened."""
        try:
            self._session = opening.wait()
        except Exception:
            log.exception("opening %s, while the window was closed", self._opening_uri)
        self._opening = None
