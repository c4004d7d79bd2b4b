"""From a depth image to oriented points: an edge-keeping filter, unprojection and normals, for one region at a time."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dphm_core.camera.bands import in_bands, kernel, kernel_input
from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.camera.rays import check_image_size, ray_table

FloatArray = NDArray[np.float32]
Region = tuple[int, int, int, int]
"""x0, y0, x1, y1 in pixels; x1 and y1 are not part of it."""
Found = tuple[FloatArray, FloatArray, FloatArray]
"""Points (N, 3), normals (N, 3) and pixels (N, 2)."""


@dataclass(frozen=True)
class SurfaceOptions:
    """How depth pixels become oriented points; the defaults suit Azure Kinect's depth registered to 720p colour."""

    filter_radius_px: int = 3
    """Half the filter's window without its centre: 7×7 pixels, some 5×5 of the depth camera's own."""
    filter_support_m: float = 0.015
    """Depth difference from which a neighbour has no say: several times the sensor's noise, less than a nose."""
    normal_reach_px: int = 2
    """Distance of the four neighbours that make a normal; one pixel would drown in the noise that the filter leaves."""
    max_jump_m: float = 0.02
    """Largest depth difference between a pixel and those neighbours."""


DEFAULTS = SurfaceOptions()


def filter_depth(
    depth_m: FloatArray,
    region: Region | None = None,
    radius_px: int = DEFAULTS.filter_radius_px,
    support_m: float = DEFAULTS.filter_support_m,
) -> FloatArray:
    """Smooth depth, keeping edges and holes (a bilateral filter).

    Each neighbour within the window weighs ``gauss(distance in pixels) · (1 − (Δz / support)²)²``, so those across a
    depth jump have no weight at all; invalid pixels neither count nor become valid.

    Parameters
    ----------
    depth_m : (H, W) float32
        Metres, 0 where invalid.
    region : (x0, y0, x1, y1), optional
        Pixels to filter, inside the image; the whole image where left out. Neighbours outside the region count.
    radius_px : int
        Half the window's side, without its centre.
    support_m : float
        Depth difference, metres, from which a neighbour has no weight.

    Returns
    -------
    (y1 − y0, x1 − x0) float32
        Metres, 0 where `depth_m` is invalid.
    """
    x0, y0, x1, y1 = region or (0, 0, depth_m.shape[1], depth_m.shape[0])
    depth_m = kernel_input(depth_m)
    filtered = np.empty((y1 - y0, x1 - x0), dtype=np.float32)
    weights = _window(radius_px)
    in_bands(
        lambda first, last: _filter_rows(depth_m, weights, np.float32(support_m), x0, y0, filtered, first, last),
        0,
        len(filtered),
    )
    return filtered


def filter_depth_reference(
    depth_m: FloatArray, radius_px: int = DEFAULTS.filter_radius_px, support_m: float = DEFAULTS.filter_support_m
) -> FloatArray:
    """Answer as `filter_depth` does for the whole image, in plain numpy and float64."""
    height, width = depth_m.shape
    padded = np.pad(depth_m.astype(np.float64), radius_px)
    total, total_weight = np.zeros((height, width)), np.zeros((height, width))
    for (row, column), weight in np.ndenumerate(_window(radius_px)):
        neighbour = padded[row : row + height, column : column + width]
        closeness = np.maximum(0, 1 - ((neighbour - depth_m) / support_m) ** 2) ** 2 * (neighbour > 0)
        total += weight * closeness * neighbour
        total_weight += weight * closeness
    filtered = np.divide(total, total_weight, out=np.zeros_like(total), where=total_weight > 0)
    return np.where(depth_m > 0, filtered, 0).astype(np.float32)


