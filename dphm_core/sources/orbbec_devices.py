"""Finding Orbbec cameras; nothing heavy beside the driver, as whoever only counts cameras needs no more."""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import Any

from dphm_core.errors import SourceError, first_line
from dphm_core.sources.camera_choice import choose_camera
from dphm_core.sources.devices import Camera

MODULE = "pyorbbecsdk"
INSTALL = "pip install --no-deps pyorbbecsdk2==2.1.2"
"""Without its dependencies, which are for its examples: they bring a second cv2 package, and Open3D."""


def load_pyorbbecsdk() -> ModuleType:
    """Import the driver, or raise SourceError with what to do."""
    try:
        import pyorbbecsdk
    except Exception as error:  # its native part fails in many ways
        reason = first_line(error)
        raise SourceError(f"Orbbec's driver cannot be loaded ({reason}); install it with: {INSTALL}") from error
    module: ModuleType = pyorbbecsdk
    return module


def device_count() -> int:
    """How many cameras are plugged in; opens none. SourceError where the driver is missing."""
    return int(query(load_pyorbbecsdk()).get_count())


def look() -> list[Camera]:
    """The connected cameras; opens none. SourceError where the driver is missing."""
    found = query(load_pyorbbecsdk())
    cameras = []
    for number in range(found.get_count()):
        name = str(found.get_device_name_by_index(number)).removeprefix("Orbbec ")
        serial = str(found.get_device_serial_number_by_index(number))
        cameras.append(Camera("orbbec", f"Orbbec {name}", serial, f"orbbec:{serial}"))
    return cameras


def find_camera(serial: str | None) -> Camera:
    """The camera with this serial number, or the first one; SourceError where there is none."""
    return choose_camera(look(), serial, "Orbbec camera", "a USB 3 port and its power")


def query(driver: ModuleType) -> Any:
    """The driver's list of what is plugged in now."""
    return _context(driver).query_devices()


@cache
def _context(driver: ModuleType) -> Any:
    """One for all, because the driver watches the USB from it."""
    driver.Context.set_logger_level(driver.OBLogLevel.NONE)
    return driver.Context()
