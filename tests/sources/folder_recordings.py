"""Small recordings in the DPHM-Kinect layout, written plainly (not by the library's own writer)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

WIDTH, HEIGHT = 32, 24
CALIBRATION = {"fx": 30.0, "fy": 31.0, "cx": 15.5, "cy": 11.0, "k1": 0.1, "p1": 0.001, "metric_radius": 1.7}


def color_image(index: int) -> np.ndarray:
    """(H, W, 3) uint8, RGB: red is the frame's index, green and blue are ramps."""
    rows, columns = np.indices((HEIGHT, WIDTH))
    return np.stack([np.full_like(rows, index), 8 * columns, 10 * rows], axis=-1).astype(np.uint8)


def depth_image(index: int) -> np.ndarray:
    """(H, W) uint16: a plane at 500 + index, with one hole."""
    depth = np.full((HEIGHT, WIDTH), 500 + index, dtype=np.uint16)
    depth[0, 0] = 0
    return depth


def make_recording(folder: Path, indices: Iterable[int] = range(4)) -> Path:
    """Write color/, depth/ and calibration.json."""
    for index in indices:
        write_image(folder / f"color/{index:05d}.png", color_image(index)[..., ::-1])
        write_image(folder / f"depth/{index:05d}.png", depth_image(index))
    (folder / "calibration.json").write_text(json.dumps({"color": CALIBRATION}))
    return folder


def write_image(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image)
