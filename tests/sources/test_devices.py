"""Which cameras are plugged in, and watching them."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest
from fake_k4a import FakeCamera, plug_in
from waiting import wait_until

from dphm_core.sources import open_source
from dphm_core.sources.devices import Camera, CameraList, CameraWatch, _glance, list_cameras
from dphm_core.sources.usb import UsbDevice

KINECT_1 = Camera("kinect", "Azure Kinect", "0001", "kinect:0001")
KINECT_2 = Camera("kinect", "Azure Kinect", "0002", "kinect:0002")


def count_at_a_glance() -> int:
    """How many cameras the watch sees before it opens any."""
    return sum(seen.count for seen in _glance({}).values())


@pytest.fixture
def watch() -> Iterator[CameraWatch]:
    watch = CameraWatch(period_s=0.02)
    yield watch
    watch.stop()
    assert not [thread for thread in threading.enumerate() if thread.name == "dphm-cameras"]


def test_cameras_are_listed_by_model_and_serial_number(monkeypatch: pytest.MonkeyPatch) -> None:
    bus = plug_in(monkeypatch, FakeCamera("0001"), FakeCamera("0002", refuses=True))
    assert count_at_a_glance() == 2
    assert sum(camera.opened for camera in bus.cameras) == 0
    found = list_cameras()
    assert found == CameraList((KINECT_1, Camera("kinect", "Azure Kinect", "", "kinect", usable=False)))
    assert not any(camera.is_open for camera in bus.cameras)


def test_every_uri_opens_its_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    plug_in(monkeypatch, FakeCamera("0001"), FakeCamera("0002"))
    for camera in list_cameras().cameras:
        with open_source(camera.uri) as source:
            assert source.info.label == f"{camera.model} {camera.serial}"


def test_a_missing_driver_is_a_reason_and_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyk4a", None)
    found = list_cameras()
    assert found.cameras == ()
    assert "pip install pyk4a-bundle" in found.missing
    assert count_at_a_glance() == 0


def test_a_missing_driver_is_tried_again_only_on_request(monkeypatch: pytest.MonkeyPatch, watch: CameraWatch) -> None:
    monkeypatch.setitem(sys.modules, "pyk4a", None)
    watch.start()
    wait_until(lambda: watch.cameras.missing is not None)
    bus = plug_in(monkeypatch, FakeCamera("0001"))
    time.sleep(0.1)
    assert bus.counts == 0
    watch.refresh()
    wait_until(lambda: watch.cameras == CameraList((KINECT_1,)))


def test_a_camera_without_power_is_told(monkeypatch: pytest.MonkeyPatch, watch: CameraWatch) -> None:
    plug_in(monkeypatch)
    watch.start()
    wait_until(lambda: watch.cameras == CameraList())
    monkeypatch.setattr("dphm_core.sources.usb.usb_devices", lambda: [UsbDevice(0x045E, 0x097B, 480, True)])
    wait_until(lambda: watch.cameras.missing is not None)
    assert "no power; connect its power supply" in watch.cameras.missing


def test_a_streaming_camera_is_not_opened_again(monkeypatch: pytest.MonkeyPatch) -> None:
    bus = plug_in(monkeypatch, FakeCamera("0001"), FakeCamera("0002"))
    with open_source("kinect:0001"):
        opened = [camera.opened for camera in bus.cameras]
        assert list_cameras() == CameraList((KINECT_1,))
        assert [camera.opened for camera in bus.cameras] == opened
    assert list_cameras() == CameraList((KINECT_1, KINECT_2))


def test_plugging_in_and_out_is_noticed(monkeypatch: pytest.MonkeyPatch, watch: CameraWatch) -> None:
    bus = plug_in(monkeypatch)
    assert not watch.cameras.known
    watch.start()
    wait_until(lambda: watch.cameras.known)
    assert watch.cameras == CameraList()
    bus.cameras.append(FakeCamera("0001"))
    wait_until(lambda: watch.cameras.cameras == (KINECT_1,))
    assert bus.opening_threads == {"dphm-cameras"}
    seen, looks = watch.cameras, bus.counts
    wait_until(lambda: bus.counts > looks + 3)
    assert watch.cameras is seen
    assert bus.cameras[0].opened == 1  # counted since, but not opened
    bus.cameras.clear()
    wait_until(lambda: watch.cameras.cameras == ())


def test_while_paused_no_device_is_touched(monkeypatch: pytest.MonkeyPatch, watch: CameraWatch) -> None:
    bus = plug_in(monkeypatch, FakeCamera("0001"))
    watch.start()
    wait_until(lambda: watch.cameras.cameras == (KINECT_1,))
    watch.pause()
    time.sleep(0.05)
    counts = bus.counts
    bus.cameras.append(FakeCamera("0002"))
    watch.refresh()
    time.sleep(0.1)
    assert bus.counts == counts
    watch.resume()
    wait_until(lambda: watch.cameras.cameras == (KINECT_1, KINECT_2))


def test_a_camera_that_another_program_lets_go_is_found_on_request(
    monkeypatch: pytest.MonkeyPatch, watch: CameraWatch
) -> None:
    bus = plug_in(monkeypatch, camera := FakeCamera("0001", refuses=True))
    watch.start()
    wait_until(lambda: len(watch.cameras.cameras) == 1)
    assert not watch.cameras.cameras[0].usable
    camera.refuses = False
    watch.refresh()
    wait_until(lambda: watch.cameras.cameras == (KINECT_1,))
    assert len(bus.cameras) == 1


def test_a_failing_driver_does_not_end_the_watch(monkeypatch: pytest.MonkeyPatch, watch: CameraWatch) -> None:
    bus = plug_in(monkeypatch)
    works = bus.device_get_installed_count

    def breaks() -> int:
        raise RuntimeError("libusb went mad")

    bus.device_get_installed_count = breaks
    watch.start()
    wait_until(lambda: watch.cameras.missing is not None)
    assert "cannot be looked for (libusb went mad); open a recording" in watch.cameras.missing
    bus.device_get_installed_count = works
    watch.refresh()
    wait_until(lambda: watch.cameras == CameraList())


def test_watching_loads_nothing_heavy() -> None:
    code = """
import sys
from dphm_core.sources.devices import list_cameras
list_cameras()
print(*{'cv2', 'numba', 'torch', 'scipy'} & set(sys.modules))
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "\n"


def test_a_camera_without_its_optional_driver_is_told_of_once_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    plug_in(monkeypatch)
    monkeypatch.setitem(sys.modules, "pyrealsense2", None)
    assert list_cameras().missing is None
    monkeypatch.setattr("dphm_core.sources.usb.usb_devices", lambda: [UsbDevice(0x8086, 0x0B07, 5000, True)])
    missing = list_cameras().missing
    assert missing is not None and "an Intel RealSense is plugged in, but its driver is missing; install" in missing
    assert count_at_a_glance() == 0
