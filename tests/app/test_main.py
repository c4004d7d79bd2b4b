"""The window's own command line, as far as it goes without a window."""

from __future__ import annotations

import os
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import display, main

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there always is a display")
NOBODY_LISTENS = ":977"


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder whose path leaves room for a socket's, which has about a hundred characters at most."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@linux_only
def test_without_a_display_one_line_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in display.DISPLAYS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("QT_QPA_PLATFORM", "xcb")
    monkeypatch.setattr(sys, "argv", ["dphm-app", "demo"])
    with pytest.raises(SystemExit) as ended:
        main.main()
    told = capsys.readouterr().err
    assert ended.value.code == 2
    assert told.count("\n") == 1 and "there is no display for a window here" in told and "`dphm track`" in told
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen:size=800x600")
    assert display.missing_display() is None


@linux_only
def test_a_display_where_nobody_answers_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("QT_QPA_PLATFORM", raising=False)
    monkeypatch.setenv("DISPLAY", NOBODY_LISTENS)
    monkeypatch.setattr(sys, "argv", ["dphm-app", "demo"])
    with pytest.raises(SystemExit) as ended:
        main.main()
    told = capsys.readouterr().err
    assert ended.value.code == 2
    assert told.count("\n") == 1 and f"the display {NOBODY_LISTENS}, which DISPLAY names, cannot be used" in told
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-77")
    assert f"the display {NOBODY_LISTENS}, " in (display.missing_display() or "")
    monkeypatch.setattr(display, "XCB", "libxcb-of-nobody.so.1")  # then it is Qt's own turn to tell
    assert display.missing_display() is None


@linux_only
def test_a_wayland_display_counts_where_somebody_listens(monkeypatch: pytest.MonkeyPatch, short_folder: Path) -> None:
    for name in ("DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(short_folder))
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-77")
    assert "the display wayland-77, which WAYLAND_DISPLAY names, cannot be used" in (display.missing_display() or "")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(str(short_folder / "wayland-77"))
        server.listen()
        assert display.missing_display() is None
        monkeypatch.setenv("WAYLAND_DISPLAY", str(short_folder / "wayland-77"))
        assert display.missing_display() is None
        monkeypatch.setenv("DISPLAY", NOBODY_LISTENS)
        assert display.missing_display() is None
        monkeypatch.setenv("QT_QPA_PLATFORM", "xcb")
        assert f"the display {NOBODY_LISTENS}, which DISPLAY names" in (display.missing_display() or "")
        monkeypatch.delenv("DISPLAY")
        assert "there is no display for a window here" in (display.missing_display() or "")


@pytest.mark.skipif(not os.environ.get("DISPLAY"), reason="needs a display; run under xvfb-run -a")
def test_a_display_that_answers_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    assert display.missing_display() is None
