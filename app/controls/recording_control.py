"""Connects the record bar to what is open: frames go to disk while the picture goes on."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, Protocol

from PyQt5.QtCore import QObject, pyqtSignal
from PyQt5.QtWidgets import QFileDialog, QWidget

from dphm_core.jobs import Job, Tell
from dphm_core.sources.recording_status import RecordingStatus

from ..desk import Desk
from ..panels.record_bar import RecordBar
from ..session import Session
from ..settings import WindowSettings

if TYPE_CHECKING:
    from dphm_core.sources.kinect import KinectSource

PATIENCE_S = 2.0
"""How long a window that closes waits for the end of a recording."""


class Recording(Protocol):
    """A recording that is being made."""

    @property
    def status(self) -> RecordingStatus:
        """How it goes; cheap."""

    def stop(self) -> None:
        """Take no more frames; returns at once, `status.finished` tells the end."""


class KinectRecording:
    """What an Azure Kinect writes by itself. Lives on the GUI thread."""

    def __init__(self, source: KinectSource, path: Path) -> None:
        self._source, self._path = source, path
        source.start_recording(path)

    @property
    def status(self) -> RecordingStatus:
        """How it goes; cheap."""
        return self._source.recording_status or RecordingStatus(self._path)

    def stop(self) -> None:
        """Take no more frames; returns at once."""
        self._source.stop_recording()


class RecordingControl(QObject):
    """Begins and ends recordings. Lives on the GUI thread; files are opened and closed in jobs.

    Parameters
    ----------
    folder
        Where recordings go, each in a folder or file of its own, named by the time.
    """

    recorded = pyqtSignal(str)
    """Path of a recording that is complete."""

    def __init__(self, desk: Desk, bar: RecordBar, settings: WindowSettings, folder: Path, window: QWidget) -> None:
        super().__init__(window)
        self._desk, self._bar, self._window = desk, bar, window
        self._folder = Path(settings.text("record_folder", str(folder)))
        self._settings = settings
        self._running: Recording | None = None
        self._starting: Job[Any] | None = None
        self._ending = False
        desk.opened.connect(self._opened)
        desk.closed.connect(self._closed)
        desk.opening.connect(lambda _request: self._closed())
        desk.ticking.connect(self._look)
        bar.record_requested.connect(self.start)
        bar.stop_requested.connect(self.stop)
        bar.convert_requested.connect(self.convert)
        self._offer()

    @property
    def recording(self) -> bool:
        """Whether frames go to disk."""
        return self._running is not None

    def choose_folder(self) -> None:
        """Ask where recordings shall go."""
        if folder := QFileDialog.getExistingDirectory(self._window, "Folder for recordings", str(self._folder)):
            self._folder = Path(folder)
            self._settings.keep("record_folder", folder)

    def start(self) -> None:
        """Begin to record what is open."""
        session = self._desk.session
        if session is None or self.recording or self._starting is not None:
            return
        path = self._folder / f"{datetime.now():%Y-%m-%d_%H-%M-%S}"
        self._bar.set_available(False, "Starting to record …")

        def work(_tell: Tell) -> tuple[Session, Recording]:
            return session, _begin(session, path)

        self._starting = self._desk.run("Starting to record", work, self._begun, self._not_begun, quiet=True)

    def stop(self) -> None:
        """End the recording; it is complete a moment later."""
        if self._running is None:
            return
        if self._desk.session is not None:
            self._desk.session.pipeline.record(None)
        self._running.stop()
        self._ending = True

    def finish(self) -> None:
        """End the recording and wait until it is complete, some seconds at most: the window closes."""
        if self._starting is not None:
            self._starting.join()
            if self._starting.error is None:
                self._begun(self._starting.poll())
        self.stop()
        ends = monotonic() + PATIENCE_S
        while self._running is not None and not self._running.status.finished and monotonic() < ends:
            sleep(0.02)

    def _begun(self, begun: tuple[Session, Recording]) -> None:
        self._starting = None
        session, self._running = begun
        self._ending = False
        self._offer()
        self._bar.show_status(self._running.status)
        if session is not self._desk.session:  # another source was opened meanwhile
            self.stop()

    def _not_begun(self) -> None:
        self._starting = None
        self._offer()

    def _look(self) -> None:
        """Several times a second: how it goes, and whether it is over."""
        if self._running is None:
            return
        status = self._running.status
        if status.finished:
            self._end(status)
            return
        self._bar.show_status(status)
        if not self._ending and (status.error is not None or status.full):
            self.stop()

    def _end(self, status: RecordingStatus) -> None:
        """Nothing more is written."""
        self._running = None
        if self._desk.session is not None:
            self._desk.session.pipeline.record(None)
        self._bar.show_saved(status.path, status)
        self._offer()
        if status.frames:
            self.recorded.emit(str(status.path))

    def _opened(self, _session: Session) -> None:
        self._bar.forget()
        self._offer()

    def _closed(self) -> None:
        self.stop()
        self._offer()

    def _offer(self) -> None:
        session = self._desk.session
        if session is not None and session.live:
            self._bar.set_available(True, "")
        else:
            self._bar.set_available(False, "Open a camera to record it.")

    def convert(self, path: str) -> None:
        """Turn a recording into a folder of images beside it."""
        target = Path(f"{path.removesuffix('.mkv')}_images")

        def work(tell: Tell) -> Path:
            from dphm_core.recording.convert import ConvertOptions, convert

            return convert(path, target, ConvertOptions(), tell).folder

        self._desk.run("Converting", work, self._converted)

    def _converted(self, folder: Path) -> None:
        self.recorded.emit(str(folder))
        self._desk.told.emit(f"The images are in {folder}")


def _begin(session: Session, path: Path) -> Recording:
    """Job thread: open the files; an Azure Kinect writes its own format."""
    from dphm_core.files import make_folder
    from dphm_core.recording import StackRecorder
    from dphm_core.sources.kinect import KinectSource

    make_folder(path.parent)
    if isinstance(session.source, KinectSource):
        return KinectRecording(session.source, path.with_suffix(".mkv"))
    info = session.pipeline.info
    recorder = StackRecorder(path, info.intrinsics, info.fps, info.label)
    session.pipeline.record(recorder)
    return recorder
