"""Rigid alignment of corresponding points, robust against wrong ones."""

from __future__ import annotations

import numpy as np

from dphm_core.frames import UNITS_PER_METRE, FloatArray, Similarity

ROBUST_M = 0.006
"""Residual at which a correspondence counts half (Cauchy)."""
ROUNDS = 15
HEAD_SCALES = (0.85, 1.2)
"""Sizes that heads have, against the model's mean."""
MIN_POINTS = 6


def align(points_head: FloatArray, points_cam: FloatArray, scale: float | None = None) -> tuple[Similarity, FloatArray]:
    """Find the head → camera similarity of corresponding points.

    Iteratively re-weighted least squares (Umeyama 1991 with weights).

    Parameters
    ----------
    points_head, points_cam : (N, 3)
        Head frame (0.25 m units) and camera frame (metres).
    scale : float, optional
        Fixed scale; without it, the scale is solved for within `HEAD_SCALES`.

    Returns
    -------
    similarity : Similarity
    residual_m : (N,) distances after alignment, metres
    """
    source = points_head.astype(np.float64) / UNITS_PER_METRE
    target = points_cam.astype(np.float64)
    weights = np.ones(len(source))
    similarity, residual = Similarity(np.eye(3, dtype=np.float32), np.zeros(3, np.float32)), weights
    for _ in range(ROUNDS):
        similarity = _weighted(source, target, weights / weights.sum(), scale)
        residual = np.linalg.norm(similarity.to_camera(points_head) - target, axis=1)
        # The scale of the weights follows the bulk first, so that a bad start does not lock onto a few points.
        weights = 1 / (1 + (residual / max(ROBUST_M, float(np.median(residual)))) ** 2)
    return similarity, residual.astype(np.float32)


def _weighted(source: np.ndarray, target: np.ndarray, weights: np.ndarray, scale: float | None) -> Similarity:  # type: ignore[type-arg]
    source_mean, target_mean = weights @ source, weights @ target
    from_mean, to_mean = source - source_mean, target - target_mean
    u, strength, vt = np.linalg.svd((to_mean * weights[:, None]).T @ from_mean)
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    rotation = (u * sign) @ vt
    if scale is None:
        spread = float((weights * (from_mean**2).sum(axis=1)).sum())
        scale = float(np.clip((strength * sign).sum() / max(spread, 1e-12), *HEAD_SCALES))
    translation = target_mean - scale * rotation @ source_mean
    return Similarity(rotation.astype(np.float32), translation.astype(np.float32), scale)
