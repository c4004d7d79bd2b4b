"""What became of each depth pixel around the head: an image in colours and patterns, with its legend."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PyQt5.QtCore import QPointF, QRectF, Qt
from PyQt5.QtGui import QColor, QImage, QPainter, QPalette

from dphm_core.landmarks.depth_validity import FARTHEST_M, NEAREST_M, Validity

from .pictures import table_image

RANGE = f"{NEAREST_M:g}–{FARTHEST_M:g} m"
NOTHING = "No head is known"
TITLE = "of the face"
SWATCH, GAP, ROW = 13, 6, 18
"""Pixels: side of a legend's field, between things, height of its rows."""
LEAST_IMAGE = 60
"""Pixels that the legend leaves to the image, or else it is left out."""
TILE = 6
"""Patterns repeat after so many pixels of the screen."""
DARKER = 170
"""Of the patterns' lines, as Qt tells it: per cent."""
STRONG = 0.005
"""Parts of the area below this are written as less than 1 %."""
_Y, _X = np.indices((TILE, TILE))
PLAIN = np.zeros((TILE, TILE), dtype=bool)


@dataclass(frozen=True)
class Look:
    """How a kind of pixel looks."""

    name: str
    """In the legend."""
    color: str
    """After Okabe and Ito; grey for what does not matter."""
    lines: NDArray[np.bool_]
    """(TILE, TILE): where its pattern is darker."""
    tip: str
    """What it means."""


LOOKS = {
    Validity.USED: Look("used", "#009e73", PLAIN, "points that the head is fitted to"),
    Validity.USED_FAR_OFF: Look(
        "used, off range", "#f0e442", (_X % 3 == 0) & (_Y % 3 == 0), f"fitted to, but not within {RANGE}"
    ),
    Validity.HOLE: Look("no depth", "#d55e00", (_X == _Y) | (_X + _Y == TILE - 1), "the camera measured nothing"),
    Validity.EDGE: Look(
        "edge, removed", "#56b4e9", (_X + _Y) % TILE < 2, "at an edge, or hanging between two surfaces"
    ),
    Validity.FAR_OFF: Look(f"off {RANGE}", "#0072b2", _Y % 3 == 0, "what is not the head, and nearer or farther"),
    Validity.OTHER: Look("not the head", "#777b82", PLAIN, "before the head or behind it"),
}
TIP = "What became of the depth around the head, and how much of the face that is:\n" + "\n".join(
    f"{look.name}: {look.tip}" for look in LOOKS.values()
)
PATTERNS = np.stack([LOOKS[kind].lines for kind in Validity]).astype(np.uint8)
COLORS = [
    shade.rgb() for kind in Validity for shade in (QColor(LOOKS[kind].color), QColor(LOOKS[kind].color).darker(DARKER))
]


@dataclass(frozen=True)
class ValidityMap:
    """What became of the pixels of one frame's head."""

    kinds: NDArray[np.uint8]
    """(H, W), a `Validity` each."""
    shares: tuple[float, ...]
    """Part of the face's pixels of each kind."""

    @classmethod
    def of(cls, kinds: NDArray[np.uint8], face: tuple[slice, slice]) -> ValidityMap:
        """Count those in the face's rows and columns."""
        counted = kinds[face]
        counts = np.bincount(counted.ravel(), minlength=len(Validity))
        return cls(kinds, tuple((counts / max(counted.size, 1)).tolist()))


