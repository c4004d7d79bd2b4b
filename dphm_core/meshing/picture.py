"""Pictures of meshes, lit and smoothly shaded, drawn on the CPU: the one place for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dphm_core.camera.raster import barycentric, rasterize
from dphm_core.errors import OutputError
from dphm_core.files import write_atomically
from dphm_core.meshing.normals import vertex_normals

FloatArray = NDArray[np.float32]
Image = NDArray[np.uint8]
"""(H, W, 3) uint8 RGB."""

BACKGROUND = (30, 32, 36)
TEXT = (225, 225, 225)
SKIN = (212, 193, 178)
LIGHTS = (((-0.45, -0.60, -0.75), 0.78), ((0.80, -0.05, -0.60), 0.26), ((0.0, 0.75, -0.55), 0.08))
"""Directions towards the lights and their strengths, in the axes of a camera (x right, y down, z forward)."""
AMBIENT = 0.20
GAMMA = 1.6
"""Of light's brightness on the screen: less than a screen's own, for contrast."""
OVERSAMPLING = 2
"""Pixels drawn per pixel and axis, against jagged outlines."""
MARGIN = 1.06
"""Side of a picture in those of the mesh's box."""
CREASE_REACH, CREASE_DEPTH = (0.012, 0.035), 0.025
"""Neighbourhoods in which creases are looked for, and the depth below them that is fully dark; in a picture's sides."""
CREASE_STRENGTH = 0.55
BLUR_SIGMA = 6.0
"""Pixels of an image that is blurred: wider blurs are made of fewer pixels."""
FROM_HEAD = np.diag([1.0, -1.0, -1.0])
"""Head axes (y up, z out of the face) → axes of a camera that looks the face in the eye."""


@dataclass(frozen=True)
class Framing:
    """What a picture shows, so that several show the same: a square around a point."""

    centre: tuple[float, float, float]
    """Mesh units."""
    side: float
    """Mesh units."""


FACE_FRAMING = Framing((0.0, -0.04, -0.12), 1.14)
"""The face with ears and chin, head-frame units."""


