"""Print what one capture of an Azure Kinect costs the processor in each mode: colour decoded, depth registered to it.

python scripts/kinect_modes.py
"""

from __future__ import annotations

import sys
import timeit
from dataclasses import dataclass
from pathlib import Path
from time import process_time

import cv2
import numpy as np
import pyk4a
from numpy.typing import NDArray

from dphm_core.camera.k4a_calibration import parse_k4a_calibration
from dphm_core.evaluation.camera_benchmark import head_before_wall
from dphm_core.places import DEMO_RECORDING
from dphm_core.sources import open_source
from dphm_core.sources.k4a_capture import COLOR_SIZES, CaptureConverter, CaptureMode
from dphm_core.sources.kinect_settings import COLORS, DEPTHS

CALIBRATION = (Path(__file__).resolve().parents[1] / "tests/camera/data/k4a_calibration.json").read_text()
REPEATS = 40


@dataclass
class Taken:
    """A capture with a picture of the demo and a made-up head's depth."""

    color: NDArray[np.uint8]
    depth: NDArray[np.uint16]
    depth_timestamp_usec: int = 0
    color_timestamp_usec: int = 0


def cost_ms(color: str, depth: str) -> float:
    """Processor milliseconds from a capture to its frame, of all threads; the least, as others may be at work, too."""
    resolution, mode = COLORS[color], pyk4a.DepthMode[DEPTHS[depth]]
    with open_source(DEMO_RECORDING) as demo:
        picture = cv2.cvtColor(cv2.resize(next(demo).color, COLOR_SIZES[resolution]), cv2.COLOR_RGB2BGR)
    depth_m = head_before_wall(parse_k4a_calibration(CALIBRATION).depth_camera(mode))
    taken = Taken(cv2.imencode(".jpg", picture)[1].ravel(), np.round(depth_m * 1000).astype(np.uint16))
    converter = CaptureConverter(CALIBRATION, CaptureMode(int(mode), resolution, "COLOR_MJPG", 30.0))
    return 1000 * min(timeit.repeat(lambda: converter.frame(taken), timer=process_time, number=1, repeat=REPEATS))


if __name__ == "__main__":
    for color, depth in [*((color, "nfov") for color in COLORS), *(("720p", depth) for depth in DEPTHS)]:
        sys.stdout.write(f"| {color} | {depth} | {cost_ms(color, depth):.1f} ms |\n")
