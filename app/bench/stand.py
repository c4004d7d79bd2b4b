"""A window for measuring: its own settings and folders, and an event loop that runs as long as it is told."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from ..session import OpenSession, Request


class Stand:
    """Makes a window, and closes it at the end of the block. Lives on the GUI thread."""

    def __init__(self, open_session: OpenSession) -> None:
        from PyQt5.QtCore import QSettings
        from PyQt5.QtWidgets import QApplication

        from dphm_core.places import DEMO_RECORDING

        from ..main import prepare_application
        from ..settings import WindowSettings
        from ..window import MainWindow, Places

        self.application = QApplication.instance() or prepare_application()
        self._folder = tempfile.TemporaryDirectory(prefix="dphm-")
        root = Path(self._folder.name)
        settings = WindowSettings(QSettings(str(root / "settings.ini"), QSettings.IniFormat))
        self.window = MainWindow(
            open_session,
            Places(DEMO_RECORDING, *(root / name for name in ("tracks", "recordings", "exports"))),
            settings,
        )
        self.closing_s = 0.0

    def open(self, request: Request) -> None:
        """Show the window, open a source and wait for its first frame."""
        shown: list[int] = []
        self.window.frame_shown.connect(shown.append)
        self.window.show()
        self.window.desk.open(request)
        self.wait_until(lambda: bool(shown), 60.0)

    def wait(self, seconds: float) -> None:
        """Let events happen."""
        from PyQt5.QtCore import QEventLoop, QTimer

        loop = QEventLoop()
        QTimer.singleShot(int(seconds * 1000), loop.quit)
        loop.exec_()

    def wait_until(self, true: Callable[[], bool], timeout_s: float) -> None:
        """Let events happen until something is so; TimeoutError where it does not come."""
        ends = perf_counter() + timeout_s
        while not true():
            if perf_counter() > ends:
                raise TimeoutError(f"did not happen within {timeout_s:g} s")
            self.wait(0.02)

    def close(self) -> float:
        """Close the window; how many seconds that took."""
        started = perf_counter()
        self.window.close()
        return perf_counter() - started

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        from PyQt5 import sip

        self.window.close()
        sip.delete(self.window)
        self._folder.cleanup()


def say(line: str) -> None:
    """A line for whoever reads the figures."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
