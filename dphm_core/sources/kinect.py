"""The live Azure Kinect (or an Orbbec Femto through its K4A wrapper)."""

from __future__ import annotations

import logging
from pathlib import Path
from time import monotonic
from typing import Any

from dphm_core.errors import SourceError
from dphm_core.frames import RGBDFrame
from dphm_core.sources.base import FRAME_TIMEOUT_MS, START_TIMEOUT_MS, SourceInfo, UnreadableFrame
from dphm_core.sources.k4a_capture import CaptureConverter, CaptureMode
from dphm_core.sources.k4a_devices import open_device, release, start_advice
from dphm_core.sources.k4a_driver import load_pyk4a
from dphm_core.sources.k4a_recorder import MkvRecorder
from dphm_core.sources.kinect_controls import ColorControls
from dphm_core.sources.kinect_settings import COLORS, DEPTHS, KinectSettings
from dphm_core.sources.live import CameraLost, LiveSource, Patience
from dphm_core.sources.recording_status import RecordingStatus

log = logging.getLogger(__name__)


class KinectSource(LiveSource):
    """Frames of a live camera; one that is unplugged or silent is waited for, and goes on with the same settings.

    Captures without colour or depth are skipped and counted.

    Parameters
    ----------
    serial : str or None
        Serial number of the camera; None for the first one.
    settings : KinectSettings
        How it is set.
    patience : Patience
        How long it is waited for when it is gone.

    Raises
    ------
    SourceError
        No camera, it is in use, may not be opened, or does not start; the message says which and what to do.
    """

    def __init__(
        self, serial: str | None = None, settings: KinectSettings | None = None, patience: Patience | None = None
    ) -> None:
        super().__init__(patience)
        self.settings = settings or KinectSettings()
        self.first_frame_s = 0.0
        """From opening the camera to its first picture, seconds."""
        self._k4a = load_pyk4a()
        self._config = device_config(self._k4a, self.settings)
        self._recorder: MkvRecorder | None = None
        self._device: Any = None
        self._connect(serial)
        rate = float(self.settings.fps)
        self.info = SourceInfo("kinect", self._label, self._converter.intrinsics, rate, None)
        log.info("%s: %s; first picture after %.1f s", self._label, self.settings.words(), self.first_frame_s)

    def close(self) -> None:
        """Stop and release the camera, once a recording is complete; harmless when repeated."""
        if self._recorder is not None:
            self._recorder.close()
        super().close()

    def start_recording(self, path: Path) -> MkvRecorder:
        """Write what the camera sends to a new .mkv file, too, from the next frame on; any thread.

        An error is told by its status; the frames go on. The file ends where the camera is lost.
        """
        self.stop_recording()
        self._recorder = recorder = MkvRecorder(self._k4a, path, self._config, lambda: self._device)
        return recorder

    def stop_recording(self) -> None:
        """End the recording; any thread. Returns at once: `recording_status` tells when the file is complete."""
        if self._recorder is not None:
            self._recorder.stop()

    @property
    def serial(self) -> str:
        """The camera's serial number."""
        return self._serial

    @property
    def recording_status(self) -> RecordingStatus | None:
        """How the recording goes, or went; None where there was none. Any thread."""
        return None if self._recorder is None else self._recorder.status

    def _connect(self, serial: str | None) -> None:
        """Open the camera, set it, and wait for its first picture."""
        started = monotonic()
        self._device, self._serial = open_device(self._k4a, self._config, serial)
        self._label = f"Azure Kinect {self._serial}"
        self._controls = ColorControls(self._k4a, self.settings, self._label)
        try:
            self._start()
        except BaseException:
            self._disconnect()
            raise
        self.first_frame_s = monotonic() - started

    def _start(self) -> None:
        config = self._config
        mode = CaptureMode(
            int(config.depth_mode), config.color_resolution.name, config.color_format.name, float(self.settings.fps)
        )
        try:
            self._converter = CaptureConverter(self._device.calibration_raw, mode)
        except SourceError as error:
            raise SourceError(f"{self._label}: {error}; unplug it, plug it in again, update its firmware") from error
        self._controls.apply(self._device)
        if self._over.is_set():  # whoever closes the source waits for no more of the driver's calls than the one before
            raise SourceError(f"{self._label} is being closed")
        try:
            self._device.start()
            started = self._wait(self._take, START_TIMEOUT_MS) is not None
        except self._k4a.K4AException as error:
            raise SourceError(f"{self._label} does not start: {start_advice()}") from error
        if not started:
            raise SourceError(f"{self._label} sends no picture: {start_advice()}")

    def _disconnect(self) -> None:
        device, self._device = self._device, None
        if self._recorder is not None:
            self._recorder.fail(f"{self._label} was gone")
        if device is not None:
            release(self._k4a, device, self._serial)

    def _reconnect(self) -> None:
        self._connect(self._serial)

    def _receive(self) -> RGBDFrame:
        try:
            capture = self._wait(self._take, FRAME_TIMEOUT_MS)
        except self._k4a.K4AException as error:
            raise CameraLost("was unplugged or lost its power", "plug it in again") from error
        if capture is None:
            silent = f"has sent no picture for {FRAME_TIMEOUT_MS / 1000:g} s"
            raise CameraLost(silent, "plug it in again, without a hub between")
        if (recorder := self._recorder) is not None:
            recorder.write(capture)
        frame = self._converter.frame(capture)
        if frame.color is None:
            raise UnreadableFrame("a capture has no colour")
        self._controls.watch(self._device, capture)
        return frame

    def _take(self, timeout_ms: int) -> Any:
        """Next capture; None where none comes in this time, K4AException where the camera is gone."""
        try:
            return self._device.get_capture(timeout=timeout_ms)
        except self._k4a.K4ATimeoutException:
            if self._k4a.connected_device_count() == 0:
                raise self._k4a.K4AException from None
            return None


def device_config(k4a: Any, settings: KinectSettings) -> Any:
    """What pyk4a opens the camera and a recording with: colour as the camera's own JPEG, depth and colour together."""
    return k4a.Config(
        color_resolution=k4a.ColorResolution[COLORS[settings.color]],
        color_format=k4a.ImageFormat.COLOR_MJPG,
        depth_mode=k4a.DepthMode[DEPTHS[settings.depth]],
        camera_fps=k4a.FPS[f"FPS_{settings.fps}"],
        synchronized_images_only=True,
    )
