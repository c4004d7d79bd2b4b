"""A stand-in for Orbbec's driver: cameras that can be plugged in, pulled out, busy or silent."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import cv2
import numpy as np
import pytest
from fake_bus import FakeCamera

DEPTH, COLOR = (64, 48), (1280, 720)
"""Width and height."""


class OBError(Exception):
    """The driver's error."""


def lens(size: tuple[int, int]) -> SimpleNamespace:
    width, height = size
    return SimpleNamespace(width=width, height=height, fx=width, fy=width, cx=width / 2 - 0.5, cy=height / 2 - 0.5)


class FakePipeline:
    def __init__(self, bus: FakeOrbbec, camera: FakeCamera) -> None:
        self._bus, self._camera = bus, camera

    def get_stream_profile_list(self, sensor: str) -> SimpleNamespace:
        def color(*mode: object) -> str:
            assert (sensor, *mode) == ("color", *COLOR, "mjpg", 30)
            return "color profile"

        depth = SimpleNamespace(get_fps=lambda: 30)
        return SimpleNamespace(get_default_video_stream_profile=lambda: depth, get_video_stream_profile=color)

    def enable_frame_sync(self) -> None:
        pass

    def start(self, config: object) -> None:
        self._camera.start(OBError("device is busy"))

    def get_camera_param(self) -> SimpleNamespace:
        distortion = SimpleNamespace(**dict.fromkeys(("k1", "k2", "k3", "k4", "k5", "k6", "p1", "p2"), 0.0))
        distortion.model = SimpleNamespace(name=self._camera.model or "BROWN_CONRADY_K6")
        # A quarter turn about the optical axis, row by row, and 10 mm backwards.
        motion = SimpleNamespace(rot=[0, -1, 0, 1, 0, 0, 0, 0, 1], transform=[0, 0, 10])
        cameras = {"depth_intrinsic": lens(DEPTH), "rgb_intrinsic": lens(COLOR), "transform": motion}
        return SimpleNamespace(**cameras, depth_distortion=distortion, rgb_distortion=distortion)

    def wait_for_frames(self, timeout_ms: int) -> SimpleNamespace | None:
        number = self._camera.next(self._bus.cameras, timeout_ms, OBError("libusb went mad"))
        if number is None:
            return None
        pixels = np.full(DEPTH[0] * DEPTH[1], 2 * (500 + number), np.uint16).view(np.uint8)
        depth = SimpleNamespace(
            get_timestamp_us=lambda: 7_000_000 + 33_333 * number,
            get_width=lambda: DEPTH[0],
            get_height=lambda: DEPTH[1],
            get_depth_scale=lambda: 0.5,
            get_data=lambda: pixels,
        )
        jpeg = cv2.imencode(".jpg", np.full((*COLOR[::-1], 3), 90, np.uint8))[1].ravel()
        color = SimpleNamespace(get_data=lambda: jpeg)
        return SimpleNamespace(get_depth_frame=lambda: depth, get_color_frame=lambda: color)

    def stop(self) -> None:
        self._camera.stop()


class FakeOrbbec(ModuleType):
    """Module `pyorbbecsdk` with these cameras plugged in."""

    def __init__(self, cameras: list[FakeCamera]) -> None:
        super().__init__("pyorbbecsdk")
        self.cameras = cameras
        self.OBError = OBError
        self.OBLogLevel = SimpleNamespace(NONE="none")
        self.OBSensorType = SimpleNamespace(DEPTH_SENSOR="depth", COLOR_SENSOR="color")
        self.OBFormat = SimpleNamespace(MJPG="mjpg")
        self.OBFrameAggregateOutputMode = SimpleNamespace(FULL_FRAME_REQUIRE="full")
        self.Config = lambda: SimpleNamespace(
            enable_stream=lambda profile: None, set_frame_aggregate_output_mode=lambda mode: None
        )
        self.Pipeline = lambda camera: FakePipeline(self, camera)
        self.Context = lambda: SimpleNamespace(query_devices=self._devices)
        self.Context.set_logger_level = lambda level: None

    def _devices(self) -> SimpleNamespace:
        return SimpleNamespace(
            get_count=lambda: len(self.cameras),
            get_device_name_by_index=lambda number: "Orbbec Femto Bolt",
            get_device_serial_number_by_index=lambda number: self.cameras[number].serial,
            get_device_by_serial_number=lambda serial: next(c for c in self.cameras if c.serial == serial),
        )


def plug_in(monkeypatch: pytest.MonkeyPatch, *cameras: FakeCamera) -> FakeOrbbec:
    """Let the library find these cameras."""
    bus = FakeOrbbec(list(cameras))
    monkeypatch.setitem(sys.modules, "pyorbbecsdk", bus)
    return bus
