"""Frames as an Azure Kinect would have recorded them: depth in its own camera's image, beside colour's."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.camera.k4a_calibration import DEPTH_WINDOWS, DepthMode, parse_k4a_calibration
from dphm_core.camera.registration import DepthRegistration
from dphm_core.camera.typical_kinect import DEPTH_CAMERA, DEPTH_TO_COLOR
from dphm_core.frames import MILLIMETRE
from dphm_core.sources.k4a_capture import COLOR_SIZES
from dphm_core.sources.mkv_calibration import DEPTH_SENSOR, calibration_file, color_entry, depth_entry
from dphm_core.sources.mkv_layout import color_resolution
from dphm_core.sources.stack_file import millimetres


@dataclass(frozen=True)
class KinectLayout:
    """Depth, which frames have in the colour camera's image, is seen from a depth camera 32 mm beside it.

    That of a real Azure Kinect, with its lens: whoever reads the recording has to register its depth again. What only
    that camera could see is not there, and depth has the detail that the mode has. The colour camera stays the frames'.
    """

    camera: Intrinsics
    """Of the frames."""
    depth_mode: DepthMode
    """Size and field of view of the depth."""
    fps: float
    """Frames per second; readers are told 5, 15 or 30."""

    @property
    def color_resolution(self) -> str:
        """Name of the smallest resolution that holds the colour image; OutputError where none does."""
        return color_resolution(self.camera.width, self.camera.height)

    @property
    def depth_size(self) -> tuple[int, int]:
        """Width and height of the recording's depth images."""
        return DEPTH_WINDOWS[self.depth_mode].size

    @property
    def keeps_pixels(self) -> bool:
        """Never: the image is another one."""
        return False

    def cut_depth(self, depth: NDArray[np.uint16]) -> NDArray[np.uint16]:
        """Make the depth camera's image of a frame's; both (H, W) uint16, millimetres."""
        return millimetres(self._from_color(depth.astype(np.float32) * np.float32(MILLIMETRE)))

    def calibration(self, camera: Intrinsics) -> bytes:
        """Write the factory calibration; `camera` is that of the frames."""
        left, top = DEPTH_WINDOWS[DepthMode.NFOV_UNBINNED].offset
        sensor = replace(DEPTH_CAMERA, cx=DEPTH_CAMERA.cx + left, cy=DEPTH_CAMERA.cy + top)
        cameras = [
            depth_entry(sensor, (DEPTH_SENSOR, DEPTH_SENSOR)),
            color_entry(camera, COLOR_SIZES[self.color_resolution], DEPTH_TO_COLOR),
        ]
        return calibration_file(cameras)

    @cached_property
    def _from_color(self) -> DepthRegistration:
        """Registration the other way round."""
        depth_camera = parse_k4a_calibration(self.calibration(self.camera)).depth_camera(self.depth_mode)
        return DepthRegistration(self.camera, depth_camera, DEPTH_TO_COLOR.inverse)
