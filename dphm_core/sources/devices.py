"""The cameras that are plugged in, by kind: listed, whatever the drivers say, and watched while a window waits."""

from __future__ import annotations

import importlib.util
import logging
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING

from dphm_core.errors import SourceError

if TYPE_CHECKING:
    from dphm_core.sources.usb import UsbKind

log = logging.getLogger(__name__)

WATCH_PERIOD_S = 2.0
"""Between two looks at what is plugged in."""
JOIN_TIMEOUT_S = 1.0
"""How long `CameraWatch.stop` waits; a camera that is just being opened may take longer, and its thread then ends by
itself."""


@dataclass(frozen=True)
class Camera:
    """One connected camera."""

    kind: str
    """"kinect", …: the scheme of its URI."""
    model: str
    """Maker's name of the model."""
    serial: str
    """Serial number; empty where it cannot be read."""
    uri: str
    """What `open_source` takes."""
    usable: bool = True
    """False: it is plugged in, but another program uses it, or this user may not open it."""


@dataclass(frozen=True)
class CameraList:
    """What was found."""

    cameras: tuple[Camera, ...] = ()
    """In the drivers' order."""
    missing: str | None = None
    """Why one cannot be found or used, such as a missing driver, and what to do; None where nothing is in the way."""
    known: bool = True
    """False: nobody has looked yet."""


@dataclass(frozen=True)
class CameraKind:
    """How cameras of one kind are found; the first two raise SourceError where the driver is missing."""

    count: Callable[[], int]
    """How many are plugged in: quick, opens none."""
    look: Callable[[], list[Camera]]
    """Which ones: may open each for a moment, and so take a second."""
    trouble: Callable[[], str | None]
    """What stands in the way of one that is plugged in, and the next step, as far as can be seen from outside."""


def list_cameras() -> CameraList:
    """Look which cameras are plugged in; takes up to a second for each: call it away from a GUI thread.

    Raises nothing for a missing driver: the list then says so.
    """
    cameras: list[Camera] = []
    missing = []
    for kind in _kinds().values():
        try:
            cameras += kind.look()
        except SourceError as error:
            missing.append(str(error))
        else:
            missing += [trouble] if (trouble := kind.trouble()) is not None else []
    return CameraList(tuple(cameras), "; ".join(missing) or None)


@dataclass(frozen=True)
class _Seen:
    """What is seen of one kind without opening a camera; where it changes, something was plugged in or out."""

    count: int = 0
    trouble: str | None = None
    driver: bool = True
    """False: the driver is missing."""


def _glance(before: dict[str, _Seen]) -> dict[str, _Seen]:
    """Look at every kind; a driver that was missing before is not tried again, which would be slow and noisy."""
    seen = {name: last for name, last in before.items() if not last.driver}
    for name, kind in _kinds().items():
        if name not in seen:
            try:
                seen[name] = _Seen(kind.count(), kind.trouble())
            except SourceError as error:
                seen[name] = _Seen(trouble=str(error), driver=False)
    return seen


class CameraWatch:
    """Looks from time to time which cameras are plugged in, on a daemon thread of its own ("dphm-cameras").

    Made, commanded and read from any one thread, such as a window's: no call waits for a device.

    Parameters
    ----------
    period_s
        Seconds between two looks.
    """

    def __init__(self, period_s: float = WATCH_PERIOD_S) -> None:
        self._period_s = period_s
        self._cameras = CameraList(known=False)
        self._seen: dict[str, _Seen] = {}
        self._changed = threading.Condition()
        self._paused = self._stopped = False
        self._wanted = True
        self._thread: threading.Thread | None = None

    @property
    def cameras(self) -> CameraList:
        """What was found last: the same object until it changes."""
        return self._cameras

    def start(self) -> None:
        """Begin to look; harmless when repeated."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="dphm-cameras", daemon=True)
            self._thread.start()

    def pause(self) -> None:
        """Leave the devices alone until `resume`: one of them streams, or is about to."""
        with self._changed:
            self._paused = True

    def resume(self) -> None:
        """Look at once, and then from time to time again."""
        with self._changed:
            self._paused, self._wanted = False, True
            self._changed.notify_all()

    def refresh(self) -> None:
        """Look at once, also where nothing was plugged in or out; while paused, once that is over."""
        with self._changed:
            self._wanted = True
            self._changed.notify_all()

    def stop(self) -> None:
        """End the thread, within a second."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(JOIN_TIMEOUT_S)

    def _run(self) -> None:
        while self._next_look():
            try:
                self._look()
            except Exception as error:
                log.exception("looking for cameras")
                self._show(CameraList(missing=f"cameras cannot be looked for ({error}); open a recording instead"))

    def _next_look(self) -> bool:
        """Wait until it is time to look; False once stopped."""
        with self._changed:
            self._changed.wait_for(self._due, self._period_s)
            while self._paused and not self._stopped:
                self._changed.wait()
            return not self._stopped

    def _due(self) -> bool:
        return self._stopped or (self._wanted and not self._paused)

    def _look(self) -> None:
        """Count; open the devices to ask for their names only where something changed, or on request."""
        with self._changed:
            wanted, self._wanted = self._wanted, False
        seen = _glance({} if wanted else self._seen)
        if wanted or seen != self._seen:
            self._seen = seen
            self._show(list_cameras())

    def _show(self, cameras: CameraList) -> None:
        if cameras != self._cameras:
            self._cameras = cameras


def _kinds() -> dict[str, CameraKind]:
    """Every kind of camera by the scheme of its URIs; a function, because drivers are loaded where they are used."""
    from dphm_core.sources import orbbec_devices as orbbec
    from dphm_core.sources import realsense_devices as realsense
    from dphm_core.sources import usb
    from dphm_core.sources.k4a_devices import device_count

    return {
        "kinect": CameraKind(device_count, _kinects, usb.kinect_trouble),
        "realsense": _optional(realsense, usb.REALSENSE),
        "orbbec": _optional(orbbec, usb.FEMTO),
    }


def _optional(devices: ModuleType, plugged: UsbKind) -> CameraKind:
    """A kind whose driver is optional: who has neither it nor such a camera need not hear of it."""
    from dphm_core.sources.usb import driver_trouble

    if _installed(devices.MODULE):
        return CameraKind(devices.device_count, devices.look, lambda: driver_trouble(plugged, None))
    return CameraKind(lambda: 0, list, lambda: driver_trouble(plugged, devices.INSTALL))


def _installed(package: str) -> bool:
    """Whether an optional driver is there."""
    if package in sys.modules:
        return sys.modules[package] is not None
    return importlib.util.find_spec(package) is not None


def _kinects() -> list[Camera]:
    from dphm_core.sources.k4a_devices import look

    return [
        Camera("kinect", "Azure Kinect", serial or "", f"kinect:{serial}" if serial else "kinect", serial is not None)
        for serial in look()
    ]
