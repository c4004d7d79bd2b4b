"""The head's axes, with their letters, and the camera's frustum: as line segments."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.camera.rays import undistort

FloatArray = NDArray[np.float32]

AXIS_M = 0.08
LETTER_M = 0.010
"""Height of the letters."""
AXIS_COLORS = ((0.835, 0.369, 0.0), (0.0, 0.62, 0.451), (0.80, 0.47, 0.65))
"""x vermilion, y bluish green, z reddish purple (after Okabe and Ito); unlike the blue mesh."""
LETTERS = (
    (((-0.5, -1.0), (0.5, 1.0)), ((-0.5, 1.0), (0.5, -1.0))),
    (((-0.5, 1.0), (0.0, 0.0)), ((0.5, 1.0), (0.0, 0.0)), ((0.0, 0.0), (0.0, -1.0))),
    (((-0.5, 1.0), (0.5, 1.0)), ((0.5, 1.0), (-0.5, -1.0)), ((-0.5, -1.0), (0.5, -1.0))),
)
"""Strokes of X, Y and Z, to the right and up, in halves of their height."""
LETTER_AT = np.array([[AXIS_M + LETTER_M, 0.0, 0.0], [0.0, AXIS_M + LETTER_M, 0.0], [0.0, LETTER_M, AXIS_M]])
FRUSTUM_M = 0.25
"""Depth of the camera's frustum."""
FRUSTUM_COLOR = (0.90, 0.62, 0.0)
"""Orange, which shows on dark and light."""
SIDE_POINTS = 4
"""Pieces that a side of the image is drawn in: a lens bends it."""


def head_axes() -> tuple[FloatArray, FloatArray]:
    """Segments (N, 2, 3), metres, in the head's directions, and colours (N, 3)."""
    segments, colors = [], []
    for axis, color in enumerate(AXIS_COLORS):
        segments.append((np.zeros(3), AXIS_M * np.eye(3)[axis]))
        for stroke in LETTERS[axis]:
            ends = [LETTER_AT[axis] + LETTER_M / 2 * np.array([right, up, 0.0]) for right, up in stroke]
            segments.append((ends[0], ends[1]))
        colors += [color] * (1 + len(LETTERS[axis]))
    return np.array(segments, dtype=np.float32), np.array(colors, dtype=np.float32)


def frustum(camera: Intrinsics) -> tuple[FloatArray, FloatArray]:
    """Segments (N, 2, 3), metres, camera frame, of what a camera sees to a certain depth, and colours (N, 3)."""
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], dtype=np.float64)
    along = np.linspace(0, 1, SIDE_POINTS, endpoint=False)[None, :, None]
    outline = (corners[:, None] * (1 - along) + np.roll(corners, -1, axis=0)[:, None] * along).reshape(-1, 2)
    pixels = outline * (camera.width, camera.height) - 0.5
    rays = undistort((pixels - (camera.cx, camera.cy)) / (camera.fx, camera.fy), camera)
    rim = np.column_stack([rays, np.ones(len(rays))]) * FRUSTUM_M
    edges = np.stack([np.zeros((4, 3)), rim[::SIDE_POINTS]], axis=1)
    segments = np.concatenate([edges, np.stack([rim, np.roll(rim, -1, axis=0)], axis=1)])
    segments = segments[np.isfinite(segments).all(axis=(1, 2))]  # a wide lens' corners may have no rays
    return segments.astype(np.float32), np.tile(np.float32(FRUSTUM_COLOR), (len(segments), 1))
