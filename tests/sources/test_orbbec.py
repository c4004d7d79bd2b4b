"""Orbbec cameras through a stand-in for their driver, and the driver itself where that is installed."""

from __future__ import annotations

import importlib.util
import sys

import fake_k4a
import numpy as np
import pytest
from fake_orbbec import COLOR, FakeCamera, plug_in

from dphm_core.errors import NoCameraError, SourceError
from dphm_core.sources import is_live, open_source
from dphm_core.sources.devices import Camera, list_cameras

needs_driver = pytest.mark.skipif(importlib.util.find_spec("pyorbbecsdk") is None, reason="needs pyorbbecsdk2")


def refused(uri: str) -> str:
    with pytest.raises(SourceError) as caught:
        open_source(uri)
    return str(caught.value)


def test_a_camera_gives_registered_frames_and_is_released(monkeypatch: pytest.MonkeyPatch) -> None:
    plug_in(monkeypatch, camera := FakeCamera("0001"))
    assert is_live("orbbec")
    with open_source("orbbec") as source:
        assert (source.info.kind, source.info.label) == ("orbbec", "Orbbec Femto Bolt 0001")
        frames = [next(source) for _ in range(3)]
        assert camera.streams
    assert not camera.streams
    source.close()
    assert next(source, None) is None
    assert [frame.index for frame in frames] == [0, 1, 2]
    assert frames[0].color.shape == (COLOR[1], COLOR[0], 3)
    # Turned by a quarter, depth is upright in lying colour: narrower than that is high.
    rows, columns = np.nonzero(frames[0].depth_m)
    assert np.ptp(rows) == 719
    assert np.ptp(columns) == pytest.approx(48 / 64 * 1280, abs=45)
    seen = frames[0].depth_m[frames[0].depth_m > 0]
    assert seen == pytest.approx(0.512, abs=1e-4)


def test_a_camera_is_chosen_by_its_serial_number_and_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_k4a.plug_in(monkeypatch)
    plug_in(monkeypatch, first := FakeCamera("0001"), second := FakeCamera("0002"))
    with open_source("orbbec:0002"):
        assert (first.streams, second.streams) == (False, True)
    assert "Orbbec camera 0003 is not connected (found: 0001, 0002)" in refused("orbbec:0003")
    assert list_cameras().cameras[-1] == Camera("orbbec", "Orbbec Femto Bolt", "0002", "orbbec:0002")


def test_a_missing_driver_and_a_missing_camera_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    plug_in(monkeypatch)
    with pytest.raises(NoCameraError, match="no Orbbec camera is connected; plug it into a USB 3 port"):
        open_source("orbbec")
    monkeypatch.setitem(sys.modules, "pyorbbecsdk", None)
    assert "install it with: pip install --no-deps pyorbbecsdk2" in refused("orbbec")


def test_a_camera_that_does_not_start_is_told_and_released(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dphm_core.sources.orbbec.START_TIMEOUT_MS", 20)
    plug_in(monkeypatch, camera := FakeCamera("0001", starts=False))
    assert "does not start (device is busy); plug it into a USB 3 port" in refused("orbbec")
    camera.starts, camera.silent = True, True
    assert "sends no picture" in refused("orbbec")
    assert not camera.streams
    camera.model = "KANNALA_BRANDT4"
    assert "its lens is of the kind KANNALA_BRANDT4" in refused("orbbec")
    assert not camera.streams


def test_pulling_the_cable_silence_and_failure_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dphm_core.sources.orbbec.FRAME_TIMEOUT_MS", 20)
    bus = plug_in(monkeypatch, camera := FakeCamera("0001"))
    with open_source("orbbec") as source:
        camera.silent = True
        with pytest.raises(SourceError, match="has sent no picture for"):
            next(source)
        camera.fails = True
        with pytest.raises(SourceError, match=r"fails \(libusb went mad\)"):
            next(source)
        camera.fails = False
        bus.cameras.clear()
        with pytest.raises(SourceError, match="was unplugged or lost its power"):
            next(source)
    assert not camera.streams


@needs_driver
def test_the_driver_has_what_is_used_of_it() -> None:
    import pyorbbecsdk as driver

    for owner, names in {
        driver.Pipeline: "get_stream_profile_list enable_frame_sync start get_camera_param wait_for_frames stop",
        driver.DeviceList: "get_count get_device_name_by_index get_device_serial_number_by_index",
        driver.DepthFrame: "get_timestamp_us get_width get_height get_depth_scale get_data",
        driver.OBCameraParam: "depth_intrinsic depth_distortion rgb_intrinsic rgb_distortion transform",
        driver.OBCameraDistortionModel: "NONE BROWN_CONRADY BROWN_CONRADY_K6 INVERSE_BROWN_CONRADY",
        driver.StreamProfileList: "get_default_video_stream_profile get_video_stream_profile",
        driver.Config: "enable_stream set_frame_aggregate_output_mode",
    }.items():
        assert all(hasattr(owner, name) for name in names.split())
    if not list_cameras().cameras:
        assert "no Orbbec camera is connected" in refused("orbbec")
