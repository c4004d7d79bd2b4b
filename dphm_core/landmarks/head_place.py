"""Where the head is: a box in the image and a depth, carried over frames in which no face is detected."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dphm_core.frames import FloatArray
from dphm_core.landmarks.tables import Box, Region, clip_region

NEAR_M, FAR_M = 0.15, 0.25
"""The head reaches this far before and behind the median depth of its face: the nose, and the back of the head."""
MAX_MOVE = 0.5
"""Part of its size that a head moves in the image between two frames, at most."""
MAX_DEPTH_MOVE_M = 0.15
"""Change of the face's median depth between two frames, at most; a hand before the face makes less."""
PIXEL_STEP = 4
"""Every how many rows and columns are looked at to follow a head."""
MIN_PIXELS = 40
"""Looked-at pixels at the head's depth, below which the head is gone."""
FOLLOW_STEPS = 3
"""Each step moves the box by what the part of the head inside it moved; a body that rests holds it back."""


@dataclass(frozen=True)
class HeadPlace:
    """A head's box and depth in one frame."""

    box: Box
    """x0, y0, x1, y1 in pixels, not cut to the image."""
    depth_m: float
    """Median depth of the face, metres."""
    center_offset: NDArray[np.float64] | None = None
    """(3,) mean x, mean y (pixels) and median depth (metres) of what is in the box, less the box's centre and
    `depth_m`; None where they were never seen together."""

    def region(self, image_size: tuple[int, int]) -> Region:
        """The box within an image of (width, height)."""
        return clip_region(self.box, image_size)

    @property
    def depth_range_m(self) -> tuple[float, float]:
        """Nearest and farthest depth of the head, metres."""
        return max(self.depth_m - NEAR_M, 1e-3), self.depth_m + FAR_M

    def reaches(self, box: Box, depth_m: float) -> bool:
        """Whether a head found in the next frame can be this one: heads move less than half their size in a frame."""
        (x, y), (u, v) = (((b[0] + b[2]) / 2, (b[1] + b[3]) / 2) for b in (self.box, box))
        size = max(self.box[2] - self.box[0], self.box[3] - self.box[1])
        return max(abs(u - x), abs(v - y)) < MAX_MOVE * size and abs(depth_m - self.depth_m) < MAX_DEPTH_MOVE_M

    def seen_in(self, depth_m: FloatArray) -> HeadPlace:
        """Remember how the depth image looks here, so that `followed_in` can find it again."""
        center = self._center(depth_m)
        return HeadPlace(self.box, self.depth_m, None if center is None else center - self._own_center())

    def followed_in(self, depth_m: FloatArray) -> HeadPlace | None:
        """Find the place in a later depth image, (H, W) float32 metres; None where nothing is at the head's depth."""
        place = self
        for _ in range(FOLLOW_STEPS):
            center = place._center(depth_m)
            if center is None:
                return None
            if self.center_offset is None:
                return place
            dx, dy, dz = center - self.center_offset - place._own_center()
            x0, y0, x1, y1 = place.box
            place = HeadPlace((x0 + dx, y0 + dy, x1 + dx, y1 + dy), place.depth_m + dz, self.center_offset)
        return place

    def _own_center(self) -> NDArray[np.float64]:
        x0, y0, x1, y1 = self.box
        return np.array([(x0 + x1) / 2, (y0 + y1) / 2, self.depth_m])

    def _center(self, depth_m: FloatArray) -> NDArray[np.float64] | None:
        """(3,) mean x, mean y and median depth of the pixels in the box at the head's depth."""
        x0, y0, x1, y1 = self.region((depth_m.shape[1], depth_m.shape[0]))
        inside = depth_m[y0:y1:PIXEL_STEP, x0:x1:PIXEL_STEP]
        near, far = self.depth_range_m
        rows, columns = np.nonzero((inside > near) & (inside < far))
        if len(rows) < MIN_PIXELS:
            return None
        x, y = x0 + PIXEL_STEP * columns.mean(), y0 + PIXEL_STEP * rows.mean()
        return np.array([x, y, np.median(inside[rows, columns])])
