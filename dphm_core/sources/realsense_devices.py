"""Finding Intel RealSense cameras; nothing heavy beside the driver, as whoever only counts cameras needs no more."""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import Any

from dphm_core.errors import SourceError, first_line
from dphm_core.sources.camera_choice import choose_camera
from dphm_core.sources.devices import Camera

MODULE = "pyrealsense2"
INSTALL = "pip install pyrealsense2==2.59.1.11053"
"""The same version as the extra's."""


def load_pyrealsense2() -> ModuleType:
    """Import the driver, or raise SourceError with what to do."""
    try:
        import pyrealsense2
    except Exception as error:  # its native part fails in many ways
        reason = first_line(error)
        cure = "apt install libusb-1.0-0" if "libusb" in reason else INSTALL
        raise SourceError(f"Intel RealSense's driver cannot be loaded ({reason}); install it with: {cure}") from error
    module: ModuleType = pyrealsense2
    return module


def device_count() -> int:
    """How many cameras are plugged in; opens none. SourceError where the driver is missing."""
    return len(_context(load_pyrealsense2()).query_devices())


def look() -> list[Camera]:
    """The connected cameras; opens none for streaming. SourceError where the driver is missing."""
    rs = load_pyrealsense2()
    cameras = []
    for device in _context(rs).query_devices():
        try:
            name = str(device.get_info(rs.camera_info.name)).removeprefix("Intel ")
            serial = str(device.get_info(rs.camera_info.serial_number))
        except RuntimeError:  # it is being plugged out, or this user may not open it
            cameras.append(Camera("realsense", "RealSense", "", "realsense", usable=False))
        else:
            cameras.append(Camera("realsense", name, serial, f"realsense:{serial}"))
    return cameras


def find_camera(serial: str | None) -> Camera:
    """The camera with this serial number, or the first one; SourceError where there is none."""
    return choose_camera(look(), serial, "Intel RealSense", "a USB 3 port")


@cache
def _context(rs: ModuleType) -> Any:
    """The driver's list of devices: one for all, because making it takes long."""
    return rs.context()
