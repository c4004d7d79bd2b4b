"""Recording a Kinect: the source's side with a camera that is made up, the file's with the SDK's own recorder."""

from __future__ import annotations

import ctypes
from pathlib import Path

import cv2
import numpy as np
import pyk4a
import pytest
from fake_k4a import PERIOD_USEC, FakeCamera, FakeK4A, capture, plug_in
from k4a_recording import RecordedImages, add_calibration, record
from waiting import wait_until

from dphm_core.sources import k4a_recorder, open_source
from dphm_core.sources.k4a_recorder import MkvRecorder
from dphm_core.sources.kinect import device_config
from dphm_core.sources.kinect_settings import KinectSettings
from dphm_core.sources.recording_status import RecordingStatus, SpaceLimit


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> FakeK4A:
    return plug_in(monkeypatch, FakeCamera("0001"))


def finished(status) -> RecordingStatus:
    """Wait for the end."""
    wait_until(lambda: status() and status().finished)
    return status()


def test_a_camera_is_recorded_from_start_to_stop(bus: FakeK4A, tmp_path: Path) -> None:
    path = tmp_path / "new/take.mkv"
    with open_source("kinect") as source:
        next(source)
        assert source.recording_status is None
        source.start_recording(path)
        for _ in range(3):
            next(source)
        assert source.recording_status.frames == 3 and not source.recording_status.finished
        assert source.recording_status.seconds == pytest.approx(2 * PERIOD_USEC * 1e-6)
        assert source.recording_status.free_bytes > 0
        source.stop_recording()
        next(source)
        status = finished(lambda: source.recording_status)
    assert (status.frames, status.dropped, status.error, status.path) == (3, 0, None, path)
    assert status.bytes == path.stat().st_size
    lines = path.read_text().split()
    assert lines[:2] == ["create", "header"] and lines[-1] == "close" and lines.count("capture") == 3
    assert "flush" in lines


def test_closing_the_camera_completes_the_file(bus: FakeK4A, tmp_path: Path) -> None:
    with open_source("kinect") as source:
        source.start_recording(tmp_path / "take.mkv")
        next(source)
    assert source.recording_status.finished
    assert (tmp_path / "take.mkv").read_text().endswith("flush\nclose\n")


def test_a_recording_that_is_stopped_at_once_is_over(bus: FakeK4A, tmp_path: Path) -> None:
    with open_source("kinect") as source:
        source.start_recording(tmp_path / "take.mkv")
        source.stop_recording()
        next(source)
        assert finished(lambda: source.recording_status).frames == 0
    assert not (tmp_path / "take.mkv").exists()


@pytest.mark.parametrize("call", ["create", "header", "capture", "flush"])
def test_errors_are_told_and_frames_go_on(bus: FakeK4A, tmp_path: Path, call: str) -> None:
    bus.record_fails_at = call
    with open_source("kinect") as source:
        source.start_recording(tmp_path / "take.mkv")
        indices = [next(source).index for _ in range(3)]
        source.stop_recording()
        status = finished(lambda: source.recording_status)
    assert indices == [0, 1, 2]
    assert status.error and str(tmp_path / "take.mkv") in status.error


def test_a_file_is_not_overwritten(bus: FakeK4A, tmp_path: Path) -> None:
    (tmp_path / "take.mkv").write_text("mine")
    with open_source("kinect") as source:
        source.start_recording(tmp_path / "take.mkv")
        next(source)
        assert "exists already; choose another name" in finished(lambda: source.recording_status).error
    assert (tmp_path / "take.mkv").read_text() == "mine"


def test_missed_captures_are_counted_and_the_disk_is_not_filled(
    bus: FakeK4A, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(k4a_recorder, "CHECK_S", 0.0)
    room = iter([5000, 5000, 900])
    config = device_config(pyk4a, KinectSettings())
    device = pyk4a.PyK4A(config, thread_safe=False)
    device.start()
    space = SpaceLimit(1000, 0, lambda _: next(room))
    recorder = MkvRecorder(pyk4a, tmp_path / "take.mkv", config, lambda: device, space)
    for number in (1, 2, 5, 6):
        recorder.write(capture(number))
    status = finished(lambda: recorder.status)
    device.stop()
    assert (status.frames, status.dropped, status.full, status.error, status.free_bytes) == (3, 2, True, None, 900)
    recorder.close()


class CalibratedRecord(pyk4a.PyK4ARecord):
    """The SDK's recorder, with a calibration from a file where there is no camera to give one."""

    calibration = b""

    def write_header(self) -> None:
        get_pointer, get_name = ctypes.pythonapi.PyCapsule_GetPointer, ctypes.pythonapi.PyCapsule_GetName
        get_name.restype, get_name.argtypes = ctypes.c_char_p, [ctypes.py_object]
        get_pointer.restype, get_pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
        handle = ctypes.cast(get_pointer(self._handle, get_name(self._handle)), ctypes.POINTER(ctypes.c_void_p))[0]
        add_calibration(ctypes.c_void_p(handle), self.calibration)
        super().write_header()


def test_the_sdk_writes_what_can_be_played(shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calibration = (shared_data / "azure_kinect_desk/calibration_raw.json").read_bytes()
    color = cv2.imencode(".jpg", np.full((720, 1280, 3), 90, np.uint8))[1].ravel()
    images = [RecordedImages(n * PERIOD_USEC, color, np.full((576, 640), 600 + n, np.uint16)) for n in range(4)]
    record(tmp_path / "made.mkv", calibration, images)
    monkeypatch.setattr(CalibratedRecord, "calibration", calibration)
    monkeypatch.setattr(pyk4a, "PyK4ARecord", CalibratedRecord)
    recorder = MkvRecorder(pyk4a, tmp_path / "copy.mkv", device_config(pyk4a, KinectSettings()), lambda: None)
    made = pyk4a.PyK4APlayback(tmp_path / "made.mkv")
    made.open()
    for _ in images:
        recorder.write(made.get_next_capture())
    made.close()
    status = recorder.close()
    assert (status.frames, status.dropped, status.error, status.finished) == (4, 0, None, True)
    with open_source(tmp_path / "copy.mkv") as copy, open_source(tmp_path / "made.mkv") as original:
        assert copy.info.intrinsics == original.info.intrinsics
        for one, other in zip(copy, original, strict=True):
            np.testing.assert_array_equal(one.depth_m, other.depth_m)
            np.testing.assert_array_equal(one.color, other.color)
