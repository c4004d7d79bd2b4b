"""Computes one made-up frame of everything a live picture computes, so that its first real frames are not slow.

Kernels are compiled at their first use, some ten seconds once after an installation, and loaded at their first use in
every process after that; libraries set themselves up at their first call. Here that happens before the picture begins.
"""

from __future__ import annotations

from time import perf_counter

import numpy as np

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.camera.registration import DepthRegistration
from dphm_core.camera.rigid import RigidTransform
from dphm_core.frames import FloatArray, RGBDFrame
from dphm_core.landmarks.lift import lift_landmarks
from dphm_core.landmarks.observe import Observer
from dphm_core.tracking.tracker import HeadTracker

CAMERA = Intrinsics(320, 240, 300.0, 300.0, 160.0, 120.0, k=(0.01, 0.0, 0.0, 0.0, 0.0, 0.0))
"""With a lens that distorts a little: rays without are worked out otherwise."""
HEAD_M, HEAD_RADIUS_PX, WALL_M = 0.5, 60, 1.5
"""The made-up scene: a disc for a head, a wall behind it."""


def warm_up(tracker: HeadTracker | None = None) -> float:
    """Make ready what computes the frames of a live picture; slow, so called away from the GUI thread.

    Parameters
    ----------
    tracker : HeadTracker, optional
        The one that will track, with the mean head that it will begin with; before its first frame.

    Returns
    -------
    float
        Seconds that it took.
    """
    started = perf_counter()
    _warm_up_camera()
    if tracker is not None and tracker.model.template is not None:
        from dphm_core.made_up_frame import made_up_frame

        tracker.warm_up(made_up_frame(tracker.model)[0])
    return perf_counter() - started


def _warm_up_camera() -> None:
    """Registration, filter, normals and landmarks' depth."""
    depth_m = _depth_of_a_disc()
    DepthRegistration(CAMERA, CAMERA, RigidTransform(np.eye(3), np.zeros(3)))(depth_m)
    centre = np.array([[CAMERA.cx, CAMERA.cy]], dtype=np.float32)
    lift_landmarks(centre, depth_m, CAMERA)
    with Observer(landmarks=False) as observer:
        x, y = int(CAMERA.cx), int(CAMERA.cy)
        observer.hint((x - HEAD_RADIUS_PX, y - HEAD_RADIUS_PX, x + HEAD_RADIUS_PX, y + HEAD_RADIUS_PX), HEAD_M)
        for index in range(2):  # found where it was hinted at, then followed
            observer.observe(RGBDFrame(index, float(index), None, depth_m, CAMERA))


def _depth_of_a_disc() -> FloatArray:
    rows, columns = np.mgrid[: CAMERA.height, : CAMERA.width]
    disc = np.hypot(columns - CAMERA.cx, rows - CAMERA.cy) < HEAD_RADIUS_PX
    return np.where(disc, np.float32(HEAD_M), np.float32(WALL_M))
