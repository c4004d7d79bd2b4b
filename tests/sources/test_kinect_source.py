from __future__ import annotations

import subprocess
import sys

import pyk4a
import pytest

from dphm_core.errors import SourceError
from dphm_core.sources import open_source
from dphm_core.sources.kinect import _start_advice, list_devices


@pytest.fixture
def no_camera() -> None:
    if pyk4a.connected_device_count():
        pytest.skip("needs a machine without an Azure Kinect")


@pytest.mark.parametrize("uri", ["kinect", "kinect:000123"])
def test_without_a_camera_the_next_step_is_told(no_camera: None, uri: str) -> None:
    with pytest.raises(SourceError, match="no Azure Kinect is connected; plug it into a USB 3 port"):
        open_source(uri)
    assert list_devices() == []


def test_the_sdk_keeps_off_stdout(no_camera: None) -> None:
    code = "from dphm_core.sources.kinect import list_devices; print(list_devices())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_missing_display_is_suspected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    for variable in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(variable, raising=False)
    assert "OpenGL display, and there is none" in _start_advice()
    monkeypatch.setenv("DISPLAY", ":0")
    assert "USB 3" in _start_advice()