def normals_from_points(
    points_map: FloatArray, max_jump_m: float = DEFAULTS.max_jump_m, reach_px: int = DEFAULTS.normal_reach_px
) -> FloatArray:
    """Compute normals of organised points by central differences (plain numpy; `oriented_points` is the quick path).

    Parameters
    ----------
    points_map : (H, W, 3) float32
        Metres, camera frame, as from `rays.unproject`: all zero where invalid.
    max_jump_m : float
        Pixels whose depth differs by more than this, metres, from a neighbour that makes their normal have none.
    reach_px : int
        Distance of those four neighbours, pixels.

    Returns
    -------
    (H, W, 3) float32
        Unit normals towards the camera; NaN where there is none.
    """
    normals = np.full(points_map.shape, np.nan, dtype=np.float32)
    if min(points_map.shape[:2]) <= 2 * reach_px:
        return normals
    inner, lower, upper = slice(reach_px, -reach_px), slice(None, -2 * reach_px), slice(2 * reach_px, None)
    points, depth = points_map.astype(np.float64), points_map[..., 2]
    neighbours = ((inner, lower), (inner, upper), (lower, inner), (upper, inner))
    usable = depth[inner, inner] > 0
    for neighbour in neighbours:
        usable &= (depth[neighbour] > 0) & (np.abs(depth[neighbour] - depth[inner, inner]) <= max_jump_m)
    left, right, above, below = (points[neighbour] for neighbour in neighbours)
    normal = np.cross(below - above, right - left)
    facing = -np.sign((normal * points[inner, inner]).sum(axis=-1))
    scale = np.divide(facing, np.linalg.norm(normal, axis=-1), out=np.full(facing.shape, np.nan), where=usable)
    normals[inner, inner] = normal * scale[..., None]
    return normals


def oriented_points(
    depth_m: FloatArray,
    intrinsics: Intrinsics,
    region: Region,
    depth_range_m: tuple[float, float],
    step: int = 1,
    options: SurfaceOptions = DEFAULTS,
) -> Found:
    """Filter a region of a depth image and list its valid points with normals.

    Parameters
    ----------
    depth_m : (H, W) float32
        Metres, 0 where invalid.
    intrinsics : Intrinsics
        The camera of `depth_m`.
    region : (x0, y0, x1, y1)
        Pixels of interest; what lies outside the image is left out.
    depth_range_m : (near, far)
        Depths of interest, metres.
    step : int
        Take every `step`-th row and column of the region.
    options : SurfaceOptions
        Filter and normals.

    Returns
    -------
    points : (N, 3) float32
        Metres, camera frame, row by row.
    normals : (N, 3) float32
        Unit, towards the camera.
    pixels : (N, 2) float32
        x and y of the pixels.
    """
    check_image_size(depth_m, intrinsics)
    x0, y0, x1, y1 = _cut(region, intrinsics)
    reach = options.normal_reach_px
    around = _cut((x0 - reach, y0 - reach, x1 + reach, y1 + reach), intrinsics)
    filtered = filter_depth(depth_m, around, options.filter_radius_px, options.filter_support_m)
    rays = ray_table(intrinsics)
    limits = np.array([*depth_range_m, options.max_jump_m], dtype=np.float32)
    # Of the pixels at the image's edge some neighbours are missing: they have no normal.
    columns = np.arange(x0, x1, step, dtype=np.int64)
    columns = columns[(columns >= around[0] + reach) & (columns < around[2] - reach)]
    rows = np.arange(y0, y1, step, dtype=np.int64)
    rows = rows[(rows >= around[1] + reach) & (rows < around[3] - reach)]

    def orient(first: int, last: int) -> Found:
        return _orient_rows(filtered, rays, around[:2], rows[first:last], columns, reach, limits)

    points, normals, pixels = zip(*in_bands(orient, 0, len(rows)), strict=True)
    return np.concatenate(points), np.concatenate(normals), np.concatenate(pixels)


def _cut(region: Region, intrinsics: Intrinsics) -> Region:
    """Limit a region to the image; one that lies outside becomes empty."""
    x0, y0 = min(max(region[0], 0), intrinsics.width), min(max(region[1], 0), intrinsics.height)
    return x0, y0, max(min(region[2], intrinsics.width), x0), max(min(region[3], intrinsics.height), y0)


def _window(radius_px: int) -> FloatArray:
    """(2r + 1, 2r + 1) float32: Gaussian weights with a standard deviation of half the window's outer radius."""
    offsets = np.arange(-radius_px, radius_px + 1) / (0.5 * (radius_px + 1))
    profile = np.exp(-0.5 * offsets**2)
    return np.outer(profile, profile).astype(np.float32)


