"""The live Azure Kinect (or an Orbbec Femto through its K4A wrapper)."""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

from dphm_core.errors import SourceError
from dphm_core.frames import RGBDFrame
from dphm_core.sources.base import Source, SourceInfo
from dphm_core.sources.k4a_capture import FRAME_RATES, SDK_LOG, CaptureConverter, CaptureMode, load_pyk4a

log = logging.getLogger(__name__)

START_TIMEOUT_MS = 6000
"""Time until the first capture after a cold start; usually 1–2 s."""
CAPTURE_TIMEOUT_MS = 1500
"""A camera that is silent for this long has stopped."""


class KinectSource(Source):
    """Frames of a live camera: 720p colour, NFOV unbinned depth (0.5–3.9 m), 30 frames per second.

    Parameters
    ----------
    serial : str or None
        Serial number of the camera; None for the first one.

    Raises
    ------
    SourceError
        No camera, it is in use, or its depth engine does not run; the message says which and what to do.
    """

    seekable = False

    def __init__(self, serial: str | None = None) -> None:
        self._k4a = load_pyk4a()
        self._config = _config(self._k4a)
        self._device: Any = _open(self._k4a, self._config, serial)
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Stop and release the camera; harmless when repeated."""
        device, self._device = self._device, None
        if device is None:
            return
        try:
            device.stop() if device.is_running else device.close()
        except self._k4a.K4AException:
            log.warning("%s did not stop properly; unplug it if it stays busy", self._label)

    def _start(self) -> None:
        self._label = f"Azure Kinect {self._device.serial}"
        mode = CaptureMode(
            int(self._config.depth_mode),
            self._config.color_resolution.name,
            self._config.color_format.name,
            FRAME_RATES[self._config.camera_fps.name],
        )
        try:
            self._converter = CaptureConverter(self._device.calibration_raw, mode)
            self._device.start()
            self._device.get_capture(timeout=START_TIMEOUT_MS)
        except self._k4a.K4AException as error:
            raise SourceError(f"{self._label} does not start: {_start_advice()}") from error
        self.info = SourceInfo("kinect", self._label, self._converter.intrinsics, mode.fps, None)

    def _read_next(self) -> RGBDFrame:
        if self._device is None:
            raise StopIteration
        try:
            capture = self._device.get_capture(timeout=CAPTURE_TIMEOUT_MS)
        except self._k4a.K4AException as error:
            raise SourceError(f"{self._label} stopped sending frames; check its cable and open it again") from error
        return self._converter.frame(capture)


def list_devices() -> list[str]:
    """Serial numbers of the connected cameras that are not in use."""
    k4a = load_pyk4a()
    serials = []
    for number in range(k4a.connected_device_count()):
        device = k4a.PyK4A(device_id=number)
        try:
            device.open()
            serials.append(device.serial)
            device.close()
        except k4a.K4AException:
            log.warning("Azure Kinect number %d cannot be opened; is it in use?", number)
    return serials


def _config(k4a: Any) -> Any:
    return k4a.Config(
        color_resolution=k4a.ColorResolution.RES_720P,
        color_format=k4a.ImageFormat.COLOR_MJPG,
        depth_mode=k4a.DepthMode.NFOV_UNBINNED,
        camera_fps=k4a.FPS.FPS_30,
        synchronized_images_only=True,
    )


def _open(k4a: Any, config: Any, serial: str | None) -> Any:
    """Open the first camera, or the one with this serial number."""
    count = k4a.connected_device_count()
    if count == 0:
        raise SourceError(
            "no Azure Kinect is connected; plug it into a USB 3 port and its power supply, then try again"
        )
    for number in range(count):
        # thread_safe=False only means that pyk4a lets other threads run while it waits for the camera.
        device = k4a.PyK4A(config=config, device_id=number, thread_safe=False)
        try:
            device.open()
            if serial in (None, device.serial):
                return device
            device.close()
        except k4a.K4AException:
            log.warning("Azure Kinect number %d cannot be opened", number)
    wanted = f"Azure Kinect {serial}" if serial else "an Azure Kinect that can be opened"
    raise SourceError(f"{wanted} was not found among {count} connected; close other programs that use it")


def _start_advice() -> str:
    """Guess why a camera that opens does not start; pyk4a only says that it failed."""
    if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return "its depth engine needs an OpenGL display, and there is none; run in a desktop session or set DISPLAY"
    return (
        "its depth engine needs OpenGL 4.4 and the camera a USB 3 port of its own; "
        "update the graphics driver, use another port, close other programs that use it; "
        f"{SDK_LOG}=1 shows the SDK's own log"
    )
