"""A stand-in for Intel RealSense's driver: cameras that can be plugged in, pulled out, busy or silent."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from fake_bus import FakeCamera

DEPTH, COLOR = (64, 48), (128, 96)
"""Width and height."""


@dataclass
class FakeStream:
    """A stream's profile."""

    kind: str
    size: tuple[int, int]
    model: str

    def as_video_stream_profile(self) -> FakeStream:
        return self

    def fps(self) -> int:
        return 30

    def get_intrinsics(self) -> SimpleNamespace:
        width, height = self.size
        told = {"width": width, "height": height, "fx": float(width), "fy": float(width)}
        center = {"ppx": width / 2 - 0.5, "ppy": height / 2 - 0.5}
        return SimpleNamespace(**told, **center, model=SimpleNamespace(name=self.model), coeffs=[0.0] * 5)

    def get_extrinsics_to(self, other: FakeStream) -> SimpleNamespace:
        assert (self.kind, other.kind) == ("depth", "color")
        # A quarter turn about the optical axis: column by column.
        return SimpleNamespace(rotation=[0, 1, 0, -1, 0, 0, 0, 0, 1], translation=[0, 0, 0.01])


@dataclass
class FakePicture:
    number: int
    pixels: np.ndarray

    def get_frame_number(self) -> int:
        return self.number

    def get_timestamp(self) -> float:
        return 7000 + self.number * 100 / 3

    def get_data(self) -> np.ndarray:
        return self.pixels


@dataclass
class FakeConfig:
    serial: str | None = None
    streams: list[tuple[object, ...]] = field(default_factory=list)

    def enable_device(self, serial: str) -> None:
        self.serial = serial

    def enable_stream(self, *wanted: object) -> None:
        self.streams.append(wanted)


class FakePipeline:
    def __init__(self, bus: FakeRealSense) -> None:
        self._bus = bus

    def start(self, config: FakeConfig) -> SimpleNamespace:
        assert config.streams == [("depth", "z16", 30), ("color", "rgb8", 30)]
        (self._camera,) = (camera for camera in self._bus.cameras if camera.serial == config.serial)
        self._camera.start(RuntimeError("Couldn't resolve requests"))
        lens = self._camera.model or "inverse_brown_conrady"
        profiles = {"depth": FakeStream("depth", DEPTH, lens), "color": FakeStream("color", COLOR, lens)}
        sensor = SimpleNamespace(get_depth_scale=lambda: 0.001)
        device = SimpleNamespace(first_depth_sensor=lambda: sensor)
        return SimpleNamespace(get_device=lambda: device, get_stream=profiles.__getitem__)

    def try_wait_for_frames(self, timeout_ms: int) -> tuple[bool, SimpleNamespace | None]:
        sent = self._camera.next(self._bus.cameras, timeout_ms, RuntimeError("Frame didn't arrive"))
        if sent is None:
            return False, None
        number = sent // 2  # each is told of twice
        depth = FakePicture(number, np.full(DEPTH[::-1], 500 + number, np.uint16))
        color = FakePicture(number, np.full((*COLOR[::-1], 3), number, np.uint8))
        return True, SimpleNamespace(get_depth_frame=lambda: depth, get_color_frame=lambda: color)

    def stop(self) -> None:
        self._camera.stop()


class FakeRealSense(ModuleType):
    """Module `pyrealsense2` with these cameras plugged in."""

    def __init__(self, cameras: list[FakeCamera]) -> None:
        super().__init__("pyrealsense2")
        self.cameras = cameras
        self.camera_info = SimpleNamespace(name="name", serial_number="serial")
        self.stream = SimpleNamespace(depth="depth", color="color")
        self.format = SimpleNamespace(z16="z16", rgb8="rgb8")
        self.config = FakeConfig
        self.pipeline = lambda: FakePipeline(self)
        self.context = lambda: SimpleNamespace(query_devices=self._devices)

    def _devices(self) -> list[SimpleNamespace]:
        told = ({"name": "Intel RealSense D435", "serial": camera.serial} for camera in self.cameras)
        return [SimpleNamespace(get_info=facts.__getitem__) for facts in told]


def plug_in(monkeypatch: pytest.MonkeyPatch, *cameras: FakeCamera) -> FakeRealSense:
    """Let the library find these cameras."""
    bus = FakeRealSense(list(cameras))
    monkeypatch.setitem(sys.modules, "pyrealsense2", bus)
    return bus
