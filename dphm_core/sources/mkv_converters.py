"""Captures that are not simply depth with its colour: those that this program writes, and those without depth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dphm_core.camera.k4a_calibration import DepthMode, parse_k4a_calibration
from dphm_core.errors import SourceError
from dphm_core.frames import MILLIMETRE, FloatArray, RGBDFrame
from dphm_core.sources.base import UnreadableFrame
from dphm_core.sources.k4a_capture import COLOR_SIZES, Capture, CaptureConverter, CaptureMode, decode_k4a_color
from dphm_core.sources.mkv_calibration import UNKNOWN_RADIUS
from dphm_core.sources.mkv_layout import MkvLayout


class LayoutConverter(CaptureConverter):
    """Converts the captures of recordings that `MkvWriter` wrote: puts the frames together again as they were."""

    def __init__(self, calibration: str, mode: CaptureMode, layout: MkvLayout) -> None:
        super().__init__(calibration, replace(mode, color_resolution=None))  # nothing is to be registered
        if mode.color_resolution != layout.color_resolution or mode.depth_mode != layout.depth_mode:
            raise SourceError("the layout of its frames does not fit its images")
        self.mode = replace(mode, fps=layout.fps)
        self._layout = layout
        self._canvas = COLOR_SIZES[layout.color_resolution]
        camera = parse_k4a_calibration(calibration).color_camera(*self._canvas)
        radius = None if camera.metric_radius == UNKNOWN_RADIUS else camera.metric_radius
        self.intrinsics = replace(camera, width=layout.width, height=layout.height, metric_radius=radius)

    def frame(self, capture: Capture) -> RGBDFrame:
        """Convert a capture; UnreadableFrame where it has no depth or its colour is damaged."""
        frame = super().frame(capture)
        return replace(frame, timestamp_s=frame.timestamp_s + self._layout.clock_s)

    def _registered(self, depth: NDArray[np.uint16]) -> FloatArray:
        return self._layout.place_depth(depth).astype(np.float32) * np.float32(MILLIMETRE)

    def _rgb(self, color: NDArray[np.uint8], index: int) -> NDArray[np.uint8]:
        rgb = decode_k4a_color(color, self.mode.color_format, f"colour of frame {index}")
        if rgb.shape[1::-1] != self._canvas:
            raise UnreadableFrame(f"colour of frame {index} has shape {rgb.shape}, expected {self._canvas[::-1]}")
        return np.ascontiguousarray(rgb[: self._layout.height, : self._layout.width])


class ColorConverter(CaptureConverter):
    """Converts the captures of recordings without depth: the frames have an empty depth image, and colour's clock."""

    def __init__(self, calibration: str, mode: CaptureMode) -> None:
        assert mode.color_resolution is not None
        super().__init__(calibration, replace(mode, depth_mode=DepthMode.NFOV_UNBINNED, color_resolution=None))
        self.mode = mode
        self.intrinsics = parse_k4a_calibration(calibration).color_camera(*COLOR_SIZES[mode.color_resolution])

    def frame(self, capture: Capture) -> RGBDFrame:
        """Convert a capture; UnreadableFrame where its colour is missing or damaged."""
        color = capture.color  # asked for once, see `CaptureConverter.frame`
        if color is None:
            raise UnreadableFrame("a capture has no colour")
        index = self._index(capture.color_timestamp_usec)
        rgb = self._rgb(color, index)
        nothing = np.zeros(rgb.shape[:2], dtype=np.float32)
        return RGBDFrame(index, capture.color_timestamp_usec * 1e-6, rgb, nothing, self.intrinsics)

    def time_usec(self, capture: Capture) -> int | None:
        """Device time of a capture's colour; None where it has none."""
        return None if capture.color is None else capture.color_timestamp_usec
