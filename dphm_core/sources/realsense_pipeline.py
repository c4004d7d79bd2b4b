"""Depth and colour of an Intel RealSense through its driver: pictures, their cameras, and frames made of them."""

from __future__ import annotations

import time
from types import ModuleType
from typing import Any

import numpy as np

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.camera.rigid import RigidTransform
from dphm_core.errors import SourceError
from dphm_core.frames import RGBDFrame
from dphm_core.sources.registered_stream import RegisteredStream, is_sensible

FORWARD_MODELS = ("none", "brown_conrady", "modified_brown_conrady", "inverse_brown_conrady")
"""Lens models that the driver projects through by Brown–Conrady's formula: fisheye lenses are not among them."""


class RealSensePipeline:
    """The driver's pipeline with depth and colour; `stop` it in the end.

    Of what comes while nobody waits only the newest pictures are kept.

    Raises
    ------
    RuntimeError
        The driver's: it does not start.
    SourceError
        Its lenses are of an unknown kind.
    """

    def __init__(self, rs: ModuleType, config: Any, label: str) -> None:
        self._pipeline = rs.pipeline()
        self._last_number = -1
        profile = self._pipeline.start(config)
        try:
            self._read_facts(rs, profile, label)
        except BaseException:
            self.stop()
            raise

    def take(self, timeout_ms: int) -> tuple[Any, Any] | None:
        """Next depth picture with its colour picture; None where none came in this time."""
        deadline = time.monotonic() + timeout_ms / 1000
        while (left_ms := round(1000 * (deadline - time.monotonic()))) > 0:
            came, frames = self._pipeline.try_wait_for_frames(left_ms)
            depth, color = (frames.get_depth_frame(), frames.get_color_frame()) if came else (None, None)
            # The driver also tells of each depth picture a second time, with the next colour picture.
            if depth and color and depth.get_frame_number() != self._last_number:
                self._last_number = depth.get_frame_number()
                return depth, color
        return None

    def frame(self, pictures: tuple[Any, Any]) -> RGBDFrame:
        """Convert what `take` gave, at the camera's own time."""
        depth, color = pictures
        images = np.asanyarray(color.get_data()), np.asanyarray(depth.get_data())
        return self._stream.frame(0, float(depth.get_timestamp()) * 1e-3, *images, self._unit_m)

    def stop(self) -> None:
        """Release the camera."""
        self._pipeline.stop()

    def _read_facts(self, rs: ModuleType, profile: Any, label: str) -> None:
        self._unit_m = float(profile.get_device().first_depth_sensor().get_depth_scale())
        depth, color = (
            profile.get_stream(kind).as_video_stream_profile() for kind in (rs.stream.depth, rs.stream.color)
        )
        motion = depth.get_extrinsics_to(color)
        rotation = np.reshape(motion.rotation, (3, 3), order="F").astype(np.float64)  # column by column
        depth_to_color = RigidTransform(rotation, np.array(motion.translation, dtype=np.float64))
        depth_camera, self.intrinsics = (read_camera(stream.get_intrinsics(), label) for stream in (depth, color))
        self._stream = RegisteredStream(depth_camera, self.intrinsics, depth_to_color)
        self.fps = float(depth.fps())


def read_camera(told: Any, label: str) -> Intrinsics:
    """Check the driver's intrinsics; SourceError, about the camera of this label, where they cannot be used."""
    if told.model.name not in FORWARD_MODELS:
        raise SourceError(f"{label}: its lens is of the kind {told.model.name}, which is not supported; use a D400")
    camera = brown_conrady(
        (told.width, told.height),
        (told.fx, told.fy, told.ppx, told.ppy),
        tuple(float(value) for value in told.coeffs),
    )
    if not is_sensible(camera):
        raise SourceError(f"{label}: its calibration is damaged; calibrate it with the RealSense Viewer")
    return camera


def brown_conrady(
    size: tuple[int, int], pinhole: tuple[float, float, float, float], coefficients: tuple[float, ...]
) -> Intrinsics:
    """A camera of Intel's numbers: width and height, fx fy cx cy, and k1 k2 p1 p2 k3 or the first of these."""
    k1, k2, p1, p2, k3 = (*coefficients, 0.0, 0.0, 0.0, 0.0, 0.0)[:5]
    return Intrinsics(*size, *pinhole, (k1, k2, k3, 0.0, 0.0, 0.0), (p1, p2))
