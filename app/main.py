"""Start-up and command line of the window: `dphm-app [SOURCE] [--model NAME] [--device NAME] [--subject FILE] …`."""

from __future__ import annotations

import logging
import os
import signal
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Annotated

import tyro

from dphm_core.places import DEMO_RECORDING, find_model, recording_path

from .display import missing_display

if TYPE_CHECKING:
    from PyQt5.QtWidgets import QApplication

    from .settings import WindowSettings
    from .window import MainWindow


@dataclass(frozen=True)
class AppOptions:
    """Track heads in depth images, live or from a recording, and look at the result in 3-D."""

    source: tyro.conf.Positional[str | None] = None
    """Recording folder, .mkv file, "kinect", "kinect:SERIAL", either with settings
    ("kinect?fps=15"), or "simulated"; by default the first connected camera,
    or else a page to choose from."""
    model: str | None = None
    """Head model: a name under models/ or a folder; by default the one used last."""
    device: str = "cpu"
    """Where frames are fitted: "cpu", or a CUDA device such as "cuda" or "cuda:1"."""
    subject: Path | None = None
    """File of `dphm track --save-subject` of the person who is there, who then needs no calibration."""
    screenshot: Path | None = None
    """Save a picture of the window to this PNG file and quit."""
    frames: Annotated[int, tyro.conf.arg(metavar="N")] = 30
    """Take the screenshot after this many frames were drawn."""
    install_launcher: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Put DPHM Live into the desktop's menu, and quit."""
    remove_launcher: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Take it out of the menu again, and quit."""


def main() -> None:
    """Run the window (console script `dphm-app`)."""
    options = tyro.cli(AppOptions, prog="dphm-app")
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    if options.install_launcher or options.remove_launcher:
        sys.exit(_change_launcher(options))
    if (missing := missing_display()) is not None:
        sys.stderr.write(f"dphm-app: {missing}\n")
        sys.exit(2)
    sys.exit(run(options))


def run(options: AppOptions) -> int:
    """Show the window until it is closed; 0, or 2 where a wanted screenshot could not be taken."""
    application = prepare_application()
    from .session import Request, open_session
    from .settings import WindowSettings
    from .window import MainWindow, Places

    settings = WindowSettings()
    usual = Request("", options.model or last_model(settings), options.device, options.subject)
    window = MainWindow(open_session, Places.of_user(DEMO_RECORDING), settings, usual)
    end_well(window)
    window.show()
    window.open(str(recording_path(options.source or "kinect")))
    if options.screenshot is None:
        status = int(application.exec_())
    else:
        from .screenshot import ScreenshotTaker

        taker = ScreenshotTaker(window, options.screenshot, options.frames)
        application.exec_()
        status = taker.exit_status
    destroy(window)
    return status


def end_well(window: MainWindow) -> None:
    """Ctrl-C, a log-out and errors that nobody expected: the device is released, and what is recorded is whole."""

    def tell(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            window.close()
            return
        logging.getLogger(__name__).error("unexpected error", exc_info=(kind, error, trace))
        details = "".join(traceback.format_exception(kind, error, trace))
        window.message.tell(f"Something went wrong in the window: {kind.__name__}: {error}", details=details)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: window.close())
    sys.excepthook = tell  # without one, PyQt ends the process there and then


def destroy(window: MainWindow) -> None:
    """Destroy a closed window and its GL context while all is there: PyQt would do so at exit, in any order."""
    from PyQt5 import sip

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    sys.excepthook = sys.__excepthook__
    sip.delete(window)


def last_model(settings: WindowSettings) -> str:
    """The model used last, where it is still there."""
    name = settings.text("model", "default")
    return name if find_model(name) is not None else "default"


def prepare_application() -> QApplication:
    """Make Qt's application object: sharp on any screen, the same style on every system."""
    forget_cv2_qt_plugins()
    from PyQt5.QtCore import Qt
    from PyQt5.QtWidgets import QApplication

    from .icon import window_icon

    QApplication.setAttribute(Qt.AA_EnableHighDpiScaling)
    QApplication.setAttribute(Qt.AA_UseHighDpiPixmaps)
    application = QApplication(sys.argv[:1])
    application.setStyle("Fusion")  # it honours palettes, unlike some systems' own
    application.setApplicationDisplayName("DPHM Live")
    application.setDesktopFileName("dphm-live")
    application.setWindowIcon(window_icon())
    return application


def forget_cv2_qt_plugins() -> None:
    """Keep Qt from loading the plugins of the cv2 package, which importing cv2 makes it do and which do not fit."""
    if "cv2" in os.environ.get("QT_QPA_PLATFORM_PLUGIN_PATH", ""):
        del os.environ["QT_QPA_PLATFORM_PLUGIN_PATH"]


def _change_launcher(options: AppOptions) -> int:
    from dphm_core.errors import DphmError

    from .launcher import install_launcher, remove_launcher

    try:
        path = install_launcher() if options.install_launcher else remove_launcher()
    except DphmError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    done = "is in the menu now" if options.install_launcher else "is out of the menu now"
    sys.stdout.write(f"DPHM Live {done}: {path}\n")
    return 0


if __name__ == "__main__":
    main()
