"""Intel RealSense through a stand-in for its driver, and the driver itself where that is installed."""

from __future__ import annotations

import importlib.util
import sys

import fake_k4a
import numpy as np
import pytest
from fake_realsense import COLOR, FakeCamera, plug_in

from dphm_core.errors import NoCameraError, SourceError
from dphm_core.sources import is_live, open_source
from dphm_core.sources.devices import Camera, list_cameras

needs_driver = pytest.mark.skipif(importlib.util.find_spec("pyrealsense2") is None, reason="needs pyrealsense2")


def refused(uri: str) -> str:
    with pytest.raises(SourceError) as caught:
        open_source(uri)
    return str(caught.value)


def test_a_camera_gives_registered_frames_and_is_released(monkeypatch: pytest.MonkeyPatch) -> None:
    plug_in(monkeypatch, camera := FakeCamera("0001"))
    assert is_live("realsense")
    with open_source("realsense") as source:
        assert (source.info.kind, source.info.label) == ("realsense", "RealSense D435 0001")
        assert (source.info.length, source.info.fps) == (None, 30)
        frames = [next(source) for _ in range(3)]
        assert camera.streams
    assert not camera.streams
    source.close()
    assert next(source, None) is None
    assert [frame.index for frame in frames] == [0, 1, 2]
    assert frames[1].timestamp_s - frames[0].timestamp_s == pytest.approx(1 / 30)
    assert frames[0].color.shape == (COLOR[1], COLOR[0], 3)
    # Turned by a quarter, depth is upright in lying colour: full height, three quarters of that height wide.
    seen = frames[0].depth_m > 0
    rows, columns = np.nonzero(seen)
    assert (np.ptp(rows), np.ptp(columns)) == pytest.approx((95, 92), abs=3)
    assert frames[0].depth_m[seen] == pytest.approx(0.511 + (frames[0].color[0, 0, 0] - 1) / 1000, abs=1e-4)


def test_a_camera_is_chosen_by_its_serial_number(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = FakeCamera("0001"), FakeCamera("0002")
    plug_in(monkeypatch, first, second)
    with open_source("realsense:0002"):
        assert (first.streams, second.streams) == (False, True)
    assert "RealSense 0003 is not connected (found: 0001, 0002)" in refused("realsense:0003")


def test_cameras_are_listed_beside_other_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_k4a.plug_in(monkeypatch)
    plug_in(monkeypatch, FakeCamera("0001"))
    assert list_cameras().cameras == (Camera("realsense", "RealSense D435", "0001", "realsense:0001"),)


def test_without_the_driver_only_who_wants_it_hears_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_k4a.plug_in(monkeypatch)
    monkeypatch.setitem(sys.modules, "pyrealsense2", None)
    assert "install it with: pip install pyrealsense2" in refused("realsense")
    assert list_cameras().missing is None


def test_without_a_camera_the_next_step_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    plug_in(monkeypatch)
    with pytest.raises(NoCameraError, match="no Intel RealSense is connected; plug it into a USB 3 port"):
        open_source("realsense")


def test_a_camera_that_does_not_start_is_told_and_released(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dphm_core.sources.realsense.START_TIMEOUT_MS", 20)
    plug_in(monkeypatch, camera := FakeCamera("0001", starts=False))
    assert "does not start (Couldn't resolve requests); plug it into a USB 3 port" in refused("realsense")
    camera.starts, camera.silent = True, True
    assert "sends no picture" in refused("realsense")
    assert not camera.streams
    camera.silent, camera.model = False, "kannala_brandt4"
    assert "its lens is of the kind kannala_brandt4" in refused("realsense")
    assert not camera.streams


def test_pulling_the_cable_silence_and_failure_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dphm_core.sources.realsense.FRAME_TIMEOUT_MS", 20)
    bus = plug_in(monkeypatch, camera := FakeCamera("0001"))
    with open_source("realsense") as source:
        next(source)
        camera.silent = True
        with pytest.raises(SourceError, match="has sent no picture for"):
            next(source)
        camera.fails = True
        with pytest.raises(SourceError, match=r"fails \(Frame didn't arrive\)"):
            next(source)
        camera.fails = False
        bus.cameras.clear()
        with pytest.raises(SourceError, match="was unplugged; plug it in and open it again"):
            next(source)
    assert not camera.streams


@needs_driver
def test_the_driver_finds_no_camera_where_none_is() -> None:
    from dphm_core.sources.realsense_devices import device_count, look

    if device_count():
        pytest.skip("needs a machine without a RealSense")
    assert look() == []
    assert "no Intel RealSense is connected" in refused("realsense")


@needs_driver
@pytest.mark.parametrize("model", ["brown_conrady", "inverse_brown_conrady", "modified_brown_conrady"])
def test_the_lens_is_the_drivers(model: str) -> None:
    import pyrealsense2 as rs

    from dphm_core.camera.rays import project
    from dphm_core.sources.realsense_pipeline import read_camera

    told = rs.intrinsics()
    told.width, told.height, told.ppx, told.ppy, told.fx, told.fy = 1280, 720, 640, 360, 900, 905
    told.model, told.coeffs = getattr(rs.distortion, model), [-0.055, 0.065, 0.0007, -0.0006, -0.02]
    points = [[0.3, 0.2, 1.0], [-0.6, 0.35, 1.0], [0.1, -0.3, 1.5]]
    wanted = [rs.rs2_project_point_to_pixel(told, point) for point in points]
    # The modified model's tangential terms differ in the second order: 0.02 pixels in the corner.
    assert project(np.array(points), read_camera(told, "D435")) == pytest.approx(np.array(wanted), abs=0.03)


@needs_driver
def test_the_drivers_motions_are_column_by_column() -> None:
    import pyrealsense2 as rs

    motion = rs.extrinsics()
    motion.rotation, motion.translation = [0, 1, 0, -1, 0, 0, 0, 0, 1], [0, 0, 0.01]
    assert rs.rs2_transform_point_to_point(motion, [1, 0, 0]) == pytest.approx([0, 1, 0.01])
