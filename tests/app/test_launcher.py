"""The entry in the desktop's menu."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from app import launcher
from app.icon import SIZES, icon_image
from dphm_core.errors import OutputError


@pytest.fixture
def linux(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A user's data folder on Linux."""
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    return tmp_path / "share"


def test_the_entry_starts_this_installation_and_can_be_removed(linux: Path) -> None:
    entry = launcher.install_launcher()
    assert entry == linux / "applications/dphm-live.desktop"
    lines = dict(line.split("=", 1) for line in entry.read_text().splitlines() if "=" in line)
    program, *arguments = shlex.split(lines["Exec"])
    assert Path(program).is_file()
    assert arguments == ["%f"] or arguments == ["-m", "app.main", "%f"]
    assert Path(lines["Icon"]).read_bytes().startswith(b"\x89PNG")
    assert (lines["Type"], lines["Name"], lines["Terminal"]) == ("Application", "DPHM Live", "false")
    assert launcher.install_launcher() == entry  # again: overwritten
    assert launcher.remove_launcher() == entry
    assert not list(linux.rglob("*.*"))
    launcher.remove_launcher()


def test_odd_folders_are_quoted() -> None:
    text = launcher.desktop_entry(['/home/a b/$x"%/dphm-app'], Path("/icons/a b.png"))
    assert 'Exec="/home/a b/\\\\$x\\\\"%%/dphm-app" %f\n' in text


def test_a_place_that_cannot_be_written_is_told(linux: Path) -> None:
    linux.write_text("a file where a folder should be")
    with pytest.raises(OutputError, match="cannot be made"):
        launcher.install_launcher()


def test_macos_is_told_that_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(OutputError, match="start the window with dphm-app in a terminal"):
        launcher.install_launcher()


def test_windows_gets_a_shortcut_without_a_name_in_the_script(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("APPDATA", str(tmp_path / "it's; here"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    calls = []

    def powershell(command, env, **_options):
        calls.append((command, env))
        Path(env["DPHM_LINK"]).write_text("link")
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", powershell)
    link = launcher.install_launcher()
    assert link.name == "DPHM Live.lnk"
    ((command, env),) = calls
    assert command[-1] == launcher.SHORTCUT_SCRIPT
    assert not any("it's; here" in word for word in command)
    assert env["DPHM_TARGET"]
    assert Path(env["DPHM_ICON"]).read_bytes().startswith(b"\0\0\1\0")  # an .ico file
    monkeypatch.setattr(
        subprocess, "run", lambda command, **_options: subprocess.CompletedProcess(command, 1, "", "Denied\nat line 3")
    )
    with pytest.raises(OutputError, match=r"cannot be made \(Denied\); make a shortcut"):
        launcher.install_launcher()
    launcher.remove_launcher()
    assert not link.exists()


@pytest.mark.parametrize("side", SIZES)
def test_the_mark_is_a_light_head_on_a_dark_square(side: int) -> None:
    image = icon_image(side)
    assert (image.width(), image.height()) == (side, side)
    assert image.pixelColor(0, 0).alpha() == 0  # a round corner
    lightness = [[image.pixelColor(x, y).lightness() for x in range(side)] for y in range(side)]
    middle = [value for row in lightness[side // 4 : side // 2] for value in row[side * 2 // 5 : side * 3 // 5]]
    border = [row[side // 12] for row in lightness[side // 4 : side // 2]]
    assert max(middle) > 150
    assert max(border) < 80
