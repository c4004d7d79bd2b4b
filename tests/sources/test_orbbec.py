"""Orbbec cameras through a stand-in for their driver, and the driver itself where that is installed."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import orbbec_bag
import pytest
from fake_bus import FakeCamera
from fake_orbbec import COLOR, plug_in
from refusal import refused

from dphm_core.sources import open_source
from dphm_core.sources.bag_source import BagSource
from dphm_core.sources.devices import list_cameras

needs_driver = pytest.mark.skipif(importlib.util.find_spec("pyorbbecsdk") is None, reason="needs pyorbbecsdk2")


def test_depth_is_registered_to_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    plug_in(monkeypatch, FakeCamera("0001"))
    with open_source("orbbec") as source:
        frame = next(source)
    assert frame.color is not None and frame.color.shape == (COLOR[1], COLOR[0], 3)
    # Turned by a quarter, depth is upright in lying colour: narrower than that is high.
    rows, columns = np.nonzero(frame.depth_m)
    assert np.ptp(rows) == 719
    assert np.ptp(columns) == pytest.approx(48 / 64 * 1280, abs=45)
    assert frame.depth_m[frame.depth_m > 0] == pytest.approx(0.512, abs=1e-4)


def test_a_missing_driver_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyorbbecsdk", None)
    assert "install it with: pip install --no-deps pyorbbecsdk2" in refused("orbbec")


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


PLAY = """
import json, os, sys, time
import numpy as np
import pyorbbecsdk as driver

player, depths = driver.PlaybackDevice(sys.argv[1]), {}
pipeline, config = driver.Pipeline(player), driver.Config()
config.enable_stream(driver.OBSensorType.DEPTH_SENSOR)
config.enable_stream(driver.OBSensorType.COLOR_SENSOR)
pipeline.start(config)
about, told = player.get_device_info(), pipeline.get_camera_param()
pipeline.stop()
sensor = player.get_sensor(driver.OBSensorType.DEPTH_SENSOR)
take = lambda frame: depths.update({frame.get_timestamp_us(): np.asarray(frame.get_data())[:2].tolist()})
sensor.start(sensor.get_stream_profile_list().get_stream_profile_by_index(0), take)
time.sleep(0.5)
lens = told.rgb_distortion
answer = [about.get_serial_number(), [told.rgb_intrinsic.fx, told.rgb_intrinsic.cx, lens.k1, lens.p2]]
answer += [np.ravel(told.transform.rot).tolist(), np.ravel(told.transform.transform).tolist(), list(depths.items())]
print(json.dumps(answer), flush=True)
os._exit(0)  # its threads do not end
"""


@needs_driver
def test_the_drivers_own_player_reads_the_tests_recordings_alike(tmp_path: Path) -> None:
    path = orbbec_bag.write_bag(tmp_path / "take.bag", orbbec_bag.whole())
    done = subprocess.run([sys.executable, "-c", PLAY, str(path)], capture_output=True, text=True, timeout=60)
    serial, camera, rotation, translation, depths = json.loads(done.stdout.splitlines()[-1])
    with BagSource(path) as source:
        recorded, color = source._camera, source.info.intrinsics
        ours = {round(frame.timestamp_s * 1e6): recorded.picture(recorded.depth_topic, frame.index) for frame in source}
        assert recorded.label.endswith(serial)
        assert camera == pytest.approx([color.fx, color.cx, color.k[0], color.p[1]])
        assert rotation == pytest.approx(recorded.depth_to_color.rotation.ravel())
        assert translation == pytest.approx(1000 * recorded.depth_to_color.translation_m)
    assert depths
    for time_us, first_pixel in depths:
        assert bytes(ours[time_us].content[:2]) == bytes(first_pixel)
