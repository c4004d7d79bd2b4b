"""A stand-in for pyk4a's native module, with Azure Kinects that can be plugged in, pulled out, busy or silent."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyk4a
import pytest
from pyk4a.results import Result

from dphm_core.sources.k4a_capture import COLOR_SIZES

CALIBRATION = Path(__file__).parent.parent / "camera/data/k4a_calibration.json"
PERIOD_USEC = 33_333
real_module = pyk4a.k4a_module
START_USEC = 5_000_000
DEPTH_SHAPES = {1: (288, 320), 2: (576, 640), 3: (512, 512), 4: (1024, 1024)}
"""By the number of the depth mode."""
COMMANDS, MODES = pyk4a.ColorControlCommand, pyk4a.ColorControlMode


@cache
def color_image(resolution: int) -> np.ndarray:
    """A grey JPEG."""
    width, height = COLOR_SIZES[pyk4a.ColorResolution(resolution).name]
    return cv2.imencode(".jpg", np.full((height, width, 3), 90, np.uint8))[1].ravel()


@cache
def depth_image(mode: int) -> np.ndarray:
    """A wall 0.7 m away."""
    return np.full(DEPTH_SHAPES[mode], 700, np.uint16)


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
    opens_in_s: float = 0.0
    number: int = 0
    """Of the newest capture, in periods of its clock."""
    clock_usec: int = START_USEC
    """Device time of capture 0."""
    stride: int = 1
    """Periods from one capture to the next."""
    without: dict[int, str] = field(default_factory=dict)
    """Captures, by their numbers, that lack "color" or "depth"."""
    exposures_usec: Callable[[float], int] = lambda _time_s: 8330
    """What automatic exposure chooses, by the seconds since the first capture; 0 where it is not told."""
    controls: dict[COMMANDS, tuple[MODES, int]] = field(default_factory=dict)
    """What was set."""
    refused: tuple[COMMANDS, ...] = ()
    """Controls that cannot be set."""
    configs: list[dict[str, Any]] = field(default_factory=list)
    """How it was started, each time."""
    recording: Path | None = None
    """An .mkv file whose captures it sends."""


@dataclass(frozen=True)
class FakeCapture:
    """What a capture's handle stands for."""

    number: int
    color: np.ndarray | None = field(default_factory=lambda: color_image(pyk4a.ColorResolution.RES_720P))
    depth: np.ndarray | None = field(default_factory=lambda: depth_image(pyk4a.DepthMode.NFOV_UNBINNED))
    clock_usec: int = START_USEC
    exposure_usec: int = 0
    white_balance: int = 4567

    @property
    def usec(self) -> int:
        return self.clock_usec + self.number * PERIOD_USEC


def capture(number: int) -> pyk4a.PyK4ACapture:
    """A capture as pyk4a gives it."""
    return pyk4a.PyK4ACapture(None, FakeCapture(number), pyk4a.ImageFormat.COLOR_MJPG, thread_safe=False)


