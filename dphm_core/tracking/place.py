"""Where a tracked head is in the image, for the observer to look there next."""

from __future__ import annotations

import itertools

import numpy as np

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.camera.rays import project
from dphm_core.frames import Similarity
from dphm_core.landmarks.tables import Region, clip_region

Place = tuple[Region, float]
"""Box (x0, y0, x1, y1) of a head in pixels, and the depth of its face in metres."""
HEAD_BOX = ((-0.36, 0.36), (-0.42, 0.48), (-0.6, 0.28))
"""Box of a head without its neck, head-frame units: ranges of x, y and z."""
FACE_POINT = (0.0, 0.0, 0.12)
"""A point about as deep as the middle of the facial skin."""


def head_place(pose: Similarity, camera: Intrinsics) -> Place:
    """Box (x0, y0, x1, y1) in pixels of a head, cut to the image, and the depth of its face in metres."""
    corners = np.array([*itertools.product(*HEAD_BOX), FACE_POINT], dtype=np.float32)
    points_cam = pose.to_camera(corners)
    pixels = project(points_cam[:-1], camera)
    (x0, y0), (x1, y1) = np.nanmin(pixels, axis=0), np.nanmax(pixels, axis=0)
    return clip_region((x0, y0, x1, y1), (camera.width, camera.height)), float(points_cam[-1, 2])
