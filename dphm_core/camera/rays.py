"""Pixels ↔ rays ↔ points of one camera, through the rational Brown–Conrady distortion (k1..k6, p1, p2).

Camera frame: OpenCV (x right, y down, z forward), metres. Integer pixel coordinates are pixel centres. A point beyond
the calibrated radius, or where the distortion folds over, has no pixel and a pixel there no ray: NaN.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dphm_core.camera.bands import in_bands, kernel
from dphm_core.camera.intrinsics import Intrinsics

FloatArray = NDArray[np.float32]
DoubleArray = NDArray[np.float64]

NEWTON_STEPS = 30
CONVERGED = 1e-10
"""Largest residual of an undistorted point on the plane z = 1: some 1e-7 pixels."""


@lru_cache(maxsize=8)
def ray_table(intrinsics: Intrinsics) -> FloatArray:
    """Directions of all pixels: point = (x, y, 1) · depth.

    Parameters
    ----------
    intrinsics : Intrinsics
        The camera.

    Returns
    -------
    (H, W, 2) float32, read-only
        x/z and y/z per pixel; NaN beyond `metric_radius`. Computed once per camera.
    """
    rows, columns = np.indices((intrinsics.height, intrinsics.width), dtype=np.float64)
    distorted = np.stack([(columns - intrinsics.cx) / intrinsics.fx, (rows - intrinsics.cy) / intrinsics.fy], axis=-1)
    rays = undistort(distorted.reshape(-1, 2), intrinsics).astype(np.float32).reshape(distorted.shape)
    rays.flags.writeable = False
    return rays


def unproject(depth_m: FloatArray, intrinsics: Intrinsics) -> FloatArray:
    """Organised points of a depth image.

    Parameters
    ----------
    depth_m : (H, W) float32
        Metres along the optical axis, 0 where invalid.
    intrinsics : Intrinsics
        The camera of `depth_m`.

    Returns
    -------
    (H, W, 3) float32
        Metres, camera frame; all zero where the depth is invalid or the pixel has no ray.
    """
    check_image_size(depth_m, intrinsics)
    rays = ray_table(intrinsics)
    valid = (depth_m > 0) & np.isfinite(rays[..., 0])
    points = np.zeros((*depth_m.shape, 3), dtype=np.float32)
    np.multiply(rays, depth_m[..., None], out=points[..., :2], where=valid[..., None])
    np.copyto(points[..., 2], depth_m, where=valid)
    return points


def project(points_cam: NDArray[np.floating[Any]], intrinsics: Intrinsics) -> DoubleArray:
    """Pixels of points.

    Parameters
    ----------
    points_cam : (N, 3)
        Metres, camera frame.
    intrinsics : Intrinsics
        The camera.

    Returns
    -------
    (N, 2) float64
        x and y in pixels, possibly outside the image; NaN for points behind the camera or beyond `metric_radius`.
    """
    points = np.asarray(points_cam, dtype=np.float64)
    depth = np.where(points[:, 2:] > 0, points[:, 2:], np.nan)
    xy = points[:, :2] / depth
    if intrinsics.metric_radius is not None:
        xy = np.where((xy**2).sum(axis=1, keepdims=True) > intrinsics.metric_radius**2, np.nan, xy)
    return distort(xy, intrinsics) * (intrinsics.fx, intrinsics.fy) + (intrinsics.cx, intrinsics.cy)


def distort(xy: DoubleArray, intrinsics: Intrinsics) -> DoubleArray:
    """Apply the lens distortion to (N, 2) points on the plane z = 1."""
    k, (p1, p2) = intrinsics.k, intrinsics.p
    x, y = xy[:, 0], xy[:, 1]
    s = x * x + y * y
    radial = (1 + s * (k[0] + s * (k[1] + s * k[2]))) / (1 + s * (k[3] + s * (k[4] + s * k[5])))
    x_distorted = x * radial + 2 * p1 * x * y + p2 * (s + 2 * x * x)
    y_distorted = y * radial + 2 * p2 * x * y + p1 * (s + 2 * y * y)
    return np.stack([x_distorted, y_distorted], axis=1)


def undistort(xy_distorted: DoubleArray, intrinsics: Intrinsics) -> DoubleArray:
    """Undo `distort` by Newton's method.

    Parameters
    ----------
    xy_distorted : (N, 2) float64
        Distorted points on the plane z = 1.
    intrinsics : Intrinsics
        The camera.

    Returns
    -------
    (N, 2) float64
        Points on the plane z = 1; NaN where there is none, or beyond `metric_radius`.
    """
    distorted = np.ascontiguousarray(xy_distorted, dtype=np.float64)
    if not intrinsics.distorted:
        return _within_radius(distorted.copy(), intrinsics)
    coefficients = np.array([*intrinsics.k, *intrinsics.p], dtype=np.float64)
    xy = np.empty_like(distorted)
    in_bands(lambda first, last: _undistort_band(distorted[first:last], coefficients, xy[first:last]), 0, len(xy))
    return _within_radius(xy, intrinsics)


def undistort_reference(xy_distorted: DoubleArray, intrinsics: Intrinsics) -> DoubleArray:
    """Answer as `undistort` does, in plain numpy."""
    with np.errstate(all="ignore"):  # points without an answer run away
        return _undistort_reference(xy_distorted, intrinsics)


def _undistort_reference(xy_distorted: DoubleArray, intrinsics: Intrinsics) -> DoubleArray:
    k, (p1, p2) = intrinsics.k, intrinsics.p
    xy = np.array(xy_distorted, dtype=np.float64)
    for _ in range(NEWTON_STEPS):
        x, y = xy[:, 0], xy[:, 1]
        s = x * x + y * y
        below = 1 + s * (k[3] + s * (k[4] + s * k[5]))
        radial = (1 + s * (k[0] + s * (k[1] + s * k[2]))) / below
        slope = (k[0] + s * (2 * k[1] + 3 * s * k[2]) - radial * (k[3] + s * (2 * k[4] + 3 * s * k[5]))) / below
        xx = radial + 2 * x * x * slope + 2 * p1 * y + 6 * p2 * x
        xy_mixed = 2 * (x * y * slope + p1 * x + p2 * y)
        yy = radial + 2 * y * y * slope + 6 * p1 * y + 2 * p2 * x
        error = distort(xy, intrinsics) - xy_distorted
        determinant = xx * yy - xy_mixed**2
        step_x = (yy * error[:, 0] - xy_mixed * error[:, 1]) / determinant
        step_y = (xx * error[:, 1] - xy_mixed * error[:, 0]) / determinant
        xy = xy - np.stack([step_x, step_y], axis=1)
    unsolved = ~(np.abs(distort(xy, intrinsics) - xy_distorted).max(axis=1) < CONVERGED) | ~(determinant > 0)
    return _within_radius(np.where(unsolved[:, None], np.nan, xy), intrinsics)


def check_image_size(depth_m: FloatArray, intrinsics: Intrinsics, color: NDArray[np.uint8] | None = None) -> None:
    """Raise ValueError unless the depth image, and a colour image registered to it, have their camera's size."""
    size = (intrinsics.height, intrinsics.width)
    unfit = f"does not fit its camera of {intrinsics.width}x{intrinsics.height}"
    if depth_m.shape != size:
        raise ValueError(f"depth image of shape {depth_m.shape} {unfit}")
    if color is not None and color.shape != (*size, 3):
        raise ValueError(f"colour image of shape {color.shape} {unfit}")


