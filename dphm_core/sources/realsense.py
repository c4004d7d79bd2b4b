"""Live Intel RealSense cameras, through the optional driver pyrealsense2."""

from __future__ import annotations

from dphm_core.errors import SourceError
from dphm_core.frames import RGBDFrame
from dphm_core.sources.base import FRAME_TIMEOUT_MS, START_TIMEOUT_MS, Source, SourceInfo
from dphm_core.sources.realsense_devices import find_camera, load_pyrealsense2, look
from dphm_core.sources.realsense_pipeline import RealSensePipeline, first_line, time_s

FPS = 30


class RealSenseSource(Source):
    """Frames of a live camera, in the sizes that it prefers, at 30 frames per second.

    Parameters
    ----------
    serial : str or None
        Serial number of the camera; None for the first one.

    Raises
    ------
    SourceError
        No driver, no camera, or it does not start; the message says which and what to do.
    """

    seekable = False

    def __init__(self, serial: str | None = None) -> None:
        rs = load_pyrealsense2()
        self._camera = find_camera(serial)
        self._label = f"{self._camera.model} {self._camera.serial}"
        self._pipeline: RealSensePipeline | None = None
        config = rs.config()
        config.enable_device(self._camera.serial)
        config.enable_stream(rs.stream.depth, rs.format.z16, FPS)
        config.enable_stream(rs.stream.color, rs.format.rgb8, FPS)
        try:
            self._pipeline = RealSensePipeline(rs, config, self._label)
            self._stream = self._pipeline.stream()
            started = self._pipeline.wait(START_TIMEOUT_MS) is not None
        except RuntimeError as error:
            self.close()
            raise SourceError(f"{self._label} does not start ({first_line(error)}); {_START_ADVICE}") from error
        if not started:
            self.close()
            raise SourceError(f"{self._label} sends no picture; {_START_ADVICE}")
        self.info = SourceInfo("realsense", self._label, self._stream.intrinsics, self._stream.fps, None)

    def close(self) -> None:
        """Stop and release the camera; harmless when repeated."""
        pipeline, self._pipeline = self._pipeline, None
        if pipeline is not None:
            pipeline.stop()

    def _read_next(self) -> RGBDFrame:
        if self._pipeline is None:
            raise StopIteration
        try:
            pictures = self._pipeline.wait(FRAME_TIMEOUT_MS)
        except RuntimeError as error:
            raise SourceError(
                f"{self._label} fails ({first_line(error)}); plug it in again and open it again"
            ) from error
        if pictures is None:
            raise SourceError(f"{self._label} {self._what_happened()}")
        return self._pipeline.frame(self._stream, self._stream.next_index(time_s(pictures[0])), pictures)

    def _what_happened(self) -> str:
        if self._camera.serial not in (camera.serial for camera in look()):
            return "was unplugged; plug it in and open it again"
        return f"has sent no picture for {FRAME_TIMEOUT_MS / 1000:g} s; plug it in again, without a hub between"


_START_ADVICE = "plug it into a USB 3 port with its own cable, and close other programs that use it"
