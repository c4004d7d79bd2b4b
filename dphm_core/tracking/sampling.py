"""Which of a frame's depth points enter the fit: facial skin, denser on mouth and eyes."""

from __future__ import annotations

import numpy as np

from dphm_core.frames import FloatArray, Observation, Similarity

FACE_MIN = np.array([-0.32, -0.44, -0.06], dtype=np.float32)
FACE_MAX = np.array([0.32, 0.34, 0.42], dtype=np.float32)
"""Box of the face in the head frame: below the hairline, before the ears, above the neck."""
DENSE_MIN = np.array([[-0.14, -0.36, 0.0], [-0.23, 0.0, 0.0]], dtype=np.float32)
DENSE_MAX = np.array([[0.14, -0.10, 0.42], [0.23, 0.14, 0.42]], dtype=np.float32)
"""Boxes of the mouth and of the eyes."""
DENSITY = 2.5
"""How much denser they are sampled than the rest."""


def face_points(
    observation: Observation, pose: Similarity, count: int, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Choose at most `count` points of the face: positions and normals (N, 3), camera frame."""
    points_head = pose.to_head(observation.points_cam)
    inside = ((points_head > FACE_MIN) & (points_head < FACE_MAX)).all(axis=1)
    candidates = np.nonzero(inside)[0]
    dense = np.zeros(len(candidates), dtype=bool)
    for low, high in zip(DENSE_MIN, DENSE_MAX, strict=True):
        dense |= ((points_head[candidates] > low) & (points_head[candidates] < high)).all(axis=1)
    # Drawing the smallest of weighted exponentials is sampling without replacement (Efraimidis and Spirakis 2006).
    key = rng.standard_exponential(len(candidates)) / np.where(dense, DENSITY, 1.0)
    if len(candidates) > count:
        candidates = candidates[np.argpartition(key, count)[:count]]
    return observation.points_cam[candidates], observation.normals_cam[candidates]
