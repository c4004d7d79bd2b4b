"""Depth and colour of a camera with two eyes → RGBDFrame: depth registered to colour by this project's own code.

Shared by the cameras whose drivers give both images raw, with their intrinsics and the motion between them, and by
their recordings.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.camera.registration import DepthRegistration
from dphm_core.camera.rigid import RigidTransform
from dphm_core.frames import FloatArray, RGBDFrame
from dphm_core.sources.base import UnreadableFrame

MAX_NUMBER = 1e5
"""Of a camera's numbers: focal lengths in pixels are the largest."""


class RegisteredStream:
    """Makes the frames of one stream.

    Parameters
    ----------
    depth_camera, color_camera : Intrinsics
        Cameras of the two images.
    depth_to_color : RigidTransform
        From the depth camera's frame to the colour camera's.
    """

    def __init__(self, depth_camera: Intrinsics, color_camera: Intrinsics, depth_to_color: RigidTransform) -> None:
        self.intrinsics = color_camera
        """Camera of the frames."""
        self._depth_shape = (depth_camera.height, depth_camera.width)
        self._register = DepthRegistration(depth_camera, color_camera, depth_to_color)

    def frame(
        self, index: int, timestamp_s: float, color: NDArray[np.uint8], depth: NDArray[np.uint16], unit_m: float
    ) -> RGBDFrame:
        """Register one capture.

        Parameters
        ----------
        index : int
            Of the frame.
        timestamp_s : float
            Device time, seconds.
        color : (H, W, 3) uint8
            RGB; copied.
        depth : (H_depth, W_depth) uint16
            In units of `unit_m` metres, 0 where invalid.
        unit_m : float
            Metres.

        Raises
        ------
        UnreadableFrame
            An image is not of its camera's size.
        """
        if depth.shape != self._depth_shape or color.shape != (self.intrinsics.height, self.intrinsics.width, 3):
            raise UnreadableFrame(f"colour of shape {color.shape} and depth of {depth.shape} were not set")
        registered: FloatArray = self._register(depth.astype(np.float32) * np.float32(unit_m))
        return RGBDFrame(index, timestamp_s, np.array(color, dtype=np.uint8), registered, self.intrinsics)


def is_sensible(camera: Intrinsics) -> bool:
    """Whether a camera's numbers can be those of one."""
    numbers = (camera.fx, camera.fy, camera.cx, camera.cy, *camera.k, *camera.p)
    return min(camera.fx, camera.fy) > 1 and all(math.isfinite(value) and abs(value) < MAX_NUMBER for value in numbers)