def _within_radius(xy: DoubleArray, intrinsics: Intrinsics) -> DoubleArray:
    if intrinsics.metric_radius is not None:
        xy[(xy**2).sum(axis=1) > intrinsics.metric_radius**2] = np.nan
    return xy


@kernel
def _undistort_band(distorted: DoubleArray, coefficients: DoubleArray, xy: DoubleArray) -> None:
    k1, k2, k3, k4, k5, k6, p1, p2 = coefficients
    for i in range(len(distorted)):
        x_target, y_target = distorted[i]
        x, y = x_target, y_target
        xy[i] = np.nan
        for _ in range(NEWTON_STEPS):
            s = x * x + y * y
            below = 1 + s * (k4 + s * (k5 + s * k6))
            radial = (1 + s * (k1 + s * (k2 + s * k3))) / below
            slope = (k1 + s * (2 * k2 + 3 * s * k3) - radial * (k4 + s * (2 * k5 + 3 * s * k6))) / below
            x_error = x * radial + 2 * p1 * x * y + p2 * (s + 2 * x * x) - x_target
            y_error = y * radial + 2 * p2 * x * y + p1 * (s + 2 * y * y) - y_target
            xx = radial + 2 * x * x * slope + 2 * p1 * y + 6 * p2 * x
            xy_mixed = 2 * (x * y * slope + p1 * x + p2 * y)
            yy = radial + 2 * y * y * slope + 6 * p1 * y + 2 * p2 * x
            determinant = xx * yy - xy_mixed * xy_mixed
            if max(abs(x_error), abs(y_error)) < CONVERGED:
                if determinant > 0:  # otherwise a root beyond the fold
                    xy[i, 0], xy[i, 1] = x, y
                break
            x -= (yy * x_error - xy_mixed * y_error) / determinant
            y -= (xx * y_error - xy_mixed * x_error) / determinant
