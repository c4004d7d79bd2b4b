"""Depth and colour of a camera with two eyes → RGBDFrame: depth registered to colour by this project's own code.

Shared by the cameras whose drivers give both images raw, with their intrinsics and the motion between them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.camera.registration import DepthRegistration
from dphm_core.camera.rigid import RigidTransform
from dphm_core.frames import FloatArray, RGBDFrame
from dphm_core.sources.base import UnreadableFrame


class RegisteredStream:
    """Makes the frames of one stream, and numbers them by their time, so that a dropped one leaves a gap.

    Parameters
    ----------
    depth_camera, color_camera : Intrinsics
        Cameras of the two images.
    depth_to_color : RigidTransform
        From the depth camera's frame to the colour camera's.
    fps : float
        Frames per second.
    """

    def __init__(
        self,
        depth_camera: Intrinsics,
        color_camera: Intrinsics,
        depth_to_color: RigidTransform,
        fps: float,
    ) -> None:
        self.intrinsics = color_camera
        self.fps = fps
        self._start_s: float | None = None
        self._depth_shape = (depth_camera.height, depth_camera.width)
        self._register = DepthRegistration(depth_camera, color_camera, depth_to_color)
        self._last_index = -1

    def next_index(self, timestamp_s: float) -> int:
        """Index of a frame of this time, seconds; larger than that of the one before."""
        self._start_s = timestamp_s if self._start_s is None else self._start_s
        self._last_index = max(round((timestamp_s - self._start_s) * self.fps), self._last_index + 1)
        return self._last_index

    def frame(
        self, index: int, timestamp_s: float, color: NDArray[np.uint8], depth: NDArray[np.uint16], unit_m: float
    ) -> RGBDFrame:
        """Register one capture.

        Parameters
        ----------
        index : int
            As `next_index` gave it.
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
            raise UnreadableFrame(
                f"frame {index}: colour of shape {color.shape} and depth of {depth.shape} were not set"
            )
        registered: FloatArray = self._register(depth.astype(np.float32) * np.float32(unit_m))
        return RGBDFrame(index, timestamp_s, np.array(color, dtype=np.uint8), registered, self.intrinsics)
