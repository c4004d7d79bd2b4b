"""Points of a depth image within a box, thinned out evenly: kernels for whoever draws them.

Here and not in the application, whose package has two names, `app` in a checkout and `dphm_app` installed: numba keeps
a kernel's module in its cache, but calls the file by the last part alone, and what was compiled under the one name
could not be loaded under the other.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .bands import kernel

FloatArray = NDArray[np.float32]

COUNT_STEP = 3
"""Of so many rows and columns one is looked at to know how many points there are."""
NEAREST_GREY, DARKER_PER_M = 255.0, 250.0
"""Brightness without a colour image at the box's front, and how much darker a point is for each metre behind that."""


@kernel
def count_inside(depth: FloatArray, rays: FloatArray, limits: FloatArray, region: tuple[int, int, int, int]) -> int:
    """About how many pixels have their point in a box; a sample of rows and columns is looked at.

    Parameters
    ----------
    depth : (H, W) float32
        Metres along z, as of `kernel_input`.
    rays : (H, W, 2) float32
        x/z and y/z of the pixels, as of `kernel_input`.
    limits : (2, 3) float32
        Lowest and highest x, y and z of the box in the camera frame, metres.
    region : tuple
        First column and row of the pixels that are looked at, and those after the last.
    """
    points = 0
    left, top, right, bottom = region
    for row in range(top, bottom, COUNT_STEP):
        for column in range(left, right, COUNT_STEP):
            z = depth[row, column]
            x, y = rays[row, column, 0] * z, rays[row, column, 1] * z
            inside_x = (x >= limits[0, 0]) & (x <= limits[1, 0])
            inside_y = (y >= limits[0, 1]) & (y <= limits[1, 1])
            points += inside_x & inside_y & (z > 0) & (z >= limits[0, 2]) & (z <= limits[1, 2])
    return points * COUNT_STEP * COUNT_STEP


@kernel
def gather_inside(
    depth: FloatArray,
    rays: FloatArray,
    color: NDArray[np.uint8],
    limits: FloatArray,
    region: tuple[int, int, int, int],
    steps: tuple[int, int],
    points: FloatArray,
) -> int:
    """Copy every so many pixels' points and colours; every other row is shifted by half a step, as bricks are.

    Parameters
    ----------
    depth, rays, limits, region
        As for `count_inside`.
    color : (H, W, 3) uint8
        RGB; with no rows where there is none, and what is farther is darker then.
    steps : tuple
        Rows and columns from one point to the next.
    points : (N, 4) float32
        Filled: x, y, z in the camera frame, metres, and colour as red + 256 green + 65,536 blue; zeros after the last.

    Returns
    -------
    int
        How many points there are; N at most.
    """
    left, top, right, bottom = region
    nearest_grey, darker = np.float32(NEAREST_GREY), np.float32(DARKER_PER_M)
    count = 0
    # From a multiple of the steps on, so that the points stay on their pixels where the box moves.
    for row in range(-(-top // steps[0]) * steps[0], bottom, steps[0]):
        shift = (row // steps[0]) % 2 * (steps[1] // 2)
        for column in range(-(-left // steps[1]) * steps[1] + shift, right, steps[1]):
            z = depth[row, column]
            x, y = rays[row, column, 0] * z, rays[row, column, 1] * z
            inside = limits[0, 0] <= x <= limits[1, 0] and limits[0, 1] <= y <= limits[1, 1]
            if not (inside and z > 0 and limits[0, 2] <= z <= limits[1, 2]) or count == len(points):
                continue
            if len(color) == len(depth):
                red, green, blue = color[row, column, 0], color[row, column, 1], color[row, column, 2]
            else:
                grey = nearest_grey - darker * (z - limits[0, 2])
                red = green = blue = np.uint8(min(max(grey, np.float32(40)), np.float32(230)))
            points[count, 0], points[count, 1], points[count, 2] = x, y, z
            points[count, 3] = np.float32(np.int32(red) + 256 * np.int32(green) + 65536 * np.int32(blue))
            count += 1
    points[count:] = 0
    return count
