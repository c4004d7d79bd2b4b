"""Finding, opening and releasing Azure Kinects, with a plain message and the next step where one cannot be had."""

from __future__ import annotations

import logging
import os
import sys
import threading
from types import ModuleType
from typing import Any

from dphm_core.errors import NoCameraError, SourceError
from dphm_core.sources.k4a_driver import SDK_LOG, load_pyk4a
from dphm_core.sources.usb import kinect_trouble

log = logging.getLogger(__name__)

_lock = threading.Lock()
"""Held while a camera is being opened: one that somebody merely looks at is refused to who wants to stream from it."""
_streaming: set[str] = set()
"""Serial numbers of the cameras that this process streams from: the driver's state is the process's, too."""


def device_count() -> int:
    """How many cameras are plugged in; opens none, and takes well under a millisecond.

    Raises
    ------
    SourceError
        The driver is missing.
    """
    return int(load_pyk4a().connected_device_count())


def look() -> list[str | None]:
    """Serial numbers of the connected cameras, None for one that cannot be opened; takes up to a second for each.

    While this process streams from a camera none is opened, and only the streaming ones are told.

    Raises
    ------
    SourceError
        The driver is missing.
    """
    k4a = load_pyk4a()
    with _lock:
        if _streaming:
            return [*sorted(_streaming)]
        return [_serial_of(k4a, number) for number in range(k4a.connected_device_count())]


def open_device(k4a: ModuleType, config: Any, serial: str | None) -> tuple[Any, str]:
    """Open the first camera that can be opened, or the one with this serial number; `release` it in the end.

    Returns
    -------
    device, serial
        pyk4a's device, and its serial number.

    Raises
    ------
    SourceError
        None is connected, none has the number, it is in use, or this user may not open it.
    """
    with _lock:
        count = k4a.connected_device_count()
        if count == 0:
            raise NoCameraError(kinect_trouble() or _NOT_CONNECTED)
        others: list[str] = []
        for number in range(count):
            # thread_safe=False only means that pyk4a lets other threads run while it waits for the camera.
            device = k4a.PyK4A(config=config, device_id=number, thread_safe=False)
            found = _try_open(k4a, device)
            if found is not None and serial in (None, found):
                _streaming.add(found)
                return device, found
            if found is not None:
                others.append(found)
                device.close()
    raise SourceError(_not_opened(serial, others, count))


def release(k4a: ModuleType, device: Any, serial: str) -> None:
    """Stop and close a camera, also one that was unplugged."""
    try:
        if device.is_running:
            device.stop()
        else:
            device.close()
    except k4a.K4AException:
        log.warning("Azure Kinect %s did not stop properly; unplug it if it stays busy", serial)
    finally:
        _streaming.discard(serial)


def start_advice() -> str:
    """Guess why a camera that opens does not start; pyk4a only says that it failed."""
    if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return "its depth engine needs an OpenGL display, and there is none; run in a desktop session or set DISPLAY"
    return kinect_trouble() or (
        "it needs a USB 3 port of its own and OpenGL 4.4; plug it into another port, update the graphics driver, "
        f"close other programs that use it ({SDK_LOG}=1 shows the driver's own log)"
    )


_NOT_CONNECTED = "no Azure Kinect is connected; plug it into a USB 3 port and its power supply, then try again"


def _serial_of(k4a: ModuleType, number: int) -> str | None:
    device = k4a.PyK4A(device_id=number, thread_safe=False)
    serial = _try_open(k4a, device)
    if serial is not None:
        device.close()
    return serial


def _try_open(k4a: ModuleType, device: Any) -> str | None:
    """Open a camera and return its serial number; None, and closed, where it cannot be opened."""
    try:
        device.open()
        return str(device.serial)
    except k4a.K4AException:
        if device.opened:
            device.close()
        return None


def _not_opened(serial: str | None, others: list[str], count: int) -> str:
    """Say why none of `count` connected cameras is to be had; `others` have other serial numbers than wanted."""
    if len(others) == count:
        return f"Azure Kinect {serial} is not connected (found: {', '.join(others)}); plug it in or choose another one"
    name = "the Azure Kinect" if serial is None else f"Azure Kinect {serial}"
    return kinect_trouble() or (
        f"{name} cannot be opened, most likely because another program uses it; close that program and try again"
    )
