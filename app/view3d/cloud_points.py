"""Which pixels of a depth image are drawn: those around the head, thinned out evenly to a number that draws fast."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dphm_core.camera.bands import kernel_input
from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.camera.rays import project, ray_table
from dphm_core.camera.thinning import count_inside, gather_inside
from dphm_core.frames import RGBDFrame

MAX_POINTS = 40_000
"""More are thinned out: software OpenGL draws so many in a few milliseconds."""
SLACK = 0.93
"""Points are drawn more densely again only once this much of `MAX_POINTS` suffices: the spacing shall not flicker."""
NO_COLOR = np.zeros((0, 1, 3), dtype=np.uint8)
"""A capture without colour is drawn in greys."""
STEPS = tuple((rows, rows + more) for rows in range(1, 64) for more in (0, 1))
"""Spacings in rows and columns, ever wider."""


@dataclass(frozen=True)
class Box:
    """A box in the camera frame, metres."""

    low: tuple[float, float, float]
    high: tuple[float, float, float]

    def region(self, camera: Intrinsics) -> tuple[int, int, int, int]:
        """First column and row, and those after the last, of its pixels."""
        whole = (0, 0, camera.width, camera.height)
        if self.low[2] <= 0:
            return whole
        corners = np.array(list(itertools.product(*zip(self.low, self.high, strict=True))))
        pixels = project(corners, camera)
        if not np.isfinite(pixels).all():
            return whole
        (left, top), (right, bottom) = np.floor(pixels.min(axis=0)), np.ceil(pixels.max(axis=0))
        columns = np.clip((left, right + 1), 0, camera.width).astype(int)
        rows = np.clip((top, bottom + 1), 0, camera.height).astype(int)
        return int(columns[0]), int(rows[0]), int(columns[1]), int(rows[1])


EVERYWHERE = Box((-math.inf, -math.inf, 0.0), (math.inf, math.inf, math.inf))


class CloudPoints:
    """Chosen points of one frame after the other, in the same memory.

    Attributes
    ----------
    points : (MAX_POINTS, 4) float32
        Position in the camera frame, metres, and colour as red + 256 green + 65,536 blue; all zero after the last.
    spacing_m : float
        Distance of neighbouring points at a depth of 1 m.
    """

    def __init__(self) -> None:
        self.points = np.zeros((MAX_POINTS, 4), dtype=np.float32)
        self.spacing_m = 0.0
        self._density = 0

    def take(self, frame: RGBDFrame, box: Box = EVERYWHERE) -> int:
        """Fill the array with a frame's points within a box; how many there are."""
        camera = frame.intrinsics
        depth, rays = kernel_input(frame.depth_m), kernel_input(ray_table(camera))
        region, limits = box.region(camera), np.array([box.low, box.high], dtype=np.float32)
        self._density = _density(count_inside(depth, rays, limits, region), self._density)
        rows, columns = STEPS[self._density]
        self.spacing_m = math.sqrt(rows * columns) / min(camera.fx, camera.fy)
        color = _fixed(NO_COLOR if frame.color is None else frame.color)
        return int(gather_inside(depth, rays, color, limits, region, (rows, columns), self.points))


def _density(points: int, before: int) -> int:
    """Index of the closest spacing for so many points, or the one before where that is nearly as good."""
    best = next(index for index, (rows, columns) in enumerate(STEPS) if points <= MAX_POINTS * rows * columns)
    if best + 1 == before and points > SLACK * MAX_POINTS * math.prod(STEPS[best]):
        return before
    return best


def _fixed(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """View an image as the kernel takes it: contiguous, read-only."""
    view = np.ascontiguousarray(image).view()
    view.flags.writeable = False
    return view
