"""How long the camera stages take: registration, and depth → oriented points of the head's region."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.camera.typical_kinect import COLOR_CAMERA, DEPTH_CAMERA, DEPTH_TO_COLOR
from dphm_core.evaluation.timing import check_repeats, time_call

FloatArray = NDArray[np.float32]

HEAD_CENTER_M, HEAD_RADIUS_M, WALL_M = (0.0, 0.0, 0.55), 0.11, 1.5
"""The scene in the depth camera's frame: a ball for a head, a wall behind it."""
NOISE_M, QUANTUM_M = 0.0015, 0.001
"""Azure Kinect's noise at that distance and its depth unit."""
HEAD_RANGE_M = (0.3, 0.9)
REGION_SIZE_PX = (350, 450)
"""Width and height of a head's region in the 720p image."""


def camera_benchmark(repeats: int = 50) -> dict[str, dict[str, float]]:
    """Time the camera stages on a synthetic scene seen by a real calibration.

    Parameters
    ----------
    repeats : int
        Timed calls per stage.

    Returns
    -------
    dict
        Per stage ``{"median_ms": …, "p95_ms": …}``: wall-clock milliseconds.

    Raises
    ------
    SettingError
        `repeats` is less than 1.
    """
    from dphm_core.camera.normals import oriented_points
    from dphm_core.camera.rays import project
    from dphm_core.camera.registration import DepthRegistration

    check_repeats(repeats)
    depth_m = head_before_wall(DEPTH_CAMERA)
    register = DepthRegistration(DEPTH_CAMERA, COLOR_CAMERA, DEPTH_TO_COLOR)
    registered = register(depth_m)
    u, v = project(DEPTH_TO_COLOR(np.array([HEAD_CENTER_M])), COLOR_CAMERA)[0]
    x0, y0 = int(u) - REGION_SIZE_PX[0] // 2, int(v) - REGION_SIZE_PX[1] // 2
    region = (x0, y0, x0 + REGION_SIZE_PX[0], y0 + REGION_SIZE_PX[1])
    return {
        "registration 640x576 -> 1280x720": time_call(lambda: register(depth_m), repeats),
        "filter, unproject, normals 350x450": time_call(
            lambda: oriented_points(registered, COLOR_CAMERA, region, HEAD_RANGE_M), repeats
        ),
    }


def head_before_wall(camera: Intrinsics, seed: int = 0) -> FloatArray:
    """Depth image of a head-sized ball before a wall, with a depth camera's noise and quantisation.

    Parameters
    ----------
    camera : Intrinsics
        The depth camera.
    seed : int
        Seed of the noise.

    Returns
    -------
    (H, W) float32
        Metres along the optical axis; 0 where the camera has no ray.
    """
    from dphm_core.camera.rays import ray_table

    rays = ray_table(camera).astype(np.float64)
    rays = np.concatenate([rays, np.ones_like(rays[..., :1])], axis=-1)
    center = np.array(HEAD_CENTER_M)
    along, length2 = rays @ center, (rays**2).sum(axis=-1)
    discriminant = along**2 - length2 * (center @ center - HEAD_RADIUS_M**2)
    head = (along - np.sqrt(np.maximum(discriminant, 0))) / length2
    depth = np.where(discriminant > 0, head, WALL_M)
    noisy = depth + np.random.default_rng(seed).normal(0, NOISE_M, depth.shape)
    steps: FloatArray = np.nan_to_num(np.round(noisy / QUANTUM_M)).astype(np.float32)
    return steps * np.float32(QUANTUM_M)