@kernel
def _filter_rows(
    depth_m: FloatArray,
    weights: FloatArray,
    support_m: np.float32,
    x0: int,
    y0: int,
    filtered: FloatArray,
    first: int,
    last: int,
) -> None:
    """Filter rows first..last of the region whose upper left pixel is (x0, y0); one tap for a whole row at a time."""
    height, width = depth_m.shape
    radius, columns = len(weights) // 2, filtered.shape[1]
    per_support, zero, one = np.float32(1) / support_m, np.float32(0), np.float32(1)
    total = np.empty(columns, dtype=np.float32)
    total_weight = np.empty(columns, dtype=np.float32)
    for row in range(first, last):
        centre = depth_m[y0 + row, x0 : x0 + columns]
        total[:], total_weight[:] = zero, zero
        for dy in range(max(-radius, -(y0 + row)), min(radius, height - 1 - y0 - row) + 1):
            for dx in range(-radius, radius + 1):
                weight = weights[radius + dy, radius + dx]
                start, stop = max(0, -x0 - dx), min(columns, width - x0 - dx)
                neighbours = depth_m[y0 + row + dy, x0 + dx + start : x0 + dx + stop]
                for i in range(stop - start):
                    z = neighbours[i]
                    difference = min(max((z - centre[start + i]) * per_support, -one), one) if z > zero else one
                    closeness = one - difference * difference
                    share = weight * closeness * closeness
                    total[start + i] += share * difference
                    total_weight[start + i] += share
        for i in range(columns):
            valid = centre[i] > zero
            filtered[row, i] = centre[i] + support_m * total[i] / total_weight[i] if valid else zero


@kernel
def _orient_rows(
    filtered: FloatArray,
    rays: FloatArray,
    corner: tuple[int, int],
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    reach: int,
    limits: FloatArray,
) -> Found:
    """List point, normal and pixel of every valid pixel in these rows and columns of the image."""
    (left, top), (near, far, jump) = corner, limits
    most = len(rows) * len(columns)
    points, normals = np.empty((most, 3), dtype=np.float32), np.empty((most, 3), dtype=np.float32)
    pixels = np.empty((most, 2), dtype=np.float32)
    count = 0
    for y in rows:
        for x in columns:
            j, i = y - top, x - left
            z = filtered[j, i]
            if not (z >= near and z <= far):
                continue
            z_left, z_right = filtered[j, i - reach], filtered[j, i + reach]
            z_above, z_below = filtered[j - reach, i], filtered[j + reach, i]
            nearest, farthest = min(z_left, z_right, z_above, z_below), max(z_left, z_right, z_above, z_below)
            if not (nearest > 0 and z - nearest <= jump and farthest - z <= jump):
                continue
            across = _difference(rays[y, x + reach], z_right, rays[y, x - reach], z_left)
            down = _difference(rays[y + reach, x], z_below, rays[y - reach, x], z_above)
            points[count, 0], points[count, 1], points[count, 2] = rays[y, x, 0] * z, rays[y, x, 1] * z, z
            pixels[count, 0], pixels[count, 1] = x, y
            if _orient(points[count], across, down, normals[count]):
                count += 1
    return points[:count], normals[:count], pixels[:count]


Vector = tuple[np.float32, np.float32, np.float32]


@kernel
def _difference(ray_to: FloatArray, z_to: np.float32, ray_from: FloatArray, z_from: np.float32) -> Vector:
    return ray_to[0] * z_to - ray_from[0] * z_from, ray_to[1] * z_to - ray_from[1] * z_from, z_to - z_from


@kernel
def _orient(point: FloatArray, across: Vector, down: Vector, normal: FloatArray) -> bool:
    """Write the unit normal towards the camera; False where the surface is edge-on or a pixel has no ray."""
    x = down[1] * across[2] - down[2] * across[1]
    y = down[2] * across[0] - down[0] * across[2]
    z = down[0] * across[1] - down[1] * across[0]
    away = x * point[0] + y * point[1] + z * point[2]
    scale = -math.copysign(np.float32(1), away) / math.sqrt(x * x + y * y + z * z)
    normal[0], normal[1], normal[2] = x * scale, y * scale, z * scale
    return bool(abs(away) > 0)
