"""Small live recordings, written by the recorder, and their frames."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.frames import RGBDFrame
from dphm_core.recording import StackRecorder

CAMERA = Intrinsics(32, 24, 30, 31, 15.5, 11, k=(0.1, -2, 1, 0.4, -2, 1), p=(1e-4, -2e-4), metric_radius=1.7)


def make_frame(index: int, color: bool = True, time_s: float | None = None) -> RGBDFrame:
    """A smooth coloured picture, and noisy depth with holes up to the largest value."""
    rng = np.random.default_rng(index)
    picture = cv2.resize(rng.integers(0, 256, (3, 4, 3), dtype=np.uint8), (32, 24), interpolation=cv2.INTER_CUBIC)
    depth = rng.integers(400, 900, (24, 32))
    depth[3, 4:8] = 0, 65534, 1, 0
    depth_m = depth.astype(np.float32) * np.float32(0.001)
    return RGBDFrame(index, index / 15 if time_s is None else time_s, picture if color else None, depth_m, CAMERA)


def make_stack(folder: Path, indices: Iterable[int] = range(4)) -> list[RGBDFrame]:
    """Record frames with these indices; every third has no colour."""
    frames = [make_frame(index, color=index % 3 != 1) for index in indices]
    recorder = StackRecorder(folder, CAMERA, 15, "made up")
    for frame in frames:
        recorder.put(frame)
    assert recorder.close().error is None
    return frames
