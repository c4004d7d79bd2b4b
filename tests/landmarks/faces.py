"""What the landmark tests share: real images of a face, and a stand-in for what surrounds it."""

from __future__ import annotations

import numpy as np


def on_canvas(image: np.ndarray, size: tuple[int, int], corner: tuple[int, int]) -> np.ndarray:
    """Paste an image at (x, y) on a grey canvas of (width, height)."""
    canvas = np.full((size[1], size[0], *image.shape[2:]), 90, image.dtype)
    x, y = corner
    canvas[y : y + image.shape[0], x : x + image.shape[1]] = image
    return canvas
