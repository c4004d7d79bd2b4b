"""The program's mark, a head of points lit from the upper left: drawn in code, so that it is sharp at any size."""

from __future__ import annotations

import numpy as np
from PyQt5.QtCore import QPointF, QRectF, Qt
from PyQt5.QtGui import QColor, QIcon, QImage, QLinearGradient, QPainter, QPixmap

from dphm_core.frames import FloatArray

SIZES = (16, 24, 32, 48, 64, 128, 256)
TOP, BOTTOM = "#2a3a55", "#121a28"
"""Of the rounded square behind the points."""
LIT, SHADED = "#a8d0ff", "#2f6fd0"
"""Of points in the light and in the shade."""
CORNER = 0.22
"""Radius of the square's corners, of its side."""
POINTS_ACROSS = 17
LEAST_PITCH = 2.6
"""Pixels between two points where the mark is small: fewer points, so that they stay apart."""
LIGHT = np.array([-0.45, -0.55, 0.70])


def draw_icon(side: int, pixel_ratio: float = 1.0) -> QPixmap:
    """Draw the mark for a label, `side` logical pixels high. Needs the application; lives on the GUI thread."""
    pixmap = QPixmap.fromImage(icon_image(round(side * pixel_ratio)))
    pixmap.setDevicePixelRatio(pixel_ratio)
    return pixmap


def window_icon() -> QIcon:
    """Draw the mark in all sizes that desktops ask for."""
    icon = QIcon()
    for size in SIZES:
        icon.addPixmap(draw_icon(size))
    return icon


def icon_image(side: int) -> QImage:
    """Draw the mark as a square image of `side` pixels; needs no running application."""
    image = QImage(side, side, QImage.Format_ARGB32_Premultiplied)
    image.fill(Qt.transparent)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.Antialiasing)
    painter.setPen(Qt.NoPen)
    background = QLinearGradient(0, 0, 0, side)
    background.setColorAt(0, QColor(TOP))
    background.setColorAt(1, QColor(BOTTOM))
    painter.setBrush(background)
    painter.drawRoundedRect(QRectF(0, 0, side, side), CORNER * side, CORNER * side)
    pitch = max(1 / POINTS_ACROSS, LEAST_PITCH / side)
    points = _raster(pitch)
    for (x, y), light in zip(points, _brightness(points), strict=True):
        if np.isfinite(light):
            painter.setBrush(_mixed(light))
            radius = side * pitch * (0.16 + 0.34 * light)
            painter.drawEllipse(QPointF(x * side, y * side), radius, radius)
    painter.end()
    return image


def _raster(pitch: float) -> FloatArray:
    """(N, 2) places in 0..1, in rows that are set off against each other, with one in the middle."""
    rows = np.arange(pitch, 1 - pitch / 2, pitch * 0.87)
    return np.concatenate(
        [
            np.stack(np.broadcast_arrays(0.5 + pitch * (np.arange(-12, 13) + 0.5 * (number % 2)), y), axis=-1)
            for number, y in enumerate(rows)
        ]
    ).astype(np.float32)


def _brightness(points: FloatArray) -> FloatArray:
    """(N,) light in 0..1 on the head's surface at (N, 2) places; NaN beside it."""
    step = 1e-3
    x, y = points.T
    height = _height(x, y)
    slope_x = (_height(x + step, y) - height) / step
    slope_y = (_height(x, y + step) - height) / step
    normal = np.stack([-slope_x, -slope_y, np.ones_like(x)], axis=-1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    return np.clip(0.12 + 0.88 * (normal @ LIGHT), 0.08, 1.0)


def _height(x: FloatArray, y: FloatArray) -> FloatArray:
    """Height of the head, neck and shoulders above the picture's plane; NaN beside them."""
    across, down = x - 0.5, y - 0.42
    jaw = 1 - 0.22 * np.clip(down / 0.34, 0, 1) ** 2  # narrower towards the chin
    head = 0.26 * _dome(across / (0.26 * jaw), down / 0.34)
    nose = 0.05 * _bump(across, down - 0.07, 0.022, 0.05)
    eyes = sum(-0.035 * _bump(across - side * 0.1, down + 0.01, 0.042, 0.03) for side in (-1, 1))
    mouth = -0.018 * _bump(across, down - 0.185, 0.07, 0.014)
    neck = _dome(across / 0.13, np.where(y > 0.6, 0.0, 2.0))
    shoulders = _dome(across / 0.42, (y - 1.07) / 0.26)
    body = 0.14 * np.fmax(neck, shoulders) - 0.05
    return np.fmax(head + nose + eyes + mouth, body)


def _dome(x: FloatArray, y: FloatArray) -> FloatArray:
    below = 1 - x**2 - y**2
    return np.sqrt(np.where(below > 0, below, np.nan))


def _bump(x: FloatArray, y: FloatArray, wide: float, high: float) -> FloatArray:
    return np.exp(-0.5 * ((x / wide) ** 2 + (y / high) ** 2))


def _mixed(light: float) -> QColor:
    lit, shaded = QColor(LIT), QColor(SHADED)
    parts = ((getattr(lit, name)(), getattr(shaded, name)()) for name in ("red", "green", "blue"))
    return QColor(*(round(light * bright + (1 - light) * dark) for bright, dark in parts))
