"""What a fit solves for in one frame, and how a Gauss–Newton step changes it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from dphm_core.frames import UNITS_PER_METRE, FloatArray, Similarity
from dphm_core.tracking.place import FACE_POINT

POSE_SIZE = 6
"""Pose unknowns: rotation vector (rad) about the head's origin and translation (m), both in the camera frame."""


@dataclass(frozen=True)
class FitState:
    """Pose and expression of one frame."""

    head_to_cam: Similarity
    expression: FloatArray
    """(E,)"""

    @classmethod
    def at_rest(cls, head_to_cam: Similarity, expression_dim: int) -> FitState:
        """A head in a pose, with a resting face."""
        return cls(head_to_cam, np.zeros(expression_dim, dtype=np.float32))

    def at_scale(self, scale: float) -> FitState:
        """The same with another metric scale: its face stays where it is."""
        old = self.head_to_cam
        face = old.rotation @ np.array(FACE_POINT) * ((old.scale - scale) / UNITS_PER_METRE)
        pose = Similarity(old.rotation, (old.translation_m + face).astype(np.float32), scale)
        return FitState(pose, self.expression)

    def moved(self, expression: FloatArray, pose_step: FloatArray) -> FitState:
        """The state with a new expression and its pose turned by ``exp(step[:3])`` and shifted by ``step[3:]``."""
        turn = Rotation.from_rotvec(pose_step[:3].astype(np.float64)).as_matrix()
        old = self.head_to_cam
        rotation = orthonormal(turn @ old.rotation)
        return FitState(
            Similarity(rotation, (old.translation_m + pose_step[3:]).astype(np.float32), old.scale),
            expression.astype(np.float32),
        )


def orthonormal(rotation: np.ndarray) -> FloatArray:  # type: ignore[type-arg]
    """Nearest rotation: products of many small turns drift."""
    u, _, vt = np.linalg.svd(rotation)
    return np.asarray(u @ vt, dtype=np.float32)


def pose_jacobian_of_head_points(gradient_head: FloatArray, points_cam: FloatArray, pose: Similarity) -> FloatArray:
    """Derivative (N, 6) by the pose step of scalars of head-frame points.

    `gradient_head` (N, 3) is each scalar's derivative by its point in the head frame; the point is a fixed camera-frame
    point (N, 3) seen from the moving head: x = 4/s · Rᵀ (p − t).
    """
    turned = gradient_head @ pose.rotation.T * (UNITS_PER_METRE / pose.scale)
    return np.concatenate([-np.cross(points_cam - pose.translation_m, turned), -turned], axis=1)