def shaded_picture(
    vertices: FloatArray,
    faces: NDArray[np.int32],
    size: int = 256,
    yaw_deg: float = 0.0,
    framing: Framing | None = None,
    colors: NDArray[np.uint8] | None = None,
) -> Image:
    """Orthographic picture of a mesh in head axes (y up, z towards the viewer), from its front.

    Parameters
    ----------
    vertices : (V, 3) float32
        Any unit; head axes.
    faces : (F, 3) int32
        Vertex indices; both sides are drawn.
    size : int
        Side of the picture, pixels.
    yaw_deg : float
        Turns the mesh about the vertical axis; its nose goes to the right where positive.
    framing : Framing, optional
        What is shown; the whole mesh by default.
    colors : (V, 3) uint8, optional
        RGB per vertex; one skin tone by default.

    Returns
    -------
    (size, size, 3) uint8 RGB
    """
    framing = framing or _whole(vertices)
    fine = size * OVERSAMPLING
    turned = (vertices - np.array(framing.centre, np.float32)) @ (FROM_HEAD @ turn(yaw_deg)).T  # camera axes
    screen = turned * (fine / framing.side)
    screen[:, :2] += (fine - 1) / 2
    # Everything lies in front of an orthographic camera, wherever that stands.
    screen[:, 2] += 1 - screen[:, 2].min(initial=0.0)
    seen = see(screen.astype(np.float32), turned.astype(np.float32), faces, (fine, fine), perspective=False)
    light = seen.light * (1 - creases(seen.depth)[seen.rows, seen.columns])
    tone = np.array(SKIN, np.float32) if colors is None else seen.interpolate(colors.astype(np.float32), faces)
    view = np.full((fine, fine, 3), BACKGROUND, dtype=np.uint8)
    view[seen.rows, seen.columns] = np.clip(light[:, None] * tone, 0, 255).astype(np.uint8)
    return np.asarray(cv2.resize(view, (size, size), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def contact_sheet(pictures: Sequence[Image], columns: int, captions: Sequence[str] = ()) -> Image:
    """Pictures (S, S, 3) of one size in rows of `columns`, each with its caption in the upper left corner."""
    size = len(pictures[0])
    sheet = np.full((-(-len(pictures) // columns) * size, columns * size, 3), BACKGROUND, dtype=np.uint8)
    for index, picture in enumerate(pictures):
        tile: Any = picture.copy()
        if index < len(captions):
            corner = (size // 40, size // 13)
            cv2.putText(tile, captions[index], corner, cv2.FONT_HERSHEY_SIMPLEX, size / 512, TEXT, 1, cv2.LINE_AA)
        row, column = divmod(index, columns)
        sheet[row * size : (row + 1) * size, column * size : (column + 1) * size] = tile
    return sheet


def write_picture(path: Path, picture: Image) -> None:
    """Write a picture in the format of the file's extension.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    write_atomically(path, encode_picture(picture, path.suffix))


def encode_picture(picture: Image, extension: str) -> bytes:
    """Content of a picture's file, ".png" or ".jpg".

    Raises
    ------
    OutputError
        There is no writer for this extension.
    """
    try:
        done, content = cv2.imencode(extension, np.ascontiguousarray(picture[..., ::-1]))
    except cv2.error:
        done = False
    if not done:
        raise OutputError(f"a picture cannot be written as '{extension}'; choose .png or .jpg")
    return bytes(content.tobytes())


def turn(yaw_deg: float) -> NDArray[np.float64]:
    """Rotation (3, 3) about the vertical axis."""
    sin, cos = np.sin(np.radians(yaw_deg)), np.cos(np.radians(yaw_deg))
    return np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])


@dataclass(frozen=True)
class SeenPixels:
    """The pixels of an image that a mesh covers."""

    depth: FloatArray
    """(H, W), 0 where nothing is."""
    columns: NDArray[np.int32]
    """(N,)"""
    rows: NDArray[np.int32]
    """(N,)"""
    triangles: NDArray[np.int32]
    """(N,)"""
    weights: FloatArray
    """(N, 3) barycentric."""
    light: FloatArray
    """(N,) brightness, about 0…1."""

    def interpolate(self, values: FloatArray, faces: NDArray[np.int32]) -> FloatArray:
        """Values (N, C) at the pixels of values (V, C) at the vertices."""
        return _interpolate(values, faces[self.triangles], self.weights)


def see(
    screen: FloatArray, vertices: FloatArray, faces: NDArray[np.int32], size: tuple[int, int], perspective: bool = True
) -> SeenPixels:
    """Rasterise a mesh and light it smoothly.

    Parameters
    ----------
    screen : (V, 3) float32
        Pixel coordinates and depth; a face with a vertex at depth ≤ 0 is left out.
    vertices : (V, 3) float32
        The same in axes of a camera (x right, y down, z forward), any unit.
    faces : (F, 3) int32
        Vertex indices, outward by the right-hand rule.
    size : (width, height)
        Pixels.
    perspective : bool
        Whether `screen` is a pinhole's.
    """
    depth, face = rasterize(screen, faces, *size, perspective=perspective)
    pixels, triangles, weights = barycentric(screen, faces, face)
    normals = _interpolate(vertex_normals(vertices, faces), faces[triangles], weights)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-6)
    from_behind = _clockwise(screen[:, :2], faces)[triangles, None]
    normals *= np.where(from_behind, -1, 1)  # the inside of a mouth is lit from where it is seen
    return SeenPixels(depth, pixels[:, 0], pixels[:, 1], triangles, weights, _light(normals))


def draw_mesh(view: Image, placed: FloatArray, vertices: FloatArray, faces: NDArray[np.int32], opacity: float) -> Image:
    """Draw a mesh into a copy of a picture (H, W, 3), lit and shaded; 1 is the opacity that hides what is behind it.

    `placed` (V, 2) are the pixels of `vertices` (V, 3), axes of a camera (x right, y down, z forward), any unit.
    """
    screen = np.column_stack([placed, vertices[:, 2]]).astype(np.float32)
    screen[~np.isfinite(screen).all(axis=1)] = 0.0  # z = 0: left out
    seen = see(screen, vertices, faces, (view.shape[1], view.shape[0]))
    shaded, behind = view.copy(), view[seen.rows, seen.columns]
    lit = np.clip(seen.light[:, None] * np.array(SKIN, np.float32), 0, 255)
    shaded[seen.rows, seen.columns] = (opacity * lit + (1 - opacity) * behind).astype(np.uint8)
    return shaded


def creases(depth: FloatArray) -> FloatArray:
    """(H, W) darkness of pixels that lie deeper than their surroundings, 0 where nothing is seen.

    `depth` (H, W) is in pixels of an orthographic image, 0 where nothing is.
    """
    covered = (depth > 0).astype(np.float32)
    dark, side = np.zeros_like(depth), len(depth)
    for reach in CREASE_REACH:
        share = np.maximum(_blurred(covered, reach * side), 1e-3)
        around = _blurred(depth, reach * side) / share
        dark += np.clip((depth - around) / (CREASE_DEPTH * side), 0, 1)
    return np.asarray(CREASE_STRENGTH * dark / len(CREASE_REACH) * covered, dtype=np.float32)


def _blurred(image: FloatArray, sigma: float) -> FloatArray:
    """A Gaussian blur (H, W) of `sigma` pixels, made of a smaller image where it is wide: that shows nowhere."""
    shrink = max(1, int(sigma / BLUR_SIGMA))
    height, width = image.shape
    small = cv2.resize(image, (-(-width // shrink), -(-height // shrink)), interpolation=cv2.INTER_AREA)
    blurred = cv2.GaussianBlur(small, (0, 0), sigma / shrink)
    return np.asarray(cv2.resize(blurred, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.float32)


def _clockwise(pixels: FloatArray, faces: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Triangles (F,) that show their inner side, where pixel rows go down."""
    a, b, c = (pixels[faces[:, k]] for k in range(3))
    return np.asarray((b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) > (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0]))


def _light(normals: FloatArray) -> FloatArray:
    total = np.full(len(normals), AMBIENT, dtype=np.float32)
    for direction, strength in LIGHTS:
        lamp = np.array(direction) / np.linalg.norm(direction)
        total += strength * np.clip(normals @ lamp.astype(np.float32), 0, None)
    return np.asarray(np.minimum(total, 1.15) ** (1 / GAMMA), dtype=np.float32)


def _interpolate(values: FloatArray, corners: NDArray[np.int32], weights: FloatArray) -> FloatArray:
    mixed = sum(weights[:, k : k + 1] * values[corners[:, k]] for k in range(3))
    return np.asarray(mixed, dtype=np.float32)


def _whole(vertices: FloatArray) -> Framing:
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    centre = ((low + high) / 2).tolist()
    return Framing((centre[0], centre[1], centre[2]), max(float((high - low).max()) * MARGIN, 1e-6))
