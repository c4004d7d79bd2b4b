"""A stand-in for the Azure Kinect's driver: cameras that can be plugged in, pulled out, busy or silent."""

from __future__ import annotations

import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pyk4a
import pytest

CALIBRATION = Path(__file__).parent.parent / "camera/data/k4a_calibration.json"
PERIOD_USEC = 33_333


@dataclass
class FakeCamera:
    """One camera on the bus; a test changes its state."""

    serial: str
    refuses: bool = False
    """Another program has it, or this user may not open it."""
    starts: bool = True
    silent: bool = False
    calibration: str = CALIBRATION.read_text()
    streams: bool = False
    opened: int = 0
    """How often it was opened."""
    is_open: bool = False


@dataclass
class FakeCapture:
    number: int
    color = cv2.imencode(".jpg", np.full((720, 1280, 3), 90, np.uint8))[1].ravel()
    depth = np.full((576, 640), 700, np.uint16)

    @property
    def depth_timestamp_usec(self) -> int:
        return 5_000_000 + self.number * PERIOD_USEC


class FakeK4A(ModuleType):
    """Module `pyk4a` with these cameras plugged in."""

    def __init__(self, cameras: list[FakeCamera]) -> None:
        super().__init__("pyk4a")
        self.__dict__.update({name: getattr(pyk4a, name) for name in pyk4a.__all__ if name != "connected_device_count"})
        self.cameras = cameras
        self.counts = 0
        self.opening_threads: set[str] = set()
        self.PyK4A = lambda **arguments: FakeDevice(self, **arguments)

    def connected_device_count(self) -> int:
        self.counts += 1
        return len(self.cameras)


class FakeDevice:
    """What pyk4a's PyK4A does of what is used."""

    def __init__(self, bus: FakeK4A, device_id: int, thread_safe: bool, config: object = None) -> None:
        assert not thread_safe, "a thread-safe pyk4a holds every other thread up while it waits"
        self._bus, self._camera = bus, bus.cameras[device_id]
        self.opened = self.is_running = False
        self._captures = 0

    def open(self) -> None:
        self._bus.opening_threads.add(threading.current_thread().name)
        if self._camera.refuses or self._camera.is_open:
            raise pyk4a.K4AException
        self.opened = self._camera.is_open = True
        self._camera.opened += 1

    @property
    def serial(self) -> str:
        return self._camera.serial

    @property
    def calibration_raw(self) -> str:
        return self._camera.calibration

    def start(self) -> None:
        if not self._camera.starts:
            raise pyk4a.K4AException
        self.is_running = self._camera.streams = True

    def get_capture(self, timeout: int) -> FakeCapture:
        assert 0 < timeout < 10_000
        if self._camera not in self._bus.cameras:
            raise pyk4a.K4AException
        if self._camera.silent:
            raise pyk4a.K4ATimeoutException
        self._captures += 1
        return FakeCapture(self._captures)

    def stop(self) -> None:
        assert self.is_running
        self.is_running = self._camera.streams = False
        self.close()

    def close(self) -> None:
        assert self.opened
        self.opened = self._camera.is_open = False


def plug_in(monkeypatch: pytest.MonkeyPatch, *cameras: FakeCamera) -> FakeK4A:
    """Let the library find these cameras, in a desktop session and without trouble on the USB."""
    bus = FakeK4A(list(cameras))
    monkeypatch.setitem(sys.modules, "pyk4a", bus)
    monkeypatch.setattr("dphm_core.sources.usb.usb_devices", list)
    monkeypatch.setenv("DISPLAY", ":0")
    return bus
