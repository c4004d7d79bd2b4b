"""What can be opened, in words: shared by the start page and the source picker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PyQt5.QtCore import QObject, QTimer, pyqtSignal
from PyQt5.QtWidgets import QFileDialog, QWidget

from dphm_core.jobs import Job
from dphm_core.sources import is_live, scheme_of
from dphm_core.sources.devices import Camera, CameraList

from .recent import RECORDING_SUFFIXES, path_of
from .recent import missing as missing_recordings

POLL_MS = 50
GONE = "not there any more"
LOOKING = "Looking for cameras …"
NO_CAMERA = "No camera is connected. Plug one into a USB 3 port and its power supply; it then appears here by itself."
NO_RECENT = "Recordings that you open appear here."
CAMERA_NAMES = {
    "kinect": "Azure Kinect",
    "realsense": "Intel RealSense",
    "orbbec": "Orbbec",
    "simulated": "Simulated camera",
}
"""By the schemes of their names."""
RECORDING_FILTER = f"Recordings ({' '.join(f'*{suffix}' for suffix in RECORDING_SUFFIXES)});;All files (*)"


@dataclass(frozen=True)
class Choice:
    """One thing that can be opened."""

    uri: str
    title: str
    detail: str
    """More about it, of less weight."""
    usable: bool = True
    """False: it cannot be opened now; `detail` says why."""


class SourceChoices(QObject):
    """The cameras and recent recordings there are. Lives on the GUI thread; the disk is looked at on another.

    Parameters
    ----------
    demo
        Folder of the demo recording, offered where it exists.
    parent
        Whose it is.
    """

    changed = pyqtSignal()

    def __init__(self, demo: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.demo = str(demo) if demo.is_dir() else None
        """The demo recording's path; None where there is none."""
        self._cameras = CameraList(known=False)
        self._recent: list[str] = []
        self._missing: frozenset[str] = frozenset()
        self._search: Job[frozenset[str]] | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(POLL_MS)
        self._timer.timeout.connect(self._poll)

    @property
    def cameras(self) -> list[Choice]:
        """The connected cameras."""
        return [_camera_choice(camera) for camera in self._cameras.cameras]

    @property
    def camera_hint(self) -> str:
        """Why there is no camera to choose, and the next step."""
        if not self._cameras.known:
            return LOOKING
        return _sentence(self._cameras.missing) if self._cameras.missing else NO_CAMERA

    @property
    def recent(self) -> list[Choice]:
        """Recordings that were opened, the last one first."""
        return [_recent_choice(uri, path, uri in self._missing) for uri in self._recent if (path := path_of(uri))]

    def set_cameras(self, cameras: CameraList) -> None:
        """Say what is plugged in."""
        self._cameras = cameras
        self.changed.emit()

    def set_recent(self, uris: Sequence[str]) -> None:
        """Say what was opened, the last one first; which of it is still there is told a moment later."""
        self._recent = list(uris)
        self.changed.emit()
        self._search = Job(lambda _tell: missing_recordings(uris), "Looking for recordings") if self.recent else None
        if self._search is not None:
            self._timer.start()

    def _poll(self) -> None:
        if self._search is not None and self._search.running:
            return
        self._timer.stop()
        found = self._search.poll() if self._search is not None else frozenset()
        if found is not None and found != self._missing:
            self._missing = found
            self.changed.emit()


def describe(uri: str) -> str:
    """Name a source in a word or two, for a title or a message."""
    if path := path_of(uri):
        return path.name or str(path)
    scheme = scheme_of(uri)
    serial = uri.partition("?")[0].partition(":")[2]
    return f"{CAMERA_NAMES[scheme]} {serial}".rstrip()


def ask_for_folder(parent: QWidget) -> str | None:
    """Let the user choose a recording's folder; None where they think better of it."""
    return QFileDialog.getExistingDirectory(parent, "Open a recording folder") or None


def ask_for_file(parent: QWidget) -> str | None:
    """Let the user choose a recording's file; None where they think better of it."""
    return QFileDialog.getOpenFileName(parent, "Open a recording file", filter=RECORDING_FILTER)[0] or None


def _camera_choice(camera: Camera) -> Choice:
    if camera.usable:
        return Choice(camera.uri, camera.model, f"serial number {camera.serial}")
    return Choice(camera.uri, camera.model, "used by another program, or not permitted", usable=False)


def _recent_choice(uri: str, path: Path, gone: bool) -> Choice:
    title = f"{path.name} as a camera" if is_live(uri) else path.name or str(path)
    return Choice(uri, title, f"{GONE}: {path.parent}" if gone else str(path.parent), usable=not gone)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
