"""Which of a frame's depth points enter the fit: facial skin, denser on mouth and eyes."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import uniform_filter

from dphm_core.frames import FloatArray, Observation, Similarity

FACE_MIN = np.array([-0.32, -0.44, -0.06], dtype=np.float32)
FACE_MAX = np.array([0.32, 0.34, 0.42], dtype=np.float32)
"""Box of the face in the head frame: below the hairline, before the ears, above the neck."""
DENSE_MIN = np.array([[-0.14, -0.36, 0.0], [-0.23, 0.0, 0.0]], dtype=np.float32)
DENSE_MAX = np.array([[0.14, -0.10, 0.42], [0.23, 0.14, 0.42]], dtype=np.float32)
"""Boxes of the mouth and of the eyes."""
DENSITY = 2.5
"""How much denser they are sampled than the rest."""
CELL_M = 0.005
"""Side of the picture's cells in which points are counted, at the head's depth."""
MAX_CELLS = 400
"""Cells along a side of the picture, which is cut off there: two metres at the head's depth."""
FULL_PERCENTILE = 90
"""Percentile of the counts that passes for a cell where every pixel has depth."""
COMPLETE = 0.6
"""How complete the depth around a point is that may tell who somebody is."""


def face_points(
    observation: Observation, pose: Similarity, count: int, rng: np.random.Generator, least_complete: float = 0.0
) -> tuple[FloatArray, FloatArray]:
    """Choose at most `count` points of the face: positions and normals (N, 3), camera frame.

    The more of the depth around a point is missing, the less likely it is drawn: light that hardly comes back, through
    a lens, from hair or along an edge, tells distances that are wrong by millimetres, and all to the same side, which
    robust weights take for the shape of the face. Below `least_complete` it is left out altogether.
    """
    points_head = pose.to_head(observation.points_cam)
    complete = completeness(observation.points_cam)
    inside = ((points_head > FACE_MIN) & (points_head < FACE_MAX)).all(axis=1) & (complete >= least_complete)
    candidates = np.nonzero(inside)[0]
    dense = np.zeros(len(candidates), dtype=bool)
    for low, high in zip(DENSE_MIN, DENSE_MAX, strict=True):
        dense |= ((points_head[candidates] > low) & (points_head[candidates] < high)).all(axis=1)
    wanted = complete[candidates] * np.where(dense, DENSITY, 1.0)
    # Drawing the smallest of weighted exponentials is sampling without replacement (Efraimidis and Spirakis 2006).
    key = rng.standard_exponential(len(candidates)) / wanted
    if len(candidates) > count:
        candidates = candidates[np.argpartition(key, count)[:count]]
    return observation.points_cam[candidates], observation.normals_cam[candidates]


def completeness(points_cam: FloatArray) -> FloatArray:
    """How much of the picture around each depth point (N, 3), metres, camera frame, has depth: (N,), above 0 to 1."""
    if not len(points_cam):
        return np.zeros(0, dtype=np.float32)
    rays = points_cam[:, :2] / points_cam[:, 2:]
    # A point next to the camera would make more cells than there are points for.
    place = np.minimum((rays - rays.min(axis=0)) * (np.median(points_cam[:, 2]) / CELL_M), MAX_CELLS - 1)
    column, row = place.astype(np.int64).T
    size = (int(row.max()) + 1, int(column.max()) + 1)
    cell = row * size[1] + column
    counts = np.bincount(cell, minlength=size[0] * size[1]).reshape(size).astype(np.float32)
    around = uniform_filter(counts, 3, mode="constant").ravel()
    full = np.percentile(around[counts.ravel() > 0], FULL_PERCENTILE)
    return np.minimum(around[cell] / full, 1)
