from __future__ import annotations

import subprocess
import sys

import pyk4a
import pytest
from fake_k4a import FakeCamera, plug_in
from refusal import refused

from dphm_core.cli import main
from dphm_core.errors import SourceError
from dphm_core.sources import kinect, open_source
from dphm_core.sources.k4a_devices import look, start_advice


@pytest.fixture
def no_camera() -> None:
    if pyk4a.connected_device_count():
        pytest.skip("needs a machine without an Azure Kinect")


@pytest.mark.parametrize("uri", ["kinect", "kinect:000123"])
def test_without_a_camera_the_next_step_is_told(no_camera: None, uri: str) -> None:
    with pytest.raises(SourceError, match="no Azure Kinect is connected; plug it into a USB 3 port"):
        open_source(uri)
    assert look() == []


def test_the_sdk_keeps_off_stdout(no_camera: None) -> None:
    code = "from dphm_core.sources.k4a_devices import look; print(look())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_missing_display_is_suspected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    for variable in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(variable, raising=False)
    assert "OpenGL display, and there is none" in start_advice()
    monkeypatch.setenv("DISPLAY", ":0")
    assert "USB 3" in start_advice()


def test_a_camera_gives_frames_and_is_released(monkeypatch: pytest.MonkeyPatch) -> None:
    camera = FakeCamera("0001")
    plug_in(monkeypatch, camera)
    with open_source("kinect") as source:
        frames = [next(source) for _ in range(3)]
        assert camera.streams
        assert (source.info.kind, source.info.label, source.info.length) == ("kinect", "Azure Kinect 0001", None)
    assert [frame.index for frame in frames] == [0, 1, 2]
    assert frames[0].color.shape == (720, 1280, 3)
    assert 0.69 < frames[0].depth_m.max() < 0.75
    assert not camera.is_open
    source.close()


def test_a_camera_is_chosen_by_its_serial_number(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = FakeCamera("0001"), FakeCamera("0002")
    plug_in(monkeypatch, first, second)
    with open_source("kinect:0002") as source:
        assert source.info.label == "Azure Kinect 0002"
        assert second.streams
        assert not first.is_open
    assert "Azure Kinect 0003 is not connected (found: 0001, 0002); plug it in" in refused("kinect:0003")
    assert not (first.is_open or second.is_open)


def test_a_busy_camera_is_told_and_another_one_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    bus = plug_in(monkeypatch, FakeCamera("0001", refuses=True))
    assert "another program uses it; close that program and try again" in refused("kinect")
    assert "Azure Kinect 0001 cannot be opened" in refused("kinect:0001")
    bus.cameras.append(FakeCamera("0002"))
    with open_source("kinect") as source:
        assert source.info.label.endswith("0002")


def test_a_camera_that_does_not_start_is_released(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinect, "START_TIMEOUT_MS", 60)
    camera = FakeCamera("0001", starts=False)
    plug_in(monkeypatch, camera)
    assert "Azure Kinect 0001 does not start: it needs a USB 3 port of its own" in refused("kinect")
    assert not camera.is_open
    camera.starts, camera.silent = True, True
    assert "Azure Kinect 0001 sends no picture: it needs a USB 3 port of its own" in refused("kinect")
    assert not camera.is_open
    assert not camera.streams


def test_a_damaged_calibration_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    plug_in(monkeypatch, camera := FakeCamera("0001", calibration="{}"))
    assert "Azure Kinect 0001: Azure Kinect calibration lacks 'CalibrationInformation'" in refused("kinect")
    assert not camera.is_open


def test_a_missing_driver_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyk4a", None)
    assert "pip install pyk4a-bundle" in refused("kinect")
    monkeypatch.setattr("sys.platform", "darwin")
    assert "no driver for macOS" in refused("kinect")


def test_info_tells_how_a_camera_is_set(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("dphm_core.commands.look._face", lambda _frame: ["not looked for"])
    plug_in(monkeypatch, camera := FakeCamera("0001"))
    assert main(["info", "kinect?fps=15&exposure=auto"]) == 0
    told = capsys.readouterr().out
    assert "live at 15 per second" in told
    assert "set to        color 720p, depth nfov, fps 15, exposure auto, whitebalance lock; first picture after" in told
    assert not camera.is_open
