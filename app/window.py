"""The main window: assembles the panels, the 3-D view and the controls that connect them to what is open."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from PyQt5.QtCore import QMimeData, Qt, pyqtSignal
from PyQt5.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from PyQt5.QtWidgets import (
    QApplication,
    QMainWindow,
    QStackedWidget,
    QToolBar,
    QVBoxLayout,
    QWidget,
)

from dphm_core.frames import TrackedFrame
from dphm_core.handover import RateMeter
from dphm_core.pipeline import PipelineStatus
from dphm_core.places import data_folder
from dphm_core.sources.devices import CameraWatch

from .actions import add_actions
from .controls.export_control import ExportControl
from .controls.playback_control import PlaybackControl
from .controls.recording_control import RecordingControl
from .controls.saved_tracks import SavedTracks
from .controls.source_control import SourceControl
from .controls.stream_control import StreamControl
from .controls.tracking_control import TrackingControl
from .controls.validity_control import ValidityControl
from .controls.video_control import VideoControl
from .controls.view_control import ViewControl
from .desk import Desk, Task
from .docks import add_docks
from .paint_pace import PaintPace
from .panels.expression_bars import ExpressionBars
from .panels.hud import Hud
from .panels.image_preview import ImagePreview
from .panels.job_bar import JobBar
from .panels.message_bar import Kind, MessageBar
from .panels.playback_bar import PlaybackBar
from .panels.record_bar import RecordBar
from .panels.residual_plot import ResidualPlot
from .panels.source_picker import SourcePicker
from .panels.start_page import StartPage
from .panels.stream_dialog import StreamSign
from .panels.tracking_panel import TrackingPanel
from .panels.view_options import ViewOptions
from .recent import dropped_source
from .session import OpenSession, Request, Session
from .settings import WindowSettings
from .source_choices import SourceChoices
from .theme import THEMES, Theme, apply_theme
from .track_store import TrackStore
from .tracker_memory import remembered_settings
from .view3d.scene import View3D

TITLE = "DPHM Live"
FIRST_SIZE = (1280, 720)


@dataclass(frozen=True)
class Places:
    """Where the window finds and keeps files."""

    demo: Path
    """Folder of the demo recording, offered where it exists."""
    tracks: Path
    """Complete tracks of recordings."""
    recordings: Path
    """What is recorded."""
    exports: Path
    """What is exported."""

    @classmethod
    def of_user(cls, demo: Path) -> Places:
        """The user's own folders."""
        return cls(demo, data_folder() / "tracks", Path.home() / "DPHM recordings", Path.home() / "DPHM exports")


