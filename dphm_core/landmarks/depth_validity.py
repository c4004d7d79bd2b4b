"""What became of each depth pixel around a head: whether it is used, and why not."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from dphm_core.camera.normals import DEFAULTS, SurfaceOptions, oriented_points
from dphm_core.frames import HeadArea, RGBDFrame

NEAREST_M, FARTHEST_M = 0.3, 1.2
"""Where a head can be tracked; nearer the sensor saturates, farther it has too few pixels of the face."""


class Validity(IntEnum):
    """What became of a depth pixel."""

    USED = 0
    """It became a point of the head."""
    USED_FAR_OFF = 1
    """It became a point, though its depth is outside of what suits: 0.3 to 1.2 m."""
    HOLE = 2
    """It has no depth."""
    EDGE = 3
    """It has the head's depth, but lies at an edge, beside a hole, or between two surfaces: it has no normal."""
    FAR_OFF = 4
    """It is neither the head nor between 0.3 and 1.2 m."""
    OTHER = 5
    """It is before the head or behind it."""


def depth_validity(frame: RGBDFrame, area: HeadArea, surface: SurfaceOptions = DEFAULTS) -> NDArray[np.uint8]:
    """Tell what became of each pixel around a head, by the very steps that make the head's points.

    Observing takes every `area.step`-th row and column; here each pixel is told as if it had been its turn.

    Parameters
    ----------
    frame : RGBDFrame
        What the camera saw.
    area : HeadArea
        Where the head was looked for in it, as its observation tells.
    surface : SurfaceOptions
        Filter and normals, the observer's.

    Returns
    -------
    (y1 − y0, x1 − x0) uint8
        A `Validity` per pixel of the area's region.
    """
    x0, y0, x1, y1 = area.region
    depth_m = frame.depth_m[y0:y1, x0:x1]
    near, far = area.depth_range_m
    suits = (depth_m >= NEAREST_M) & (depth_m <= FARTHEST_M)
    validity = np.where(suits, Validity.OTHER, Validity.FAR_OFF).astype(np.uint8)
    validity[(depth_m >= near) & (depth_m <= far)] = Validity.EDGE
    validity[~(depth_m > 0)] = Validity.HOLE  # NaN, too
    _, _, pixels = oriented_points(frame.depth_m, frame.intrinsics, area.region, area.depth_range_m, 1, surface)
    columns, rows = pixels.astype(np.intp).T
    used = rows - y0, columns - x0
    validity[used] = np.where(suits[used], Validity.USED, Validity.USED_FAR_OFF)
    return validity
