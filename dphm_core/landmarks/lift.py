"""Landmarks in the image → points in space, through the registered depth image."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.camera.rays import check_image_size, undistort
from dphm_core.frames import FaceLandmarks, FloatArray

WINDOW = 5
"""Side of the window around a landmark, pixels."""
SAME_SURFACE_M = 0.01
"""Depths within this of the window's median belong to the landmark's surface."""
MIN_SAME = 0.7
"""Part of the window that must be of one surface: less at a silhouette or in a hole."""
MIN_LIFTED = 0.1
"""Part of the landmarks that must have depth for the face's depth to be known."""


def lift_landmarks(pixels: NDArray[np.floating[Any]], depth_m: FloatArray, intrinsics: Intrinsics) -> FloatArray:
    """Lift landmarks to 3-D by the median depth of a small window around each.

    Parameters
    ----------
    pixels : (N, 2)
        x and y, pixels; they may lie outside the image.
    depth_m : (H, W) float32
        Metres along the optical axis, 0 where invalid.
    intrinsics : Intrinsics
        The camera of both.

    Returns
    -------
    (N, 3) float32
        Metres, camera frame; NaN where the depth has a hole or jumps, or the pixel lies outside the image.
    """
    check_image_size(depth_m, intrinsics)
    pixels = np.asarray(pixels, dtype=np.float64)
    depth = _surface_depth(pixels, depth_m)
    rays = undistort((pixels - (intrinsics.cx, intrinsics.cy)) / (intrinsics.fx, intrinsics.fy), intrinsics)
    return np.column_stack([rays * depth[:, None], depth]).astype(np.float32)


def face_depth(landmarks: FaceLandmarks) -> float | None:
    """Median depth of a face, metres; None where too little of it has depth."""
    depth = landmarks.points_cam[:, 2]
    known = depth[np.isfinite(depth)]
    return float(np.median(known)) if len(known) > MIN_LIFTED * len(depth) else None


def _surface_depth(pixels: NDArray[np.float64], depth_m: FloatArray) -> NDArray[np.float64]:
    """(N,) median depth of each pixel's surroundings, NaN where they are not one surface."""
    windows = _windows(pixels, depth_m)  # (N, WINDOW²)
    known = np.isfinite(windows)
    enough = known.mean(axis=1) >= MIN_SAME
    depth = np.full(len(pixels), np.nan)
    if not enough.any():
        return depth
    windows = windows[enough]
    medians = np.nanmedian(windows, axis=1)
    same = np.abs(windows - medians[:, None]) <= SAME_SURFACE_M  # NaN: not the same
    medians[same.mean(axis=1) < MIN_SAME] = np.nan
    depth[enough] = medians
    return depth


def _windows(pixels: NDArray[np.float64], depth_m: FloatArray) -> NDArray[np.float64]:
    """(N, WINDOW²) float64: depths around each pixel; NaN for holes and outside the image."""
    height, width = depth_m.shape
    finite = np.where(np.isfinite(pixels), pixels, -1e6)
    columns, rows = np.clip(np.rint(finite), -1e6, 1e6).astype(int).T
    dy, dx = (offsets.ravel() for offsets in np.indices((WINDOW, WINDOW)) - WINDOW // 2)
    rows, columns = rows[:, None] + dy, columns[:, None] + dx
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    depths = depth_m[np.where(inside, rows, 0), np.where(inside, columns, 0)].astype(np.float64)
    return np.where(inside & (depths > 0), depths, np.nan)
