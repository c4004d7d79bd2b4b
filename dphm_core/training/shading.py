"""Colour images of textured meshes: rasterised, lit from the upper left, with creases darkened."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.camera.raster import barycentric, rasterize
from dphm_core.frames import FloatArray
from dphm_core.meshing.normals import vertex_normals
from dphm_core.training.recording_mesh import SurfaceMesh
from dphm_core.training.recording_paint import fine_texture

KEY_LIGHT = np.array([-0.45, -0.65, -0.75], dtype=np.float32)
FILL_LIGHT = np.array([0.75, -0.1, -0.7], dtype=np.float32)
"""Directions towards the lights, camera frame."""
KEY, FILL, AMBIENT = 0.92, 0.30, 0.33
SHININESS = 24
CREASE_PX, CREASE_DEPTH_M = (3.0, 9.0), 0.006
"""Neighbourhoods in which creases are looked for, and the depth below them that is fully dark."""
CREASE_STRENGTH = 0.55
WALL = np.array([0.30, 0.31, 0.33], dtype=np.float32)
LENS_BLUR = 0.55
"""Standard deviation of the camera's own blur, pixels."""


@dataclass(frozen=True)
class SurfacePixels:
    """What the camera sees, pixel by covered pixel."""

    depth_m: FloatArray
    """(H, W) metres along the optical axis, 0 where nothing is."""
    face: NDArray[np.int32]
    """(H, W) triangle index, `NO_FACE` where nothing is."""
    pixels: NDArray[np.int32]
    """(N, 2) columns and rows of covered pixels."""
    normal: FloatArray
    """(N, 3) unit, towards the camera."""
    towards: FloatArray
    """(N, 3) unit, from the surface to the camera."""
    rest: FloatArray
    """(N, 3) place on the object at rest."""
    albedo: FloatArray
    """(N, 3) linear RGB."""
    look: FloatArray
    """(N, 3) gloss, dropout, fuzziness (m)."""
    material: NDArray[np.int8]
    """(N,) `Material`."""

    def image(self, values: FloatArray, empty: float = 0.0) -> FloatArray:
        """Spread (N,) or (N, C) values over an (H, W) or (H, W, C) image."""
        image = np.full(self.depth_m.shape + values.shape[1:], empty, dtype=np.float32)
        image[self.pixels[:, 1], self.pixels[:, 0]] = values
        return image


def pinhole(vertices_cam: FloatArray, intrinsics: Intrinsics) -> FloatArray:
    """(V, 3) pixel coordinates and depth of points, without distortion."""
    x, y, z = vertices_cam.T
    with np.errstate(divide="ignore", invalid="ignore"):
        u, v = intrinsics.fx * x / z + intrinsics.cx, intrinsics.fy * y / z + intrinsics.cy
    return np.stack([u, v, z], axis=1).astype(np.float32)


def see(mesh: SurfaceMesh, intrinsics: Intrinsics) -> SurfacePixels:
    """Rasterise a mesh (camera frame, metres) and interpolate its properties."""
    screen = pinhole(mesh.vertices, intrinsics)
    depth_m, face = rasterize(screen, mesh.faces, intrinsics.width, intrinsics.height)
    pixels, triangles, weights = barycentric(screen, mesh.faces, face)
    normals = vertex_normals(mesh.vertices, mesh.faces)
    properties = np.concatenate([normals, mesh.rest, mesh.albedo, mesh.look], axis=1)
    corners = mesh.faces[triangles]
    mixed = sum(weights[:, k : k + 1] * properties[corners[:, k]] for k in range(3))
    ray = (pixels - (intrinsics.cx, intrinsics.cy)) / (intrinsics.fx, intrinsics.fy)
    towards = _unit(-np.column_stack([ray, np.ones(len(ray))]).astype(np.float32))
    normal = _unit(mixed[:, :3])
    normal *= np.where((normal * towards).sum(axis=1, keepdims=True) < 0, -1, 1)
    material = mesh.material[corners[:, 0]]
    return SurfacePixels(depth_m, face, pixels, normal, towards, mixed[:, 3:6], mixed[:, 6:9], mixed[:, 9:12], material)


def shade(seen: SurfacePixels, background: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Light what is seen.

    Parameters
    ----------
    seen : SurfacePixels
        What the camera sees.
    background : (H, W, 3) uint8
        sRGB, what is behind; see `wall`.

    Returns
    -------
    (H, W, 3) uint8
        sRGB.
    """
    albedo = fine_texture(seen.albedo, seen.rest, seen.material)
    light = AMBIENT * (0.8 - 0.2 * seen.normal[:, 1:2])
    shine = np.zeros_like(light)
    for direction, strength in ((KEY_LIGHT, KEY), (FILL_LIGHT, FILL)):
        lamp = direction / np.linalg.norm(direction)
        light += strength * np.clip(seen.normal @ lamp, 0, None)[:, None]
        half = _unit(seen.towards + lamp)
        shine += strength * np.clip((seen.normal * half).sum(axis=1), 0, None)[:, None] ** SHININESS
    columns, rows = seen.pixels.T
    open_share = 1 - _creases(seen.depth_m)[rows, columns][:, None]
    linear = (albedo * light + 0.5 * seen.look[:, :1] * shine) * open_share
    color = background.copy()
    color[rows, columns] = _srgb(linear)
    return cv2.GaussianBlur(color, (0, 0), LENS_BLUR).astype(np.uint8)


def wall(width: int, height: int) -> NDArray[np.uint8]:
    """Paint a plain wall, (H, W, 3) uint8 sRGB."""
    return np.full((height, width, 3), _srgb(WALL), dtype=np.uint8)


def _creases(depth_m: FloatArray) -> FloatArray:
    """(H, W) darkness of pixels that lie deeper than their surroundings (ambient occlusion, roughly)."""
    covered = (depth_m > 0).astype(np.float32)
    dark = np.zeros_like(depth_m)
    for reach in CREASE_PX:
        share = np.maximum(cv2.GaussianBlur(covered, (0, 0), reach), 1e-3)
        around = cv2.GaussianBlur(depth_m, (0, 0), reach) / share
        dark += np.clip((depth_m - around) / CREASE_DEPTH_M, 0, 1)
    return CREASE_STRENGTH * dark / len(CREASE_PX)


def _srgb(linear: FloatArray) -> NDArray[np.uint8]:
    return np.rint(np.clip(linear, 0, 1) ** np.float32(1 / 2.2) * 255).astype(np.uint8)


def _unit(vectors: FloatArray) -> FloatArray:
    return (vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)).astype(np.float32)
