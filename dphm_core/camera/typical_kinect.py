"""The cameras of one real Azure Kinect, for measurements and for recordings that no camera made."""

from __future__ import annotations

import numpy as np

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.camera.rigid import RigidTransform

DEPTH_CAMERA = Intrinsics(
    width=640,
    height=576,
    fx=504.6076,
    fy=504.7325,
    cx=332.7811,
    cy=348.8297,
    k=(0.5479398, -0.0209714, -0.0026522, 0.8896791, 0.0861302, -0.0139104),
    p=(2.05575e-05, -7.21042e-05),
    metric_radius=1.74,
)
"""A real Azure Kinect's depth camera, narrow field of view, unbinned."""
COLOR_CAMERA = Intrinsics(
    width=1280,
    height=720,
    fx=611.7953,
    fy=611.9270,
    cx=639.3043,
    cy=365.8529,
    k=(0.3301213, -2.4893966, 1.4536709, 0.2089121, -2.3029151, 1.3751275),
    p=(-0.000161782, -0.000129445),
    metric_radius=1.7,
)
"""The same device's colour camera, 720p."""
DEPTH_TO_COLOR = RigidTransform(
    np.array(
        [
            [0.99999923, 0.00118176, -0.00044814],
            [-0.00113875, 0.99628061, 0.08616032],
            [0.00054829, -0.08615975, 0.99628121],
        ]
    ),
    np.array([-0.03208343, -0.00220537, 0.00388369]),
)
"""The same device's extrinsics."""
