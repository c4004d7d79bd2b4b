"""Live cameras whose makers' drivers give depth and colour raw: opened, waited for and released in one way."""

from __future__ import annotations

import logging
from abc import abstractmethod
from typing import Any, Protocol

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.errors import SourceError, first_line
from dphm_core.frames import RGBDFrame
from dphm_core.sources.base import FRAME_TIMEOUT_MS, START_TIMEOUT_MS, SourceInfo
from dphm_core.sources.devices import Camera
from dphm_core.sources.live import CameraLost, LiveSource, Patience

log = logging.getLogger(__name__)


class CameraStream(Protocol):
    """What a driver sends of one camera, from its start on; each method but `frame` may raise the driver's failure."""

    @property
    def intrinsics(self) -> Intrinsics:
        """Camera of the frames."""

    @property
    def fps(self) -> float:
        """Frames per second."""

    def take(self, timeout_ms: int) -> Any:
        """Next depth picture with its colour picture; None where none came in this time."""

    def frame(self, pictures: Any) -> RGBDFrame:
        """Convert what `take` gave, at the camera's own time; UnreadableFrame where it is damaged."""

    def stop(self) -> None:
        """Release the camera."""


class DriverCamera(LiveSource):
    """Frames of a live camera; one that is unplugged, silent or fails is waited for, and goes on by itself.

    Parameters
    ----------
    serial : str or None
        Serial number of the camera; None for the first one.
    patience : Patience
        How long it is waited for when it is gone.

    Raises
    ------
    SourceError
        No driver, no camera, or it does not start; the message says which and what to do.
    """

    kind: str
    """Scheme of its URI."""
    start_advice: str
    """What to do where it does not start, as an order."""
    unplugged: str
    """What has happened to one that is not there any more."""
    failure: type[Exception]
    """What the driver raises."""

    def __init__(self, serial: str | None = None, patience: Patience | None = None) -> None:
        super().__init__(patience)
        self._stream: CameraStream | None = None
        intrinsics, fps = self._connect(serial)
        self.info = SourceInfo(self.kind, self._label, intrinsics, fps, None)

    @abstractmethod
    def _find(self, serial: str | None) -> Camera:
        """The camera with this serial number, or the first one; SourceError where there is none."""

    @abstractmethod
    def _open(self, camera: Camera, label: str) -> CameraStream:
        """Start a camera; the driver's failure, or SourceError about the camera of this label, where it does not."""

    def _connect(self, serial: str | None) -> tuple[Intrinsics, float]:
        """Open the camera and wait for its first picture; its intrinsics and frames per second."""
        self._camera = self._find(serial)
        self._label = f"{self._camera.model} {self._camera.serial}"
        try:
            self._stream = stream = self._open(self._camera, self._label)
            started = self._wait(stream.take, START_TIMEOUT_MS) is not None
        except self.failure as error:
            self._disconnect()
            raise SourceError(f"{self._label} does not start ({first_line(error)}); {self.start_advice}") from error
        except BaseException:
            self._disconnect()
            raise
        if not started:
            self._disconnect()
            raise SourceError(f"{self._label} sends no picture; {self.start_advice}")
        return stream.intrinsics, stream.fps

    def _disconnect(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            try:
                stream.stop()
            except self.failure as error:
                log.debug("%s did not stop properly: %s", self._label, error)  # it is gone

    def _reconnect(self) -> None:
        self._connect(self._camera.serial)

    def _receive(self) -> RGBDFrame:
        assert self._stream is not None  # LiveSource receives between connecting and disconnecting
        try:
            pictures = self._wait(self._stream.take, FRAME_TIMEOUT_MS)
        except self.failure as error:
            raise self._lost(f"fails ({first_line(error)})", "plug it in again") from error
        if pictures is None:
            silent_s = FRAME_TIMEOUT_MS / 1000
            raise self._lost(f"has sent no picture for {silent_s:g} s", "plug it in again, without a hub between")
        return self._stream.frame(pictures)

    def _lost(self, what: str, cure: str) -> CameraLost:
        """What happened to the camera, unless it is not even there."""
        try:
            self._find(self._camera.serial)
        except SourceError:
            return CameraLost(self.unplugged, "plug it in again")
        return CameraLost(what, cure)