def validity_image(kinds: NDArray[np.uint8], width: int, height: int) -> QImage:
    """Draw (H, W) kinds as so many pixels of the screen, with their patterns."""
    rows, columns = (np.arange(size) * have // size for size, have in zip((height, width), kinds.shape, strict=True))
    small = kinds[rows[:, None], columns]
    dark = PATTERNS[small, (np.arange(height) % TILE)[:, None], np.arange(width) % TILE]
    return table_image(2 * small + dark, COLORS)


def share_text(share: float) -> str:
    """In per cent: "12 %"."""
    return f"{share:.0%}".replace("%", " %") if share >= STRONG or share == 0 else "<1 %"


class ValidityPicture:
    """Paints the newest map and its legend. Lives on the GUI thread."""

    def __init__(self) -> None:
        self._map: ValidityMap | None = None
        self._image: QImage | None = None

    def set_map(self, found: ValidityMap | None) -> None:
        """Paint another map from now on; None where no head is known."""
        self._map, self._image = (found if found is not None and found.kinds.size else None), None

    def paint(self, painter: QPainter, room: QRectF, palette: QPalette, density: float) -> None:
        """Paint the image at the left and the legend at the right of a room; density: screen pixels per pixel."""
        if self._map is None:
            painter.setPen(palette.color(QPalette.PlaceholderText))
            painter.drawText(room, Qt.AlignCenter, NOTHING)
            return
        legend = _legend_width(painter)
        beside = room.width() - legend - GAP
        if beside >= LEAST_IMAGE:
            self._paint_legend(painter, QRectF(room).adjusted(room.width() - legend, 0, 0, 0), palette)
            room = QRectF(room.left(), room.top(), beside, room.height())
        self._paint_image(painter, room, density)

    def _paint_image(self, painter: QPainter, room: QRectF, density: float) -> None:
        """As large as there is room, in its middle."""
        assert self._map is not None
        height, width = self._map.kinds.shape
        scale = min(room.width() / width, room.height() / height)
        size = max(1, round(scale * width * density)), max(1, round(scale * height * density))
        if self._image is None or (self._image.width(), self._image.height()) != size:
            self._image = validity_image(self._map.kinds, *size)
        place = QRectF(0, 0, size[0] / density, size[1] / density)
        place.moveCenter(room.center())
        painter.drawImage(place, self._image)

    def _paint_legend(self, painter: QPainter, room: QRectF, palette: QPalette) -> None:
        """A field with its pattern, the part of the area, and a name for each kind."""
        assert self._map is not None
        share_width = painter.fontMetrics().horizontalAdvance("100 %")
        painter.setPen(palette.color(QPalette.PlaceholderText))
        left = room.left() + SWATCH + GAP
        painter.drawText(QRectF(left, room.top(), 1000.0, SWATCH), Qt.AlignVCenter, TITLE)
        for row, kind in enumerate(kinds_told(self._map.shares, int(room.height() // ROW) - 1), start=1):
            share = self._map.shares[kind]
            line = QRectF(left, room.top() + row * ROW, 1000.0, SWATCH)
            swatch = validity_image(np.full((1, 1), kind, dtype=np.uint8), SWATCH, SWATCH)
            painter.drawImage(QPointF(room.left(), line.top()), swatch)
            painter.setPen(palette.color(QPalette.Text if share else QPalette.PlaceholderText))
            painter.drawText(
                QRectF(line.topLeft(), line.bottomLeft() + QPointF(share_width, 0)), ALIGNED, share_text(share)
            )
            name = line.translated(share_width + GAP, 0)
            painter.drawText(name, Qt.AlignLeft | Qt.AlignVCenter, LOOKS[kind].name)


def kinds_told(shares: tuple[float, ...], rows: int) -> list[Validity]:
    """Kinds that a legend of so many rows has room for, in their usual order: where it has few, the largest shares."""
    largest = sorted(LOOKS, key=lambda kind: -shares[kind])[: max(rows, 0)]
    return [kind for kind in LOOKS if kind in largest]


def _legend_width(painter: QPainter) -> float:
    metrics = painter.fontMetrics()
    names = max(metrics.horizontalAdvance(look.name) for look in LOOKS.values())
    return float(SWATCH + names + metrics.horizontalAdvance("100 %") + 3 * GAP)


ALIGNED = Qt.AlignRight | Qt.AlignVCenter
