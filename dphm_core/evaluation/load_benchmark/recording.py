"""A recording as a Kinect makes it at 1080p, full of depth and noise, to measure the load of a live camera with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.camera.k4a_calibration import DepthMode
from dphm_core.frames import FloatArray, RGBDFrame
from dphm_core.places import DEMO_RECORDING
from dphm_core.sources import open_source
from dphm_core.sources.mkv_writer import MkvWriter
from dphm_core.sources.selection import SelectedFrames, Selection

SIZE = (1920, 1080)
"""Width and height of the colour image."""
WALL_M = 1.4
"""Behind the head: the demo has none, and a real camera's depth image is full."""
SHADOW_PX = 25
"""Around what has depth, left without: so holes stay holes."""
GRAIN = 3.0
"""Standard deviation of the colour's noise, of 255. The JPEGs have 0.45 MB then; a real camera's of a desk has 0.22 MB
at 720p, less than half the size."""


def write_load_recording(path: Path, frames: int) -> None:
    """Write the demo's first frames in the size of a 1080p camera: MJPEG colour, raw depth of 640×576 beside it.

    Raises
    ------
    SourceError, OutputError
        The demo cannot be read, or the file not be written.
    """
    rng = np.random.default_rng(0)
    with SelectedFrames(open_source(DEMO_RECORDING), Selection(stop=frames)) as demo:
        camera = enlarged(demo.info.intrinsics)
        with MkvWriter(path, camera, demo.info.fps, DepthMode.NFOV_UNBINNED) as writer:
            for frame in demo:
                writer.write(_color(frame, rng), _depth(frame), frame.timestamp_s)


def enlarged(camera: Intrinsics) -> Intrinsics:
    """The camera of images of the size `SIZE`, which has the same proportions."""
    scale = SIZE[0] / camera.width
    return replace(
        camera,
        width=SIZE[0],
        height=SIZE[1],
        fx=camera.fx * scale,
        fy=camera.fy * scale,
        cx=(camera.cx + 0.5) * scale - 0.5,
        cy=(camera.cy + 0.5) * scale - 0.5,
    )


def _color(frame: RGBDFrame, rng: np.random.Generator) -> NDArray[np.uint8] | None:
    if frame.color is None:
        return None
    large = cv2.resize(frame.color, SIZE, interpolation=cv2.INTER_LINEAR)
    grain = rng.standard_normal(large.shape, dtype=np.float32) * np.float32(GRAIN)
    return np.clip(large + grain, 0, 255).astype(np.uint8)


def _depth(frame: RGBDFrame) -> FloatArray:
    side = 2 * SHADOW_PX + 1
    near = cv2.dilate((frame.depth_m > 0).astype(np.uint8), np.ones((side, side), dtype=np.uint8))
    full = np.where(near > 0, frame.depth_m, np.float32(WALL_M))
    return np.asarray(cv2.resize(full, SIZE, interpolation=cv2.INTER_NEAREST), dtype=np.float32)
