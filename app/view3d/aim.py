"""Where the head is in a frame, and what of the scene is worth drawing."""

from __future__ import annotations

import math
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from dphm_core.frames import TrackedFrame

from .cloud_points import EVERYWHERE, Box

HEAD_RADIUS_M = 0.1
"""From the face's surface to the middle of the head."""
AROUND_HEAD_M = ((-0.32, -0.27, -0.30), (0.32, 0.36, 0.45))
"""Points in this box around the head's middle are drawn, shoulders and hands included; the rest is the room."""


class Aim(IntEnum):
    """What the view is aimed at, from worst to best; something better re-aims it."""

    NOTHING = 0
    IMAGE = 1
    POINTS = 2
    MESH = 3


def find_head(tracked: TrackedFrame) -> tuple[NDArray[np.float64] | None, Aim]:
    """Middle of the head, (3,) metres in the camera frame, by the mesh or else the points, and by which."""
    if tracked.vertices_cam is not None:
        return tracked.vertices_cam.mean(axis=0, dtype=np.float64), Aim.MESH
    points = tracked.observation.points_cam
    if len(points):
        return np.median(points, axis=0).astype(np.float64) + np.array([0.0, 0.0, HEAD_RADIUS_M]), Aim.POINTS
    return None, Aim.IMAGE


def box_around(head_cam: NDArray[np.float64] | None) -> Box:
    """What is drawn of the depth image: what is near the head, or everything where there is none."""
    if head_cam is None:
        return EVERYWHERE
    low, high = (head_cam + np.array(AROUND_HEAD_M)).tolist()
    return Box((low[0], low[1], max(low[2], 0.05)), (high[0], high[1], high[2]))


def turntable_angles(direction: NDArray[np.float64]) -> tuple[float, float]:
    """Azimuth and elevation in degrees of an eye that looks along `direction` (3,), y forward and z up."""
    azimuth = math.degrees(math.atan2(-direction[0], direction[1]))
    return azimuth, math.degrees(-math.asin(direction[2] / float(np.linalg.norm(direction))))