class MainWindow(QMainWindow):
    """Shows what the desk has open. Lives on the GUI thread, which only draws.

    Parameters
    ----------
    open_session
        Opens a source; runs on a thread of its own.
    places
        Where files are.
    settings
        What is remembered from one start to the next.
    usual
        How sources are opened unless the user says otherwise.
    watch
        Looks for cameras.
    """

    frame_shown = pyqtSignal(int)
    """Number of frames drawn since the source was opened."""
    failed = pyqtSignal(str)
    """The message of an error that was shown."""

    def __init__(
        self, open_session: OpenSession, places: Places, settings: WindowSettings, usual: Request | None = None,
        watch: CameraWatch | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.settings, self.places, self._watch = settings, places, watch or CameraWatch()
        self._view_rate = RateMeter()
        self.frames_shown = 0
        """Since the source was opened."""
        live = remembered_settings(settings)
        self.desk = Desk(open_session, self, replace(usual or Request(""), live=live))
        self.view, self.preview, self.options = View3D(), ImagePreview(), ViewOptions()
        self.tracking, self.bars, self.plot = TrackingPanel(), ExpressionBars(), ResidualPlot()
        self.playback, self.hud, self.record_bar = PlaybackBar(), Hud(), RecordBar()
        self.message, self.job_bar = MessageBar(), JobBar()
        self.stream_sign = StreamSign()
        choices = SourceChoices(places.demo, self)
        self.start_page, self.picker = StartPage(places.demo, choices), SourcePicker(places.demo, choices)
        self._assemble()
        self.views = ViewControl(self.desk, self.view, self.options, self.preview, settings, self)
        self.validity = ValidityControl(self.desk, self.preview)
        self.tracker = TrackingControl(self.desk, self.tracking, self.bars, self.plot, settings, self)
        store = TrackStore(places.tracks)
        self.player = PlaybackControl(self.desk, self.playback, store, self)
        self.recorder = RecordingControl(self.desk, self.record_bar, settings, places.recordings, self)
        tracks = SavedTracks(self.desk, store)
        self.exporter = ExportControl(
            self.desk, tracks, lambda: self.playback.selection, settings, places.exports, self
        )
        self.films = VideoControl(self.desk, tracks, settings, places.exports, self)
        self.streams = StreamControl(self.desk, self.stream_sign, settings, self)
        self.sources = SourceControl(self.desk, self.start_page, self.picker, self.message, settings, self._watch, self)
        self.recorder.recorded.connect(self.sources.remember)
        self.record_bar.open_recorded.connect(self.sources.open)
        self._connect()
        self._pace = PaintPace(self, self.view.widget, self._tracks)
        add_actions(self)
        self.set_theme(THEMES.get(settings.text("theme", "dark"), THEMES["dark"]))
        self._restore_geometry()
        self.setAcceptDrops(True)

    def open(self, uri: str) -> None:
        """Close what is open and open another source; the outcome shows in the window."""
        self.sources.open(uri)

    def set_theme(self, theme: Theme) -> None:
        """Dress the window."""
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        apply_theme(application, theme)
        self.view.set_background(theme.view)
        self.settings.keep("theme", theme.name)

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802 - Qt's name
        """Stop the threads and release the device; what is being recorded is finished first."""
        self.settings.keep("geometry", self.saveGeometry())
        self.settings.keep("panels", self.studio.saveState())
        self.settings.save()
        self.hide()  # at once, though threads may take a moment
        self.exporter.stop()
        self.streams.stop()
        self.recorder.stop()
        self.desk.leave()
        self.recorder.finish()
        self.desk.shut_down()
        self._watch.stop()
        super().closeEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802 - Qt's name
        """Take recordings."""
        if event.mimeData().hasUrls():  # which of them are recordings is told by the disk, later
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802 - Qt's name
        """Open the recording that was dropped."""
        mime = QMimeData()
        mime.setUrls(event.mimeData().urls())
        self.desk.run("Looking at what was dropped", lambda _tell: dropped_source(mime), self._dropped, quiet=True)

    def _dropped(self, uri: str | None) -> None:
        if uri is None:
            self.message.tell("That is no recording; drop a recording's folder or an .mkv file.", Kind.WARNING)
        else:
            self.open(uri)

    def _assemble(self) -> None:
        self.setWindowTitle(TITLE)
        self.resize(*FIRST_SIZE)
        bar = QToolBar("Source")
        bar.setObjectName("source_bar")
        bar.setMovable(False)
        bar.addWidget(self.picker)
        bar.addSeparator()
        bar.addWidget(self.record_bar)
        self.addToolBar(bar)
        live = QWidget()
        rows = QVBoxLayout(live)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(0)
        rows.addWidget(self.view.widget, stretch=1)
        rows.addWidget(self.playback)
        self.studio = QMainWindow()  # a window in the window, so that its panels go with it where nothing is open
        self.studio.setWindowFlags(Qt.Widget)
        self.studio.setDockOptions(QMainWindow.AnimatedDocks | QMainWindow.AllowTabbedDocks)
        self.studio.setCentralWidget(live)
        self.pages = QStackedWidget()
        self.pages.addWidget(self.start_page)
        self.pages.addWidget(self.studio)
        central = QWidget()
        outer = QVBoxLayout(central)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        for widget in (self.message, self.job_bar):
            outer.addWidget(widget)
        outer.addWidget(self.pages, stretch=1)
        self.setCentralWidget(central)
        self.statusBar().setSizeGripEnabled(False)
        self.statusBar().addPermanentWidget(self.hud, 1)
        self.statusBar().addPermanentWidget(self.stream_sign)
        self.hud.hide()
        others = {"Tracking": self.tracking, "View": self.options, "Expression": self.bars, "Residual": self.plot}
        self.docks = add_docks(self.studio, self.preview, others)

    def _connect(self) -> None:
        desk = self.desk
        desk.opened.connect(self._opened)
        desk.closed.connect(self._closed)
        self.views.shown.connect(self._shown)
        desk.ticked.connect(self._ticked)
        desk.failed.connect(lambda text, _request, _error: self.failed.emit(text))
        desk.told.connect(lambda text: self.message.tell(text, Kind.INFO))
        desk.ticking.connect(self._look_around)
        self.job_bar.cancel_requested.connect(self._cancel_jobs)

    def _opened(self, session: Session) -> None:
        self.frames_shown = 0
        self.setWindowTitle(f"{session.pipeline.info.label} – {TITLE}")
        self.hud.show_message("Waiting for the first frame …")
        self.hud.show()
        self.pages.setCurrentIndex(1)

    def _closed(self) -> None:
        self.setWindowTitle(TITLE)
        self.hud.hide()
        self.pages.setCurrentIndex(0)

    def _tracks(self) -> bool:
        session = self.desk.session
        return session is not None and session.tracks

    def _shown(self) -> None:
        self._view_rate.tick()
        self.frames_shown += 1
        self.frame_shown.emit(self.frames_shown)

    def _ticked(self, tracked: TrackedFrame | None, status: PipelineStatus) -> None:
        tracked = self.desk.drawn or tracked
        if tracked is not None:
            self.hud.show_status(tracked, status, self._view_rate.fps, status.latency_s and status.latency_s * 1e3)

    def _look_around(self) -> None:
        """Several times a second, whether anything is open or not."""
        self.sources.look_for_cameras()
        tasks = self._loud_tasks
        if tasks:
            self.job_bar.show_job(tasks[0].job.name, tasks[0].job.progress)
        else:
            self.job_bar.hide_job()

    def _cancel_jobs(self) -> None:
        for task in self._loud_tasks[:1]:
            task.job.cancel()

    @property
    def _loud_tasks(self) -> list[Task]:
        return [task for task in self.desk.tasks if not task.quiet]

    def _restore_geometry(self) -> None:
        geometry, state = self.settings.state("geometry"), self.settings.state("panels")
        if geometry is not None:
            self.restoreGeometry(geometry)
        if state is not None:
            self.studio.restoreState(state)
