"""Small pictures of one tracked frame, drawn on the CPU: colour, points, mesh over colour, mesh from the side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.camera.rays import project, unproject
from dphm_core.frames import FloatArray, RGBDFrame
from dphm_core.meshing.picture import BACKGROUND, FROM_HEAD, SKIN, Image, draw_mesh, turn

LANDMARK = (60, 255, 120)
OPACITY = 0.85
"""Of the mesh over the colour image."""
CROP_MARGIN = 2.0
"""Side of the crop, in sides of the face's box."""
MIN_SIDE_PX = 16.0
"""Smallest crop."""
VIEW_SIZE_M = 0.3
"""Side of the turned views at the face's depth."""
CLOUD_RADIUS_M = 0.2
"""Points this near the face's middle are shown."""
CLOUD_YAW_DEG, MESH_YAW_DEG = 25.0, 35.0


@dataclass(frozen=True)
class Window:
    """A square part of an image, shown `size` pixels wide."""

    left: float
    """Image pixels, to the left border."""
    top: float
    """Image pixels, to the upper border."""
    side: float
    """Image pixels that it shows, across and down."""
    size: int
    """Pixels of the window, across and down."""

    def place(self, pixels: NDArray[np.floating[Any]]) -> FloatArray:
        """Positions (N, 2) in the window of image pixels (N, 2)."""
        moved = (pixels - (self.left, self.top)) * (self.size / self.side)
        return moved.astype(np.float32)


def window_around(frame: RGBDFrame, face_cam: FloatArray | None, size: int) -> Window:
    """Window around the points (N, 3) of a face, or on the whole image where there is none."""
    camera = frame.intrinsics
    side, middle = float(max(camera.width, camera.height)), np.array([camera.width / 2, camera.height / 2])
    pixels = np.zeros((0, 2)) if face_cam is None else project(face_cam, camera)
    pixels = pixels[np.isfinite(pixels).all(axis=1)]
    if len(pixels):
        low, high = pixels.min(axis=0), pixels.max(axis=0)
        side, middle = max(float((high - low).max()) * CROP_MARGIN, MIN_SIDE_PX), (low + high) / 2
    return Window(float(middle[0] - side / 2), float(middle[1] - side / 2), side, size)


def empty_view(size: int) -> Image:
    """A view with nothing in it."""
    return np.full((size, size, 3), BACKGROUND, dtype=np.uint8)


def color_view(frame: RGBDFrame, window: Window, landmarks_cam: FloatArray | None = None) -> Image:
    """The colour image, with landmarks (L, 3) as dots; NaN ones are left out."""
    if frame.color is None:
        return empty_view(window.size)
    zoom = window.size / window.side
    affine = np.array([[zoom, 0, -window.left * zoom], [0, zoom, -window.top * zoom]])
    way = cv2.INTER_AREA if zoom < 1 else cv2.INTER_LINEAR
    view: Any = cv2.warpAffine(frame.color, affine, (window.size, window.size), flags=way, borderValue=BACKGROUND)
    if landmarks_cam is not None:
        for x, y in _within(window.place(project(landmarks_cam, frame.intrinsics)), window.size):
            view[y, x] = LANDMARK
    return np.asarray(view, dtype=np.uint8)


def overlay_view(frame: RGBDFrame, window: Window, vertices_cam: FloatArray, faces: NDArray[np.int32]) -> Image:
    """The mesh, shaded and a little translucent, over the colour image, through the frame's own camera.

    Vertices are (V, 3), metres, camera frame; faces (F, 3).
    """
    placed = window.place(project(vertices_cam, frame.intrinsics))
    return draw_mesh(color_view(frame, window), placed, vertices_cam, faces, OPACITY)


def cloud_view(frame: RGBDFrame, face_cam: FloatArray, rotation: FloatArray, size: int) -> Image:
    """The depth pixels around a face as coloured dots, from a little to the side: the one the face looks to.

    Parameters
    ----------
    frame : RGBDFrame
        The capture.
    face_cam : (N, 3) float32
        Points of the face, metres, camera frame.
    rotation : (3, 3) float32
        Head → camera.
    size : int
        Side of the view, pixels.
    """
    centre = _middle(face_cam)
    points = unproject(frame.depth_m, frame.intrinsics)
    near = (points[..., 2] > 0) & (((points - centre) ** 2).sum(axis=-1) < CLOUD_RADIUS_M**2)
    turned = (points[near] - centre) @ turn(CLOUD_YAW_DEG if rotation[0, 2] > 0 else -CLOUD_YAW_DEG).T + centre
    colors = np.full((len(turned), 3), SKIN, dtype=np.uint8) if frame.color is None else frame.color[near]
    pixels = np.rint(project(turned, _side_camera(centre, size)))
    corners = np.array([(0, 0), (0, 1), (1, 0), (1, 1)])
    columns, rows = (pixels[None] + corners[:, None]).reshape(-1, 2).T
    depth = np.tile(turned[:, 2], len(corners))
    drawn = np.nonzero((columns >= 0) & (columns < size) & (rows >= 0) & (rows < size))[0]
    drawn = drawn[np.argsort(-depth[drawn])]  # the nearest comes last and stays
    view = empty_view(size)
    view[rows[drawn].astype(int), columns[drawn].astype(int)] = np.tile(colors, (len(corners), 1))[drawn]
    return view


def mesh_view(
    vertices_cam: FloatArray, faces: NDArray[np.int32], face_cam: FloatArray, rotation: FloatArray, size: int
) -> Image:
    """The mesh alone, always from three quarters of its own front, with the points (N, 3) of its face in the middle.

    `rotation` (3, 3) is head → camera.
    """
    to_view = rotation @ (turn(MESH_YAW_DEG) @ FROM_HEAD).T
    ahead = np.array([0.0, 0.0, _middle(face_cam)[2]], dtype=np.float32)
    turned = (vertices_cam @ to_view - _middle(face_cam @ to_view) + ahead).astype(np.float32)
    placed = project(turned, _side_camera(ahead, size)).astype(np.float32)
    return draw_mesh(empty_view(size), placed, turned, faces, 1.0)


def _within(places: FloatArray, size: int) -> NDArray[np.int64]:
    """Whole-number places inside a view."""
    whole = np.rint(places[np.isfinite(places).all(axis=1)]).astype(np.int64)
    return whole[((whole >= 0) & (whole < size)).all(axis=1)]


def _middle(points: FloatArray) -> FloatArray:
    return np.asarray((points.min(axis=0) + points.max(axis=0)) / 2, dtype=np.float32)


def _side_camera(centre: FloatArray, size: int) -> Intrinsics:
    """A pinhole with the head in its middle."""
    focal = size * float(centre[2]) / VIEW_SIZE_M
    cx, cy = size / 2 - focal * centre[:2] / centre[2]
    return Intrinsics(size, size, focal, focal, float(cx), float(cy))
