"""Azure Kinect captures → RGBDFrame: colour decoded, depth registered to colour without the SDK's OpenGL transform.

Shared by recordings (`mkv`) and the live camera (`kinect`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from dphm_core.camera.k4a_calibration import parse_k4a_calibration
from dphm_core.camera.registration import DepthRegistration
from dphm_core.frames import MILLIMETRE, FloatArray, RGBDFrame
from dphm_core.sources.base import UnreadableFrame
from dphm_core.sources.images import decode_color

COLOR_SIZES = {
    "RES_720P": (1280, 720),
    "RES_1080P": (1920, 1080),
    "RES_1440P": (2560, 1440),
    "RES_1536P": (2048, 1536),
    "RES_2160P": (3840, 2160),
    "RES_3072P": (4096, 3072),
}
"""Width and height by the name of pyk4a's ColorResolution."""
FRAME_RATES = {"FPS_5": 5.0, "FPS_15": 15.0, "FPS_30": 30.0}
"""Frames per second by the name of pyk4a's FPS."""
YUV_CONVERSIONS = {
    "COLOR_NV12": cv2.COLOR_YUV2RGB_NV12,
    "COLOR_YUY2": cv2.COLOR_YUV2RGB_YUY2,
    "COLOR_BGRA32": cv2.COLOR_BGRA2RGB,
}


class Capture(Protocol):
    """What is used of pyk4a's capture; never its transformed images, which need OpenGL."""

    @property
    def color(self) -> NDArray[np.uint8] | None:
        """Colour image: a JPEG's (N,) bytes, (H, W, 4) BGRA, (H, W, 2) YUY2 or (3/2 H, W) NV12."""

    @property
    def depth(self) -> NDArray[np.uint16] | None:
        """(H, W) uint16, millimetres."""

    @property
    def depth_timestamp_usec(self) -> int:
        """Device time, microseconds."""

    @property
    def color_timestamp_usec(self) -> int:
        """Device time, microseconds."""


@dataclass(frozen=True)
class CaptureMode:
    """How the camera was set, in the names of pyk4a's enums."""

    depth_mode: int
    """Number of the depth mode."""
    color_resolution: str | None
    """None where colour is off: the frames are then the depth camera's own."""
    color_format: str
    """"COLOR_MJPG", "COLOR_NV12", "COLOR_YUY2" or "COLOR_BGRA32"."""
    fps: float
    """Frames per second."""


class CaptureConverter:
    """Converts the captures of one camera in one mode.

    A frame's index is its time since `start_usec` in frames, so that a dropped capture leaves a gap.

    Parameters
    ----------
    calibration : str
        The raw factory calibration (JSON).
    mode : CaptureMode
        How the camera was set.

    Raises
    ------
    SourceError
        The calibration is damaged or the mode has no depth.
    """

    def __init__(self, calibration: str, mode: CaptureMode) -> None:
        self.mode = mode
        self.start_usec: int | None = None
        self._last_index = -1
        parsed = parse_k4a_calibration(calibration)
        self.intrinsics = depth_camera = parsed.depth_camera(mode.depth_mode)
        self._depth_size = (depth_camera.height, depth_camera.width)
        self._register: DepthRegistration | None = None
        if mode.color_resolution is not None:
            self.intrinsics = parsed.color_camera(*COLOR_SIZES[mode.color_resolution])
            self._register = DepthRegistration(depth_camera, self.intrinsics, parsed.depth_to_color)

    def frame(self, capture: Capture) -> RGBDFrame:
        """Convert a capture; UnreadableFrame where it has no depth, or an image is damaged or of another size."""
        # pyk4a loses a reference to None each time an absent image is asked for: ask once, and never for a track
        # that is not there.
        depth = capture.depth
        if depth is None:
            raise UnreadableFrame("a capture has no depth")
        if depth.shape != self._depth_size:
            raise UnreadableFrame(f"depth of a capture has shape {depth.shape}, expected {self._depth_size}")
        color = capture.color if self.mode.color_resolution else None
        index = self._index(capture.depth_timestamp_usec)
        return RGBDFrame(
            index=index,
            timestamp_s=capture.depth_timestamp_usec * 1e-6,
            color=None if color is None else self._rgb(color, index),
            depth_m=self._registered(depth),
            intrinsics=self.intrinsics,
        )

    def time_usec(self, capture: Capture) -> int | None:
        """Device time of what makes a capture a frame, its depth; None where it is missing."""
        return None if capture.depth is None else capture.depth_timestamp_usec

    def index_of(self, timestamp_usec: int) -> int:
        """Frame index of a device time."""
        start = timestamp_usec if self.start_usec is None else self.start_usec
        return round((timestamp_usec - start) * 1e-6 * self.mode.fps)

    def restart(self) -> None:
        """Forget which frame came last: the position was changed."""
        self._last_index = -1

    def _index(self, timestamp_usec: int) -> int:
        if self.start_usec is None:
            self.start_usec = timestamp_usec
        self._last_index = max(self.index_of(timestamp_usec), self._last_index + 1)
        return self._last_index

    def _registered(self, depth: NDArray[np.uint16]) -> FloatArray:
        depth_m = depth.astype(np.float32) * np.float32(MILLIMETRE)
        return depth_m if self._register is None else self._register(depth_m)

    def _rgb(self, color: NDArray[np.uint8], index: int) -> NDArray[np.uint8]:
        size = (self.intrinsics.height, self.intrinsics.width, 3)
        rgb = decode_k4a_color(color, self.mode.color_format, f"colour of frame {index}")
        if rgb.shape != size:
            raise UnreadableFrame(f"colour of frame {index} has shape {rgb.shape}, expected {size}")
        return rgb


def decode_k4a_color(color: NDArray[np.uint8], color_format: str, name: str) -> NDArray[np.uint8]:
    """Decode a colour image in one of the camera's formats to (H, W, 3) uint8, RGB; `name` is for the message."""
    if color_format == "COLOR_MJPG":
        return decode_color(color.tobytes(), name)
    try:
        return np.asarray(cv2.cvtColor(color, YUV_CONVERSIONS[color_format]), dtype=np.uint8)
    except (KeyError, cv2.error) as error:
        raise UnreadableFrame(f"{name} is no {color_format} image: {error}") from error
