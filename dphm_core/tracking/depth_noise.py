"""How noisy the depth of a face is, told from the depth alone: what small planes leave of the points that lie on them.

Noise averages out between neighbours. A shape or a pose that is wrong does not: it is as wrong all over such a plane.
So this says nothing of a fit, and what it excuses of one is the camera's.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from dphm_core.frames import FloatArray, Similarity
from dphm_core.tracking.place import FACE_POINT

REACH_M = 0.072
"""From the face's middle to the sides of the box whose points are looked at: there is little hair in it."""
CELL_M = 0.012
"""Side of a plane: longer than neighbours share their noise, shorter than a cheek bends."""
CELLS = round(2 * REACH_M / CELL_M)
"""Along a side of the box."""
MIN_IN_CELL = 8
"""Points that tell how far points lie from their plane."""
MIN_CELLS = 12
"""Planes, of which some may lie across a nose's edge or a lip."""
MAX_POINTS = 4000
"""More of a head's points take their time, and tell the same."""
NOISE_PER_RESIDUAL = 1.25
"""Most noise of a camera, as a multiple of the mean distance that good fits leave: 0.9 to 1.2 on recordings."""
MOST_MORE_M = 0.0025
"""What is noisier than that is no face before a camera, or of no use."""


def depth_noise(points_cam: FloatArray, pose: Similarity) -> float:
    """Spread of the points of a face around small planes, the median of these: metres, NaN where too few lie together.

    On held-out recordings it is 0.6 to 0.7 mm for the noise of an Azure Kinect, 1.2 to 1.3 mm for twice and 2.0 to
    2.2 mm for three times that, whoever's head is fitted; good fits leave mean distances of 0.6, 1.2 and 1.8 mm. On a
    real TrueDepth capture it is 0.28 mm, and good fits leave 0.30 mm.

    Parameters
    ----------
    points_cam : (N, 3)
        Depth points, metres, camera frame.
    pose : Similarity
        Where the face is, more or less.
    """
    middle = pose.to_camera(np.array([FACE_POINT], dtype=np.float32))
    face = points_cam[(np.abs(points_cam - middle) < REACH_M).all(axis=1)] - middle
    if len(face) > MAX_POINTS:  # by chance, for every so many-th may be whole columns of the picture
        face = np.random.default_rng(0).choice(face, MAX_POINTS, replace=False, shuffle=False)
    variance = _around_planes(*face.T)
    return float(np.sqrt(np.median(variance))) if len(variance) >= MIN_CELLS else float("nan")


def more_noise(noise_m: float, own_residual_m: float) -> float:
    """Noise of a camera beyond that of the calibration, which left `own_residual_m`: metres, 0 where it is unknown.

    The two add as variances do.
    """
    more = noise_m**2 - (NOISE_PER_RESIDUAL * own_residual_m) ** 2
    return min(MOST_MORE_M, math.sqrt(more)) if more > 0 else 0.0


def _around_planes(x: FloatArray, y: FloatArray, z: FloatArray) -> NDArray[np.float64]:
    """Variance, m², of points (N,) in the box around the plane of their cell, along its normal, for every full cell."""
    row, column = (((part + REACH_M) / CELL_M).astype(np.int64) for part in (y, x))
    cell = np.minimum(row, CELLS - 1) * CELLS + np.minimum(column, CELLS - 1)
    count = np.bincount(cell, minlength=CELLS**2)
    full = count >= MIN_IN_CELL
    count = count[full]

    def mean(values: FloatArray) -> NDArray[np.float64]:
        return np.bincount(cell, values, minlength=CELLS**2)[full] / count

    x_mean, y_mean, z_mean = mean(x), mean(y), mean(z)
    xx, yy, zz = mean(x * x) - x_mean**2, mean(y * y) - y_mean**2, mean(z * z) - z_mean**2
    xy, xz, yz = mean(x * y) - x_mean * y_mean, mean(x * z) - x_mean * z_mean, mean(y * z) - y_mean * z_mean
    spread = np.maximum(xx * yy - xy**2, np.finfo(np.float32).tiny)
    slope_x, slope_y = (xz * yy - yz * xy) / spread, (yz * xx - xz * xy) / spread
    left = np.maximum(zz - slope_x * xz - slope_y * yz, 0) / (1 + slope_x**2 + slope_y**2)
    return np.asarray(left * count / (count - 3))  # a plane of three numbers comes nearer than the true one
