"""An entry in the desktop's menu that starts the window: `dphm-app --install-launcher`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from PyQt5.QtGui import QImage

from dphm_core.errors import OutputError
from dphm_core.files import make_folder, write_atomically, written_atomically

from .icon import icon_image

NAME = "DPHM Live"
FILE_NAME = "dphm-live"
COMMENT = "Track heads in depth images, live or from a recording"
ICON_SIDE = 256
"""Pixels."""
POWERSHELL_TIMEOUT_S = 60
SHORTCUT_SCRIPT = """
$ErrorActionPreference = 'Stop'
$shortcut = (New-Object -ComObject WScript.Shell).CreateShortcut($env:DPHM_LINK)
$shortcut.TargetPath = $env:DPHM_TARGET
$shortcut.Arguments = $env:DPHM_ARGUMENTS
$shortcut.WorkingDirectory = $env:DPHM_FOLDER
$shortcut.IconLocation = $env:DPHM_ICON
$shortcut.Description = $env:DPHM_COMMENT
$shortcut.Save()
"""
"""All names come to it as environment variables, so that none of them is ever read as a piece of script."""


def install_launcher() -> Path:
    """Put the window into the desktop's menu, for this user only.

    Returns
    -------
    Path
        The entry that was written.

    Raises
    ------
    OutputError
        It cannot be written, or this system has no such menu.
    """
    entry, icon = _places()
    make_folder(entry.parent)
    make_folder(icon.parent)
    _write_icon(icon)
    if sys.platform == "win32":
        _write_shortcut(entry, icon)
    else:
        write_atomically(entry, desktop_entry(start_command(), icon).encode())
    return entry


def remove_launcher() -> Path:
    """Take the window from the desktop's menu; harmless where it is not there.

    Raises
    ------
    OutputError
        It cannot be removed.
    """
    entry, icon = _places()
    for path in (entry, icon):
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"{path} cannot be removed: {error.strerror}; remove it by hand") from error
    return entry


def start_command() -> list[str]:
    """Return the command that starts the window with this installation, whatever folder it is called from."""
    scripts = Path(sys.executable).parent
    found = shutil.which("dphm-app", path=str(scripts))
    if found is not None:
        return [found]
    windowed = scripts / "pythonw.exe"  # python.exe would open a console beside the window
    return [str(windowed) if windowed.is_file() else sys.executable, "-m", f"{__package__}.main"]


def desktop_entry(command: list[str], icon: Path) -> str:
    """Text of an XDG desktop entry."""
    return (
        "[Desktop Entry]\n"
        "Type=Application\n"
        f"Name={NAME}\n"
        f"Comment={COMMENT}\n"
        f"Exec={' '.join(_quoted(word) for word in command)} %f\n"
        f"Icon={_escaped(str(icon))}\n"
        "Terminal=false\n"
        "Categories=Graphics;Science;\n"
        "StartupWMClass=dphm-app\n"  # as Qt names the window, after the program
    )


def _quoted(word: str) -> str:
    """Quote an argument as the desktop entry specification wants it: for the entry's own rules, and the file's."""
    for character in ("\\", '"', "`", "$"):
        word = word.replace(character, f"\\{character}")
    return _escaped(f'"{word}"').replace("%", "%%")


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _places() -> tuple[Path, Path]:
    """Where the entry and its icon lie."""
    if sys.platform == "darwin":
        raise OutputError("macOS has no such menu; start the window with dphm-app in a terminal")
    if sys.platform == "win32":
        roaming = Path(os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming")
        local = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
        menu = roaming / "Microsoft" / "Windows" / "Start Menu" / "Programs"
        return menu / f"{NAME}.lnk", local / FILE_NAME / f"{FILE_NAME}.ico"
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    icons = data / "icons" / "hicolor" / f"{ICON_SIDE}x{ICON_SIDE}" / "apps"
    return data / "applications" / f"{FILE_NAME}.desktop", icons / f"{FILE_NAME}.png"


def _write_icon(path: Path) -> None:
    image: QImage = icon_image(ICON_SIDE)
    with written_atomically(path) as partial:
        if not image.save(str(partial), path.suffix[1:].upper()):
            raise OutputError(f"{path} cannot be written; check the disk and its permissions")


def _write_shortcut(link: Path, icon: Path) -> None:
    """Write a Windows shortcut, which only Windows itself can make."""
    target, *arguments = start_command()
    names = {
        "DPHM_LINK": str(link),
        "DPHM_TARGET": target,
        "DPHM_ARGUMENTS": subprocess.list2cmdline(arguments),
        "DPHM_FOLDER": str(Path.home()),
        "DPHM_ICON": str(icon),
        "DPHM_COMMENT": COMMENT,
    }
    command = ["powershell", "-NoProfile", "-NonInteractive", "-ExecutionPolicy", "Bypass", "-Command", SHORTCUT_SCRIPT]
    try:
        done = subprocess.run(
            command, env=os.environ | names, capture_output=True, text=True, errors="replace",
            timeout=POWERSHELL_TIMEOUT_S,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        raise OutputError(f"{link} cannot be made, as PowerShell does not run ({error}); make it by hand") from error
    if done.returncode != 0 or not link.is_file():
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[0]
        raise OutputError(f"{link} cannot be made ({reason}); make a shortcut to {target} by hand")
