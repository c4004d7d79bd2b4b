"""The residuals that a fit minimises, each with its derivatives (head-frame quantities unless named otherwise)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from dphm_core.camera.rays import undistort
from dphm_core.frames import UNITS_PER_METRE, FloatArray, Observation, Similarity
from dphm_core.heads.subject import Subject
from dphm_core.tracking.fit_state import FitState, pose_jacobian_of_head_points

METRES_PER_UNIT = 1 / UNITS_PER_METRE


@dataclass(frozen=True)
class Residuals:
    """N residuals of one term with their Jacobian by C unknowns, which the maker tells."""

    values: FloatArray
    """(N,) metres."""
    jacobian: FloatArray
    """(N, C)"""
    normals_head: FloatArray | None = None
    """(N, 3) model normals in the posed head frame, where the term has them."""


def distance_residuals(subject: Subject, state: FitState, points_cam: FloatArray) -> Residuals:
    """Signed distances of camera-frame points (N, 3) to the posed head, with their Jacobian by [expression, pose].

    Source: NPHM's data term; per-point derivatives by one backward pass (REFERENCE section 8).
    """
    pose = state.head_to_cam
    points_head = torch.from_numpy(pose.to_head(points_cam))
    with torch.no_grad():
        evaluation = subject.deformation.evaluate(points_head, torch.from_numpy(state.expression))
        values, by_canonical = subject.distance(evaluation.canonical.numpy())
        by_point, by_expression = subject.deformation.pull_back(
            evaluation, torch.from_numpy(np.ascontiguousarray(by_canonical))
        )
    gradient = by_point.numpy()
    to_metres = METRES_PER_UNIT * pose.scale
    jacobian = np.concatenate([by_expression.numpy(), pose_jacobian_of_head_points(gradient, points_cam, pose)], axis=1)
    length = np.maximum(np.linalg.norm(gradient, axis=1, keepdims=True), 1e-6)
    return Residuals(values * to_metres, jacobian * to_metres, gradient / length)


def signed_distances(subject: Subject, state: FitState, points_cam: FloatArray) -> FloatArray:
    """Signed distances (N,) of camera-frame points (N, 3) to the posed head, metres, without derivatives."""
    pose = state.head_to_cam
    with torch.no_grad():
        evaluation = subject.deformation.evaluate(
            torch.from_numpy(pose.to_head(points_cam)), torch.from_numpy(state.expression)
        )
    return subject.distance(evaluation.canonical.numpy())[0] * (METRES_PER_UNIT * pose.scale)


@dataclass(frozen=True)
class ContourTerm:
    """Template vertices on eyelids and lips that should be seen where the landmark detector saw them."""

    landmarks: np.ndarray  # type: ignore[type-arg]
    """(L,) landmark indices."""
    canonical: FloatArray
    """(L, 3) their vertices on the subject's canonical head."""
    expression_basis: FloatArray
    """(E, L, 3)"""
    canonical_weights: FloatArray
    """(E,)"""

    def residuals(self, state: FitState, rays: FloatArray) -> Residuals:
        """Reprojection errors (2 L,), as metres at the vertex's depth, of the detected landmarks' rays (478, 2)."""
        offset = np.tensordot(state.expression - self.canonical_weights, self.expression_basis, 1)
        return reprojection_residuals(
            self.canonical + offset, self.expression_basis, rays[self.landmarks], state.head_to_cam
        )


def reprojection_residuals(points_head: FloatArray, basis: FloatArray, rays: FloatArray, pose: Similarity) -> Residuals:
    """Errors (2 L,) between head points (L, 3) and the rays (x/z, y/z) (L, 2) they should lie on, metres at that depth.

    `basis` (E, L, 3) holds the points' derivatives by the first unknowns.
    """
    points_cam = pose.to_camera(points_head)
    depth = points_cam[:, 2]
    values = points_cam[:, :2] - rays * depth[:, None]
    # d value = d p_xy − ray · d p_z, with d p = δ × (p − t) + τ for the pose and s R b / 4 for the basis.
    rows = np.zeros((len(depth), 2, 3), dtype=np.float32)
    rows[:, 0, 0] = rows[:, 1, 1] = 1
    rows[:, :, 2] = -rays
    by_rotation = np.cross((points_cam - pose.translation_m)[:, None, :], rows)
    by_basis = np.einsum("lrc,elc->lre", rows @ pose.rotation * (METRES_PER_UNIT * pose.scale), basis, optimize=True)
    jacobian = np.concatenate([by_basis, by_rotation, rows], axis=2)
    return Residuals(values.reshape(-1), jacobian.reshape(2 * len(depth), -1).astype(np.float32))


def robust_weights(residual: FloatArray, width: float) -> FloatArray:
    """Geman–McClure weights (N,): half at 0.64 widths, vanishing for outliers."""
    return np.asarray(1 / (1 + (residual / width) ** 2) ** 2, dtype=np.float32)


def landmark_rays(observation: Observation) -> FloatArray | None:
    """Rays (478, 2), x/z and y/z, of the detected landmarks."""
    if observation.landmarks is None:
        return None
    camera = observation.frame.intrinsics
    centred = observation.landmarks.pixels - np.array([camera.cx, camera.cy])
    return undistort(centred / np.array([camera.fx, camera.fy]), camera).astype(np.float32)
