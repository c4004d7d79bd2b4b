"""Makes a video of the track of what is open."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PyQt5.QtCore import QObject
from PyQt5.QtWidgets import QWidget

from dphm_core.errors import DataError
from dphm_core.jobs import Tell

from ..desk import Desk
from ..save_file import ask_where_to_save
from ..settings import WindowSettings
from .saved_tracks import SavedTracks

if TYPE_CHECKING:
    from dphm_core.output.saved_track import SavedTrack
    from dphm_core.video.options import View
    from dphm_core.video.render import VideoSummary

VIEWS: dict[View, str] = {
    "overlay": "Mesh over the picture…",
    "turntable": "Turning head…",
    "both": "Both, side by side…",
}
"""What can be on a video."""


class VideoControl(QObject):
    """Asks for a file, and draws in a job. Lives on the GUI thread.

    Parameters
    ----------
    folder
        Where videos go unless the user chose another folder before.
    """

    def __init__(
        self, desk: Desk, tracks: SavedTracks, settings: WindowSettings, folder: Path, window: QWidget
    ) -> None:
        super().__init__(window)
        self._desk, self._tracks, self._window = desk, tracks, window
        self._settings, self._folder = settings, folder

    def show(self, view: View) -> None:
        """Ask where to, and make the video of the complete track of what is open."""
        self._tracks.fetch(lambda saved: self._ask(saved, view))

    def _ask(self, saved: SavedTrack | None, view: View) -> None:
        session, request = self._desk.session, self._desk.request
        if saved is None or session is None or request is None:
            error = DataError("a video needs a complete track; choose Playback → Track all frames first")
            self._desk.failed.emit(str(error), None, error)
            return
        folder = Path(self._settings.text("video_folder", str(self._folder)))
        name = f"{session.pipeline.info.label.replace('/', '_')}.mp4"
        path = ask_where_to_save(self._window, "Make a video", folder / name, "Videos (*.mp4)")
        if path is not None:
            self._settings.keep("video_folder", str(path.parent))
            self.make(saved, request.uri, path, view)

    def make(self, saved: SavedTrack, recording: str, path: Path, view: View) -> None:
        """Write the file, in place of an earlier one; progress and cancelling are the job bar's."""

        def draw(tell: Tell) -> VideoSummary:
            from dphm_core.video.options import VideoOptions
            from dphm_core.video.render import write_video

            return write_video(saved, recording, path, VideoOptions(view, crop=view == "both"), tell)

        self._desk.run("Making the video", draw, lambda made: self._desk.told.emit(f"{made.words} in {path}"))
