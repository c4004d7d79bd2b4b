"""What is slow about the first frame of the 3-D view, done beforehand: on the thread that opens a source."""

from __future__ import annotations

import numpy as np

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.camera.rays import ray_table
from dphm_core.frames import RGBDFrame
from dphm_core.meshing.normals import vertex_normals
from dphm_core.meshing.residual import vertex_residuals_m

from .cloud_points import CloudPoints

TINY = Intrinsics(width=4, height=4, fx=4.0, fy=4.0, cx=1.5, cy=1.5)


def prepare_view(camera: Intrinsics) -> None:
    """Compile the view's kernels and compute a camera's rays, which else the first painting would do; any thread.

    Seconds where the kernels were never compiled on this machine, and next to nothing the second time.
    """
    ray_table(camera)
    depth, color = np.ones((4, 4), np.float32), np.zeros((4, 4, 3), np.uint8)
    CloudPoints().take(RGBDFrame(0, 0.0, color, depth, TINY))
    vertices = np.array([[0, 0, 1], [0.1, 0, 1], [0, 0.1, 1]], np.float32)
    faces = np.array([[0, 2, 1]], np.int32)
    vertex_residuals_m(vertices, faces, vertex_normals(vertices, faces), depth, TINY, reach=1)
