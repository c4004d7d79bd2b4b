"""Which place of a mesh each observed point is compared with: the one that the camera sees in the same direction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dphm_core.camera.raster import NO_FACE, rasterize
from dphm_core.frames import FloatArray

PIXELS = 192
"""Side of the image in which the mesh is drawn: of about a millimetre each."""
MARGIN_PIXELS = 8
MIN_COSINE = 0.6
"""Between the normals of a point and of the mesh."""


@dataclass(frozen=True)
class Pairs:
    """N points with their places on the mesh."""

    points: NDArray[np.intp]
    """(N,) which of the points."""
    corners: NDArray[np.int32]
    """(N, 3) vertices of the triangle."""
    weights: FloatArray
    """(N, 3) barycentric coordinates in it."""


def pair(
    vertices_cam: FloatArray, faces: NDArray[np.int32], points_cam: FloatArray, normals_cam: FloatArray, reach_m: float
) -> Pairs:
    """Find the places of points on the part of a mesh that is seen.

    Parameters
    ----------
    vertices_cam : (V, 3) float32
        Metres, camera frame.
    faces : (F, 3) int32
        Outward by the right-hand rule.
    points_cam, normals_cam : (P, 3) float32
        Metres and unit vectors towards the camera, camera frame.
    reach_m : float
        Points farther from their place are left out, as are those whose normals disagree.
    """
    triangles = _seen(vertices_cam, faces, points_cam)
    hit = np.flatnonzero(triangles != NO_FACE)
    corners = faces[triangles[hit]]
    a, b, c = (vertices_cam[corners[:, k]].astype(np.float64) for k in range(3))
    rays = points_cam[hit].astype(np.float64)
    # Where the ray meets the triangle's plane, by Cramer's rule.
    shares = np.stack(
        [(rays * np.cross(b, c)).sum(1), (rays * np.cross(c, a)).sum(1), (rays * np.cross(a, b)).sum(1)], 1
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        weights = np.clip(shares / shares.sum(axis=1, keepdims=True), 0, None)
        weights /= weights.sum(axis=1, keepdims=True)
    places = np.einsum("nk,knx->nx", weights, np.stack([a, b, c]))
    outward = np.cross(b - a, c - a)
    outward /= np.maximum(np.linalg.norm(outward, axis=1, keepdims=True), 1e-12)
    near = np.linalg.norm(places - rays, axis=1) < reach_m
    good = near & ((outward * normals_cam[hit]).sum(axis=1) > MIN_COSINE)
    return Pairs(hit[good], corners[good], weights[good].astype(np.float32))


def _seen(vertices_cam: FloatArray, faces: NDArray[np.int32], points_cam: FloatArray) -> NDArray[np.int32]:
    """Triangle (P,) in each point's direction, `NO_FACE` where there is none; in an image that holds them."""
    if not len(points_cam) or points_cam[:, 2].min() <= 0:
        return np.full(len(points_cam), NO_FACE, dtype=np.int32)
    slopes = points_cam[:, :2] / points_cam[:, 2:]
    low, high = slopes.min(axis=0), slopes.max(axis=0)
    focal = PIXELS / max(float((high - low).max()), 1e-6)
    pixels = np.round((slopes - low) * focal).astype(int) + MARGIN_PIXELS
    width, height = pixels.max(axis=0) + MARGIN_PIXELS
    depth = vertices_cam[:, 2:]
    screen = (vertices_cam[:, :2] / np.where(depth > 0, depth, 1) - low) * focal + MARGIN_PIXELS
    _, face = rasterize(np.concatenate([screen, depth], axis=1), faces, int(width), int(height))
    return face[pixels[:, 1], pixels[:, 0]]
