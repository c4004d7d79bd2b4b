"""What is kept of a frame: the head's pixels, by where the head is."""

from __future__ import annotations

from itertools import product

import numpy as np

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.camera.normals import SurfaceOptions, oriented_points
from dphm_core.camera.rays import project
from dphm_core.frames import FloatArray, RGBDFrame, Similarity
from dphm_core.landmarks.tables import Region, clip_region

SURFACE = SurfaceOptions(max_jump_m=0.05)
"""The data set's normals end at jumps of 5 cm; the filter before keeps edges."""
LOW: FloatArray = np.array([-0.55, -0.45, -0.1], dtype=np.float32)
HIGH: FloatArray = np.array([0.55, 0.75, 0.5], dtype=np.float32)
"""Box of what is kept, head frame: the data set cuts at y > -0.45 and -0.1 < z < 0.5."""
NEAREST_M = 0.05


def head_points(frame: RGBDFrame, pose: Similarity) -> tuple[FloatArray, FloatArray]:
    """Points (N, 3), metres, and unit normals (N, 3) of a frame's head, camera frame; `pose` is the head's."""
    region, depth_range_m = head_region(pose, frame.intrinsics)
    points, normals, _ = oriented_points(frame.depth_m, frame.intrinsics, region, depth_range_m, 1, SURFACE)
    points_head = pose.to_head(points)
    kept = ((points_head > LOW) & (points_head < HIGH)).all(axis=1)
    return points[kept], normals[kept]


def head_region(pose: Similarity, camera: Intrinsics) -> tuple[Region, tuple[float, float]]:
    """Pixels and depths (metres) among which everything lies that is kept of a head."""
    corners = np.array(list(product(*zip(LOW, HIGH, strict=True))), dtype=np.float32)
    corners_cam = pose.to_camera(corners)
    near, far = float(corners_cam[:, 2].min()), float(corners_cam[:, 2].max())
    pixels = project(corners_cam, camera)
    size = (camera.width, camera.height)
    depth_range_m = max(near, NEAREST_M), max(far, NEAREST_M)
    if not np.isfinite(pixels).all():  # a corner behind the camera, or outside of its lens
        return (0, 0, *size), depth_range_m
    (x0, y0), (x1, y1) = pixels.min(axis=0), pixels.max(axis=0)
    return clip_region((x0, y0, x1, y1), size), depth_range_m
