"""Start-up and command line of the window: `dphm-app [SOURCE] [--model NAME] [--device NAME] [--subject FILE] …`."""

from __future__ import annotations

import logging
import os
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import tyro

DEMO = Path(__file__).resolve().parent.parent / "recordings" / "demo"
"""The demo recording of a checkout."""


@dataclass(frozen=True)
class AppOptions:
    """Track heads in depth images, live or from a recording, and look at the result in 3-D."""

    source: tyro.conf.Positional[str | None] = None
    """Recording folder, .mkv file, "kinect" or "kinect:SERIAL"; the first connected camera by default."""
    model: str = "default"
    """Head model: a name under models/ or a folder."""
    device: str = "cpu"
    """Where the model is evaluated: "cpu", or a CUDA device such as "cuda" or "cuda:1"."""
    subject: Path | None = None
    """File of `dphm track --save-subject` of the person who is there, who then needs no calibration."""
    screenshot: Path | None = None
    """Save a picture of the window to this PNG file and quit."""
    frames: Annotated[int, tyro.conf.arg(metavar="N")] = 30
    """Take the screenshot after this many frames were drawn."""


def main() -> None:
    """Run the window (console script `dphm-app`)."""
    options = tyro.cli(AppOptions, prog="dphm-app")
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    sys.exit(run(options))


def run(options: AppOptions) -> int:
    """Show the window until it is closed; 0, or 2 where a wanted screenshot could not be taken."""
    forget_cv2_qt_plugins()
    from PyQt5.QtWidgets import QApplication

    from app.session import open_session
    from app.theme import DARK, apply_theme
    from app.window import MainWindow

    application = QApplication.instance() or QApplication(sys.argv[:1])
    application.setStyle("Fusion")  # the same everywhere, and it honours palettes
    apply_theme(application, DARK)
    opener = partial(open_session, model=options.model, subject=options.subject, device=options.device)
    window = MainWindow(opener, DEMO)
    window.show()
    window.open(options.source or "kinect")
    if options.screenshot is None:
        return int(application.exec_())
    from app.screenshot import ScreenshotTaker

    taker = ScreenshotTaker(window, options.screenshot, options.frames)
    application.exec_()
    return taker.exit_status


def forget_cv2_qt_plugins() -> None:
    """Keep Qt from loading the plugins of the cv2 package, which importing cv2 makes it do and which do not fit."""
    if "cv2" in os.environ.get("QT_QPA_PLATFORM_PLUGIN_PATH", ""):
        del os.environ["QT_QPA_PLATFORM_PLUGIN_PATH"]


if __name__ == "__main__":
    main()
