"""Live Orbbec cameras (Femto Bolt, Femto Mega), through their own driver pyorbbecsdk2."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.camera.rigid import RigidTransform
from dphm_core.errors import SourceError
from dphm_core.frames import MILLIMETRE, RGBDFrame
from dphm_core.sources.base import FRAME_TIMEOUT_MS, START_TIMEOUT_MS, Source, SourceInfo, UnreadableFrame
from dphm_core.sources.images import decode_color
from dphm_core.sources.orbbec_devices import find_camera, load_pyorbbecsdk, look, query
from dphm_core.sources.registered_stream import RegisteredStream

COLOR_SIZE = (1280, 720)
FPS = 30
FORWARD_MODELS = ("NONE", "BROWN_CONRADY", "BROWN_CONRADY_K6", "MODIFIED_BROWN_CONRADY", "INVERSE_BROWN_CONRADY")
"""Lens models that Brown–Conrady's formula projects through: fisheye lenses are not among them."""
START_ADVICE = "plug it into a USB 3 port and its power, and close other programs that use it"


class OrbbecSource(Source):
    """Frames of a live camera: 720p colour, its default depth mode, 30 frames per second.

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
        self._driver = load_pyorbbecsdk()
        self._camera = find_camera(serial)
        self._label = f"{self._camera.model} {self._camera.serial}"
        self._pipeline: Any = None
        try:
            self._start()
            first = self._wait(START_TIMEOUT_MS)
        except self._driver.OBError as error:
            self.close()
            raise SourceError(f"{self._label} does not start ({_line(error)}); {START_ADVICE}") from error
        except BaseException:
            self.close()
            raise
        if first is None:
            self.close()
            raise SourceError(f"{self._label} sends no picture; {START_ADVICE}")
        self.info = SourceInfo("orbbec", self._label, self._stream.intrinsics, self._stream.fps, None)

    def close(self) -> None:
        """Stop and release the camera; harmless when repeated."""
        pipeline, self._pipeline = self._pipeline, None
        if pipeline is not None:
            pipeline.stop()

    def _read_next(self) -> RGBDFrame:
        if self._pipeline is None:
            raise StopIteration
        try:
            pictures = self._wait(FRAME_TIMEOUT_MS)
        except self._driver.OBError as error:
            raise SourceError(f"{self._label} fails ({_line(error)}); plug it in and open it again") from error
        if pictures is None:
            raise SourceError(f"{self._label} {self._what_happened()}")
        depth, color = pictures
        timestamp_s = depth.get_timestamp_us() * 1e-6
        index = self._stream.next_index(timestamp_s)
        shape = depth.get_height(), depth.get_width()
        unit_m = depth.get_depth_scale() * MILLIMETRE
        return self._stream.frame(index, timestamp_s, _rgb(color), _depth(depth.get_data(), shape), unit_m)

    def _start(self) -> None:
        driver = self._driver
        pipeline = driver.Pipeline(query(driver).get_device_by_serial_number(self._camera.serial))
        sensors, config = driver.OBSensorType, driver.Config()
        depth = pipeline.get_stream_profile_list(sensors.DEPTH_SENSOR).get_default_video_stream_profile()
        colors = pipeline.get_stream_profile_list(sensors.COLOR_SENSOR)
        config.enable_stream(depth)
        config.enable_stream(colors.get_video_stream_profile(*COLOR_SIZE, driver.OBFormat.MJPG, FPS))
        config.set_frame_aggregate_output_mode(driver.OBFrameAggregateOutputMode.FULL_FRAME_REQUIRE)
        pipeline.enable_frame_sync()
        pipeline.start(config)
        self._pipeline = pipeline
        self._stream = _stream(pipeline.get_camera_param(), float(depth.get_fps()), self._label)

    def _wait(self, timeout_ms: int) -> tuple[Any, Any] | None:
        """Next depth picture with its colour picture; None where none came in this time."""
        deadline = time.monotonic() + timeout_ms / 1000
        while (left_ms := round(1000 * (deadline - time.monotonic()))) > 0:
            frames = self._pipeline.wait_for_frames(left_ms)
            if frames is not None:
                depth, color = frames.get_depth_frame(), frames.get_color_frame()
                if depth is not None and color is not None:
                    return depth, color
        return None

    def _what_happened(self) -> str:
        if self._camera.serial not in (camera.serial for camera in look()):
            return "was unplugged or lost its power; plug it in and open it again"
        return f"has sent no picture for {FRAME_TIMEOUT_MS / 1000:g} s; plug it in again, without a hub between"


def _stream(told: Any, fps: float, label: str) -> RegisteredStream:
    """What makes frames, from the driver's parameters of both cameras as they stream."""
    rotation = np.array(told.transform.rot, dtype=np.float64).reshape(3, 3)  # row by row
    motion = RigidTransform(rotation, np.array(told.transform.transform, dtype=np.float64) * MILLIMETRE)
    depth_camera = read_camera(told.depth_intrinsic, told.depth_distortion, label)
    return RegisteredStream(depth_camera, read_camera(told.rgb_intrinsic, told.rgb_distortion, label), motion, fps)


def read_camera(told: Any, lens: Any, label: str) -> Intrinsics:
    """Check the driver's intrinsics; SourceError, about the camera of this label, where they cannot be used."""
    if lens.model.name not in FORWARD_MODELS:
        raise SourceError(f"{label}: its lens is of the kind {lens.model.name}, which is not supported; use a Femto")
    k = (lens.k1, lens.k2, lens.k3, lens.k4, lens.k5, lens.k6)
    camera = Intrinsics(told.width, told.height, told.fx, told.fy, told.cx, told.cy, k, (lens.p1, lens.p2))
    if not (camera.fx > 1 and camera.fy > 1 and all(map(math.isfinite, (camera.cx, camera.cy, *k, *camera.p)))):
        raise SourceError(f"{label}: its calibration is damaged; update its firmware")
    return camera


def _depth(content: NDArray[np.uint8], shape: tuple[int, int]) -> NDArray[np.uint16]:
    depth = np.frombuffer(np.ascontiguousarray(content), dtype=np.uint16)
    if depth.size != shape[0] * shape[1]:
        raise UnreadableFrame(f"depth has {depth.size} pixels, expected {shape[1]}x{shape[0]}")
    return depth.reshape(shape)


def _rgb(color: Any) -> NDArray[np.uint8]:
    return decode_color(np.asarray(color.get_data(), dtype=np.uint8).tobytes(), "a colour picture")


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
