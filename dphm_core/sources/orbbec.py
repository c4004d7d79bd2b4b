"""Live Orbbec cameras (Femto Bolt, Femto Mega), through their own driver pyorbbecsdk2."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.camera.rigid import RigidTransform
from dphm_core.errors import SourceError
from dphm_core.frames import MILLIMETRE, RGBDFrame
from dphm_core.sources.base import UnreadableFrame
from dphm_core.sources.devices import Camera
from dphm_core.sources.driver_camera import DriverCamera
from dphm_core.sources.images import decode_color
from dphm_core.sources.live import Patience
from dphm_core.sources.orbbec_devices import find_camera, load_pyorbbecsdk, query
from dphm_core.sources.registered_stream import RegisteredStream, is_sensible

COLOR_SIZE = (1280, 720)
FPS = 30
FORWARD_MODELS = ("NONE", "BROWN_CONRADY", "BROWN_CONRADY_K6", "MODIFIED_BROWN_CONRADY", "INVERSE_BROWN_CONRADY")
"""Lens models that Brown–Conrady's formula projects through: fisheye lenses are not among them."""


class OrbbecSource(DriverCamera):
    """Frames of a live camera: 720p colour, its default depth mode, 30 frames per second."""

    kind = "orbbec"
    start_advice = "plug it into a USB 3 port and its power, and close other programs that use it"
    unplugged = "was unplugged or lost its power"

    def __init__(self, serial: str | None = None, patience: Patience | None = None) -> None:
        self._driver = load_pyorbbecsdk()
        self.failure = self._driver.OBError
        super().__init__(serial, patience)

    def _find(self, serial: str | None) -> Camera:
        return find_camera(serial)

    def _open(self, camera: Camera, label: str) -> OrbbecPipeline:
        return OrbbecPipeline(self._driver, camera.serial, label)


class OrbbecPipeline:
    """The driver's pipeline with depth and colour of one camera; `stop` it in the end.

    Raises
    ------
    OBError
        The driver's: it does not start.
    SourceError
        Its lenses are of an unknown kind.
    """

    def __init__(self, driver: ModuleType, serial: str, label: str) -> None:
        self._pipeline = pipeline = driver.Pipeline(query(driver).get_device_by_serial_number(serial))
        sensors, config = driver.OBSensorType, driver.Config()
        depth = pipeline.get_stream_profile_list(sensors.DEPTH_SENSOR).get_default_video_stream_profile()
        colors = pipeline.get_stream_profile_list(sensors.COLOR_SENSOR)
        config.enable_stream(depth)
        config.enable_stream(colors.get_video_stream_profile(*COLOR_SIZE, driver.OBFormat.MJPG, FPS))
        config.set_frame_aggregate_output_mode(driver.OBFrameAggregateOutputMode.FULL_FRAME_REQUIRE)
        pipeline.enable_frame_sync()
        pipeline.start(config)
        try:
            self._stream = _stream(pipeline.get_camera_param(), label)
        except BaseException:
            self.stop()
            raise
        self.intrinsics, self.fps = self._stream.intrinsics, float(depth.get_fps())

    def take(self, timeout_ms: int) -> tuple[Any, Any] | None:
        """Next depth picture with its colour picture; None where none came in this time."""
        frames = self._pipeline.wait_for_frames(timeout_ms)
        depth, color = (None, None) if frames is None else (frames.get_depth_frame(), frames.get_color_frame())
        return None if depth is None or color is None else (depth, color)

    def frame(self, pictures: tuple[Any, Any]) -> RGBDFrame:
        """Convert what `take` gave, at the camera's own time."""
        depth, color = pictures
        shape = depth.get_height(), depth.get_width()
        unit_m = depth.get_depth_scale() * MILLIMETRE
        timestamp_s = depth.get_timestamp_us() * 1e-6
        return self._stream.frame(0, timestamp_s, _rgb(color), _depth(depth.get_data(), shape), unit_m)

    def stop(self) -> None:
        """Release the camera."""
        self._pipeline.stop()


def _stream(told: Any, label: str) -> RegisteredStream:
    """What makes frames, from the driver's parameters of both cameras as they stream."""
    rotation = np.array(told.transform.rot, dtype=np.float64).reshape(3, 3)  # row by row
    motion = RigidTransform(rotation, np.array(told.transform.transform, dtype=np.float64) * MILLIMETRE)
    depth_camera = read_camera(told.depth_intrinsic, told.depth_distortion, label)
    return RegisteredStream(depth_camera, read_camera(told.rgb_intrinsic, told.rgb_distortion, label), motion)


def read_camera(told: Any, lens: Any, label: str) -> Intrinsics:
    """Check the driver's intrinsics; SourceError, about the camera of this label, where they cannot be used."""
    if lens.model.name not in FORWARD_MODELS:
        raise SourceError(f"{label}: its lens is of the kind {lens.model.name}, which is not supported; use a Femto")
    k = (lens.k1, lens.k2, lens.k3, lens.k4, lens.k5, lens.k6)
    camera = Intrinsics(told.width, told.height, told.fx, told.fy, told.cx, told.cy, k, (lens.p1, lens.p2))
    if not is_sensible(camera):
        raise SourceError(f"{label}: its calibration is damaged; update its firmware")
    return camera


def _depth(content: NDArray[np.uint8], shape: tuple[int, int]) -> NDArray[np.uint16]:
    depth = np.frombuffer(np.ascontiguousarray(content), dtype=np.uint16)
    if depth.size != shape[0] * shape[1]:
        raise UnreadableFrame(f"depth has {depth.size} pixels, expected {shape[1]}x{shape[0]}")
    return depth.reshape(shape)


def _rgb(color: Any) -> NDArray[np.uint8]:
    return decode_color(np.asarray(color.get_data(), dtype=np.uint8).tobytes(), "a colour picture")
