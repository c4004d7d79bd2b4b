"""Colour and depth as images that Qt paints."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PyQt5.QtGui import QImage, qRgb

from dphm_core.frames import FloatArray

ANCHORS = (
    (68, 1, 84), (72, 40, 120), (62, 74, 137), (49, 104, 142), (38, 130, 142),
    (31, 158, 137), (53, 183, 121), (109, 205, 89), (180, 222, 44), (253, 231, 37),
)  # fmt: skip
"""Viridis, far to near: it runs from dark to light, so that it can be read without seeing its colours."""
INVALID = (16, 16, 16)
"""Colour of pixels without depth."""
NEAR_FAR = 0.98, 0.05
"""The colours span these quantiles of 1 / depth: what is nearer or farther takes the last colour."""
LEAST_SPAN = 0.01
"""1 / m: of a flat wall, whose noise needs no colours."""
FOLLOWS = 0.1
"""How much of a new frame's span is taken on: else the colours flicker."""


class DepthLevels:
    """Depths as levels of brightness, over a span that follows the scene slowly.

    They are even in 1 / depth: a face shows its relief although the wall behind it is metres away.
    """

    def __init__(self) -> None:
        self._span: NDArray[np.float64] | None = None  # of 1 / depth, near and far

    def levels(self, depth_m: FloatArray) -> NDArray[np.uint8]:
        """Return (H, W) uint8 of (H, W) float32 metres: 255 is near, 1 is far, 0 without depth."""
        valid = depth_m > 0
        inverse = 1 / np.where(valid, depth_m, np.float32(np.inf))
        sample = inverse[::3, ::3][valid[::3, ::3]]
        if sample.size:
            now = np.quantile(sample, NEAR_FAR)
            self._span = now if self._span is None else self._span + FOLLOWS * (now - self._span)
        if self._span is None:
            return np.zeros(depth_m.shape, dtype=np.uint8)
        near, far = self._span
        share = (inverse - np.float32(far)) * np.float32(254 / max(near - far, LEAST_SPAN))
        return np.where(valid, np.clip(share, 0, 254) + 1, 0).astype(np.uint8)


def depth_colors() -> list[int]:
    """Colours of the levels, as Qt writes them."""
    places = np.linspace(1, 255, len(ANCHORS))
    table = np.stack([np.interp(np.arange(256), places, channel) for channel in zip(*ANCHORS, strict=True)], axis=-1)
    table[0] = INVALID
    return [qRgb(*color) for color in table.round().astype(int).tolist()]


DEPTH_COLORS = depth_colors()


def color_image(color: NDArray[np.uint8]) -> QImage:
    """Turn (H, W, 3) uint8 RGB into an image that owns its pixels."""
    height, width = color.shape[:2]
    return QImage(color.tobytes(), width, height, 3 * width, QImage.Format_RGB888).copy()


def depth_image(levels: NDArray[np.uint8]) -> QImage:
    """Turn (H, W) uint8 levels of depth into an image that owns its pixels."""
    return table_image(levels, DEPTH_COLORS)


def table_image(places: NDArray[np.uint8], table: list[int]) -> QImage:
    """Turn (H, W) uint8 places in a table of Qt's colours into an image that owns its pixels."""
    height, width = places.shape
    image = QImage(places.tobytes(), width, height, width, QImage.Format_Indexed8)
    image.setColorTable(table)
    return image.convertToFormat(QImage.Format_RGB32)
