"""Which landmark lies at which of the head model's anchors, and where the head is around a face's landmarks.

Anchors are those of NPHM (39 points); "l" in their names is the subject's right (x < 0).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

LANDMARK_COUNT = 478
"""MediaPipe: 468 of the face mesh and 10 of the irises."""

ANCHOR_OF_MEDIAPIPE: dict[int, int] = {
    61: 0,  # mouth corner, subject's right
    291: 1,  # mouth corner, left
    133: 10,  # inner eye corner, right
    362: 11,  # inner eye corner, left
    33: 12,  # outer eye corner, right
    263: 13,  # outer eye corner, left
    15: 34,  # lower lip
    11: 35,  # upper lip
}
"""MediaPipe landmark → anchor: the 8 pairs of the DPHM paper's landmark term."""

ANCHOR_OF_WFLW: dict[int, int] = {
    76: 0,
    82: 1,
    79: 35,
    85: 34,
    16: 38,
    54: 33,
    64: 10,
    60: 12,
    68: 11,
    72: 13,
    35: 8,
    44: 9,
}
"""Landmark of the WFLW 98-point scheme (PIPNet) → anchor."""

SIDE_REACH = 0.85
"""From the middle of the face to the side of the head, in face heights: in profile the ear and occiput lie so far."""
TOP_REACH = 0.45
"""From the highest landmark, at the hairline, to the top of the head, in face heights."""
CHIN_REACH = 0.15
"""From the lowest landmark to below the chin, in face heights."""
WIDTH_TO_HEIGHT = 1.2
"""Height of a face by its width, where the face nods and its height in the image shrinks."""

Region = tuple[int, int, int, int]
"""x0, y0, x1, y1 in pixels; x1 and y1 are not part of it."""
Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 in pixels, possibly outside the image."""


def head_region(pixels: NDArray[np.floating[Any]], image_size: tuple[int, int], margin: float = 0.0) -> Region:
    """Box of the whole head (forehead, ears, chin) around a face's landmarks.

    Parameters
    ----------
    pixels : (478, 2)
        x and y of the landmarks, pixels.
    image_size : (int, int)
        Width and height of the image, pixels.
    margin : float
        Added on all sides, in face heights.

    Returns
    -------
    (x0, y0, x1, y1)
        Pixels, x1 and y1 exclusive, within the image; empty (x0 = x1) where the head lies outside it.
    """
    return clip_region(head_box(pixels, margin), image_size)


def head_box(pixels: NDArray[np.floating[Any]], margin: float = 0.0) -> Box:
    """Compute the same box before it is cut to the image."""
    (left, top), (right, bottom) = pixels.min(axis=0), pixels.max(axis=0)
    face = max(bottom - top, WIDTH_TO_HEIGHT * (right - left))
    middle, side = (left + right) / 2, (SIDE_REACH + margin) * face
    above, below = (TOP_REACH + margin) * face, (CHIN_REACH + margin) * face
    return float(middle - side), float(top - above), float(middle + side), float(bottom + below)


def clip_region(box: Box, image_size: tuple[int, int]) -> Region:
    """Round a box outwards to whole pixels within an image of (width, height)."""
    width, height = image_size
    x0, y0 = np.clip(np.floor(box[:2]), 0, (width, height)).astype(int)
    x1, y1 = np.clip(np.ceil(box[2:]), (x0, y0), (width, height)).astype(int)
    return int(x0), int(y0), int(x1), int(y1)
