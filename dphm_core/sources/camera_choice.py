"""Choosing among the connected cameras of one maker."""

from __future__ import annotations

from collections.abc import Sequence

from dphm_core.errors import NoCameraError, SourceError
from dphm_core.sources.devices import Camera


def choose_camera(cameras: Sequence[Camera], serial: str | None, name: str, sockets: str) -> Camera:
    """The camera with this serial number, or the first one that may be opened.

    Parameters
    ----------
    cameras : sequence of Camera
        Those of one maker that are plugged in.
    serial : str or None
        None for the first one.
    name, sockets : str
        What the cameras are called, and into what they are plugged, for messages.

    Raises
    ------
    SourceError
        There is none; NoCameraError where nothing at all is plugged in.
    """
    if not cameras:
        raise NoCameraError(f"no {name} is connected; plug it into {sockets}, then try again")
    for camera in cameras:
        if camera.usable and serial in (None, camera.serial):
            return camera
    if serial is None:
        raise SourceError(f"the {name} cannot be opened; install its udev rules, or plug it in again")
    found = ", ".join(camera.serial or "one that may not be opened" for camera in cameras)
    raise SourceError(f"{name} {serial} is not connected (found: {found}); plug it in or choose another one")
