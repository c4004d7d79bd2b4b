"""The live Azure Kinect (or an Orbbec Femto through its K4A wrapper)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dphm_core.errors import SourceError
from dphm_core.frames import RGBDFrame
from dphm_core.sources.base import FRAME_TIMEOUT_MS, START_TIMEOUT_MS, Source, SourceInfo
from dphm_core.sources.k4a_capture import FRAME_RATES, CaptureConverter, CaptureMode
from dphm_core.sources.k4a_devices import open_device, release, start_advice
from dphm_core.sources.k4a_driver import load_pyk4a
from dphm_core.sources.k4a_recorder import MkvRecorder
from dphm_core.sources.recording_status import RecordingStatus


class KinectSource(Source):
    """Frames of a live camera: 720p colour, NFOV unbinned depth (0.5–3.9 m), 30 frames per second.

    Parameters
    ----------
    serial : str or None
        Serial number of the camera; None for the first one.

    Raises
    ------
    SourceError
        No camera, it is in use, may not be opened, or does not start; the message says which and what to do.
    """

    seekable = False

    def __init__(self, serial: str | None = None) -> None:
        self._k4a = load_pyk4a()
        self._config = _config(self._k4a)
        self._recorder: MkvRecorder | None = None
        self._device: Any
        self._device, self._serial = open_device(self._k4a, self._config, serial)
        self._label = f"Azure Kinect {self._serial}"
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Stop and release the camera; harmless when repeated."""
        device, self._device = self._device, None
        if self._recorder is not None:
            self._recorder.close()
        if device is not None:
            release(self._k4a, device, self._serial)

    def start_recording(self, path: Path) -> MkvRecorder:
        """Write what the camera sends to a new .mkv file, too, from the next frame on; any thread.

        An error is told by its status; the frames go on.
        """
        self.stop_recording()
        self._recorder = recorder = MkvRecorder(self._k4a, path, self._config, self._device)
        return recorder

    def stop_recording(self) -> None:
        """End the recording; any thread. Returns at once: `recording_status` tells when the file is complete."""
        if self._recorder is not None:
            self._recorder.stop()

    @property
    def recording_status(self) -> RecordingStatus | None:
        """How the recording goes, or went; None where there was none. Any thread."""
        return None if self._recorder is None else self._recorder.status

    def _start(self) -> None:
        mode = CaptureMode(
            int(self._config.depth_mode),
            self._config.color_resolution.name,
            self._config.color_format.name,
            FRAME_RATES[self._config.camera_fps.name],
        )
        try:
            self._converter = CaptureConverter(self._device.calibration_raw, mode)
        except SourceError as error:
            raise SourceError(f"{self._label}: {error}; unplug it, plug it in again, update its firmware") from error
        try:
            self._device.start()
            self._device.get_capture(timeout=START_TIMEOUT_MS)
        except self._k4a.K4AException as error:
            raise SourceError(f"{self._label} does not start: {start_advice()}") from error
        self.info = SourceInfo("kinect", self._label, self._converter.intrinsics, mode.fps, None)

    def _read_next(self) -> RGBDFrame:
        if self._device is None:
            raise StopIteration
        try:
            capture = self._device.get_capture(timeout=FRAME_TIMEOUT_MS)
        except self._k4a.K4AException as error:
            raise SourceError(f"{self._label} {self._what_happened(error)}") from error
        if (recorder := self._recorder) is not None:
            recorder.write(capture)
        return self._converter.frame(capture)

    def _what_happened(self, error: Exception) -> str:
        """Tell a camera that is gone from one that is silent."""
        if not isinstance(error, self._k4a.K4ATimeoutException) or self._k4a.connected_device_count() == 0:
            return "was unplugged or lost its power; plug it in and open it again"
        silent_s = FRAME_TIMEOUT_MS / 1000
        return f"has sent no picture for {silent_s:g} s; plug it in again, without a hub between, and open it again"


def _config(k4a: Any) -> Any:
    return k4a.Config(
        color_resolution=k4a.ColorResolution.RES_720P,
        color_format=k4a.ImageFormat.COLOR_MJPG,
        depth_mode=k4a.DepthMode.NFOV_UNBINNED,
        camera_fps=k4a.FPS.FPS_30,
        synchronized_images_only=True,
    )