class FakeK4A:
    """Native module `k4a_module` with these cameras plugged in; recordings are played by the real one."""

    def __init__(self, real: Any, cameras: list[FakeCamera]) -> None:
        self._real = real
        self.cameras = cameras
        self.counts = 0
        self.opening_threads: set[str] = set()
        self.record_fails_at: str | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def device_get_installed_count(self) -> int:
        self.counts += 1
        return len(self.cameras)

    def device_open(self, device_id: int, thread_safe: bool) -> tuple[int, FakeCamera | None]:
        assert not thread_safe, "a thread-safe pyk4a holds every other thread up while it waits"
        self.opening_threads.add(threading.current_thread().name)
        if device_id >= len(self.cameras) or self.cameras[device_id].refuses or self.cameras[device_id].is_open:
            return Result.Failed, None
        camera = self.cameras[device_id]
        time.sleep(camera.opens_in_s)
        camera.is_open = True
        camera.opened += 1
        return Result.Success, camera

    def device_close(self, camera: FakeCamera, _thread_safe: bool) -> int:
        assert camera.is_open
        camera.is_open = camera.streams = False
        return Result.Success

    def device_get_serialnum(self, camera: FakeCamera, _thread_safe: bool) -> str:
        return camera.serial

    def device_get_raw_calibration(self, camera: FakeCamera, _thread_safe: bool) -> str:
        return camera.calibration

    def device_get_calibration(self, _camera: FakeCamera, _thread_safe: bool, *_mode: int) -> tuple[int, object]:
        return Result.Success, object()

    def device_start_cameras(self, camera: FakeCamera, _thread_safe: bool, *config: int) -> int:
        names = ("color_format", "color_resolution", "depth_mode", "camera_fps", "synchronized_images_only")
        set_to = dict(zip(names, config, strict=False))
        slow = set_to["depth_mode"] == pyk4a.DepthMode.WFOV_UNBINNED or set_to["color_resolution"] == 6
        if not camera.starts or (slow and set_to["camera_fps"] == pyk4a.FPS.FPS_30):
            return Result.Failed
        camera.configs.append(set_to)
        camera.streams = True
        if camera.recording is not None:
            _, self._playback = self._real.playback_open(str(camera.recording), False)
        return Result.Success

    def device_stop_cameras(self, camera: FakeCamera, _thread_safe: bool) -> int:
        camera.streams = False
        return Result.Success

    def device_start_imu(self, _camera: FakeCamera, _thread_safe: bool) -> int:
        return Result.Success

    device_stop_imu = device_start_imu

    def device_get_capture(self, camera: FakeCamera, _thread_safe: bool, timeout: int) -> tuple[int, object]:
        assert camera.streams and 0 < timeout <= 250
        if camera not in self.cameras:
            return Result.Failed, None
        if camera.silent:
            time.sleep(timeout / 1000)
            return Result.Timeout, None
        if camera.recording is not None:
            return self._real.playback_get_next_capture(self._playback, False)
        camera.number += camera.stride
        set_to = camera.configs[-1]
        pictures = {"color": color_image(set_to["color_resolution"]), "depth": depth_image(set_to["depth_mode"])}
        pictures |= {camera.without[camera.number]: None} if camera.number in camera.without else {}
        exposure = camera.exposures_usec(camera.number * PERIOD_USEC * 1e-6)
        return Result.Success, FakeCapture(
            camera.number, clock_usec=camera.clock_usec, exposure_usec=exposure, **pictures
        )

    def capture_get_color_image(self, taken: Any, thread_safe: bool) -> tuple[np.ndarray | None, int, int]:
        if not isinstance(taken, FakeCapture):
            return self._real.capture_get_color_image(taken, thread_safe)
        return (None, 0, 0) if taken.color is None else (taken.color, taken.usec, 0)

    def capture_get_depth_image(self, taken: Any, thread_safe: bool) -> tuple[np.ndarray | None, int, int]:
        if not isinstance(taken, FakeCapture):
            return self._real.capture_get_depth_image(taken, thread_safe)
        return (None, 0, 0) if taken.depth is None else (taken.depth, taken.usec, 0)

    def color_image_get_exposure_usec(self, taken: Any) -> int:
        return taken.exposure_usec if isinstance(taken, FakeCapture) else 0

    def color_image_get_white_balance(self, taken: Any) -> int:
        return taken.white_balance if isinstance(taken, FakeCapture) else 0

    def device_set_color_control(
        self, camera: FakeCamera, _thread_safe: bool, command: int, mode: int, value: int
    ) -> int:
        if COMMANDS(command) in camera.refused:
            return Result.Failed
        camera.controls[COMMANDS(command)] = MODES(mode), value
        return Result.Success

    def device_get_color_control(
        self, camera: FakeCamera, _thread_safe: bool, command: int
    ) -> tuple[int, int, int]:  # the value counts only where the mode is manual
        mode, value = camera.controls[COMMANDS(command)]
        return Result.Success, mode, value

    def record_create(
        self, camera: FakeCamera, path: str, thread_safe: bool, *config: int
    ) -> tuple[int, Path | None]:  # a file with a line per call
        assert not thread_safe and camera.is_open and list(config[:4]) == [*camera.configs[-1].values()][:4]
        return (Result.Success, Path(path)) if self._write(Path(path), "create") == 0 else (Result.Failed, None)

    def record_write_header(self, path: Path, _thread_safe: bool) -> int:
        return self._write(path, "header")

    def record_write_capture(self, path: Path, _capture: FakeCapture, _thread_safe: bool) -> int:
        return self._write(path, "capture")

    def record_flush(self, path: Path, _thread_safe: bool) -> int:
        return self._write(path, "flush")

    def record_close(self, path: Path, _thread_safe: bool) -> None:
        self._write(path, "close")

    def _write(self, path: Path, call: str) -> int:
        if call == self.record_fails_at:
            return Result.Failed
        with path.open("a") as file:
            file.write(f"{call}\n")
        return Result.Success


def plug_in(monkeypatch: pytest.MonkeyPatch, *cameras: FakeCamera) -> FakeK4A:
    """Let pyk4a find these cameras, in a desktop session and without trouble on the USB."""
    bus = FakeK4A(real_module, list(cameras))
    for module in (pyk4a, pyk4a.pyk4a, pyk4a.capture, pyk4a.record):
        monkeypatch.setattr(module, "k4a_module", bus)
    monkeypatch.setitem(sys.modules, "pyk4a", pyk4a)
    monkeypatch.setattr("dphm_core.sources.usb.usb_devices", list)
    monkeypatch.setenv("DISPLAY", ":0")
    return bus
