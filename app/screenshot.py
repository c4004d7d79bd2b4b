"""A picture of the window after some frames, then quit: for documentation and for checks without a user."""

from __future__ import annotations

import logging
from pathlib import Path

from PyQt5.QtCore import QObject, QTimer

from .window import MainWindow

log = logging.getLogger(__name__)


class ScreenshotTaker(QObject):
    """Saves the window to a PNG file once it has drawn enough frames, and closes it. Lives on the GUI thread.

    Parameters
    ----------
    window
        The window.
    path
        PNG file to write.
    frames
        Frames to wait for; a recording that ends earlier is taken at its end.
    """

    def __init__(self, window: MainWindow, path: Path, frames: int) -> None:
        super().__init__(window)
        self._window, self._path, self._frames = window, path, frames
        self.exit_status = 2
        window.frame_shown.connect(self._frame_shown)
        window.desk.ended.connect(self._take)
        window.failed.connect(self._fail)

    def _frame_shown(self, count: int) -> None:
        if count == self._frames:
            QTimer.singleShot(0, self._take)  # after the frame just announced has been painted

    def _take(self) -> None:
        if self.exit_status == 0:
            return
        unfinished = self._path.with_name(f".{self._path.stem}.part.png")
        if self._window.grab().save(str(unfinished)):
            unfinished.replace(self._path)
            self.exit_status = 0
        else:
            log.error("%s cannot be written; choose another place for the screenshot", self._path)
        self._window.close()

    def _fail(self, message: str) -> None:
        log.error("no screenshot: %s", message)
        self._window.close()
