"""What is on the pictures of a video: the mesh over colour, and the mesh by itself while it turns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.camera.rays import project
from dphm_core.frames import FloatArray, RGBDFrame
from dphm_core.meshing.picture import BACKGROUND, OVERSAMPLING, Framing, Image, draw_mesh, shaded_picture

CROP_MARGIN = 1.15
"""Side of a cut-out picture in those of the box in which the head moves."""
HEAD_MARGIN = 1.12
"""Side of the turntable's picture in those of the head's box, for faces that open their mouth."""


def even(pixels: float) -> int:
    """Nearest even number, as video codecs want widths and heights."""
    return 2 * max(1, round(pixels / 2))


@dataclass(frozen=True)
class Part:
    """What of an image is shown, and how large."""

    left: float
    top: float
    """Of its corner, in pixels of the image."""
    zoom: float
    """Pixels shown per pixel of the image."""
    size: tuple[int, int]
    """(width, height) shown, pixels."""

    @classmethod
    def whole(cls, camera: Intrinsics, height: int) -> Part:
        """All of a camera's image."""
        zoom = height / camera.height
        return cls(0.0, 0.0, zoom, (even(camera.width * zoom), height))

    @classmethod
    def around(cls, pixels: FloatArray, camera: Intrinsics, height: int) -> Part:
        """The square around all these pixels (N, 2) and a margin, as far as the image reaches."""
        low, high = pixels.min(axis=0), pixels.max(axis=0)
        side = min(float((high - low).max()) * CROP_MARGIN, camera.width, camera.height)
        room = np.array([camera.width, camera.height]) - side
        left, top = np.clip((low + high - side) / 2, 0, room).tolist()
        return cls(left, top, height / side, (height, height))

    def place(self, pixels: NDArray[np.floating[Any]]) -> FloatArray:
        """Positions (N, 2) of an image's pixels, whose centres are at whole numbers."""
        return np.asarray((pixels + 0.5 - (self.left, self.top)) * self.zoom - 0.5, dtype=np.float32)

    def finer(self, factor: int) -> Part:
        """The same part with so many times the pixels."""
        width, height = self.size
        return Part(self.left, self.top, self.zoom * factor, (width * factor, height * factor))

    def cut(self, image: Image) -> Image:
        """The part of an image (H, W, 3)."""
        corner = self.place(np.zeros((1, 2)))[0]
        affine = np.array([[self.zoom, 0, corner[0]], [0, self.zoom, corner[1]]])
        shown = cv2.warpAffine(image, affine, self.size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(shown, dtype=np.uint8)


@dataclass(frozen=True)
class Overlay:
    """The colour image with the mesh over it."""

    part: Part
    """What of the image is shown."""
    opacity: float
    """Of the mesh."""

    def draw(self, frame: RGBDFrame, vertices_cam: FloatArray | None, faces: NDArray[np.int32]) -> Image:
        """Picture (H, W, 3) of a frame; without a mesh where (V, 3) `vertices_cam` (metres) is None."""
        fine = self.part.finer(OVERSAMPLING)  # against jagged outlines
        view = fine.cut(_color(frame))
        if vertices_cam is not None:
            placed = fine.place(project(vertices_cam, frame.intrinsics))
            view = draw_mesh(view, placed, vertices_cam, faces, self.opacity)
        return np.asarray(cv2.resize(view, self.part.size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


@dataclass(frozen=True)
class Turntable:
    """The head by itself, with its expressions, turning."""

    size: int
    """Side of the square picture, pixels."""
    turn_s: float
    """Seconds for a turn."""
    framing: Framing
    """What is shown, the same in all pictures."""

    @classmethod
    def around(cls, vertices_head: FloatArray, size: int, turn_s: float) -> Turntable:
        """A turntable that a head (V, 3) fits on, however it is turned."""
        low, high = vertices_head.min(axis=0), vertices_head.max(axis=0)
        centre = ((low + high) / 2).tolist()
        side = float((high - low).max()) * HEAD_MARGIN
        return cls(size, turn_s, Framing((centre[0], centre[1], centre[2]), side))

    def draw(self, vertices_head: FloatArray | None, faces: NDArray[np.int32], time_s: float) -> Image:
        """Picture (S, S, 3) at a time; empty without vertices (V, 3), head frame."""
        if vertices_head is None:
            return np.full((self.size, self.size, 3), BACKGROUND, dtype=np.uint8)
        yaw_deg = 360.0 * (time_s / self.turn_s % 1.0)
        return shaded_picture(vertices_head, faces, self.size, yaw_deg, self.framing)


def _color(frame: RGBDFrame) -> Image:
    if frame.color is not None:
        return frame.color
    return np.full((frame.intrinsics.height, frame.intrinsics.width, 3), BACKGROUND, dtype=np.uint8)
