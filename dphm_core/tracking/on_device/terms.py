"""What `tracking.terms` and `tracking.weighting` compute, as torch operations of fixed shapes; lengths in metres."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from dphm_core.frames import UNITS_PER_METRE
from dphm_core.heads.deformation import Deformation
from dphm_core.tracking.on_device.fields import DeviceDistance
from dphm_core.tracking.terms import METRES_PER_UNIT, ContourTerm

POLISHINGS = 2
"""Newton steps to the nearest rotation; what a small turn leaves of a rotation is one to seven digits."""


class DeviceState(NamedTuple):
    """Pose and expression, as in `FitState`."""

    rotation: Tensor
    """(3, 3)"""
    translation: Tensor
    """(3,) metres."""
    expression: Tensor
    """(E,)"""
    scale: Tensor
    """()"""

    def to_head(self, points_cam: Tensor) -> Tensor:
        """Points (N, 3) in the head frame."""
        return (points_cam - self.translation) @ (self.rotation * (UNITS_PER_METRE / self.scale))

    def to_camera(self, points_head: Tensor) -> Tensor:
        """Head-frame points (N, 3) in the camera frame."""
        return points_head @ (self.rotation.T * (self.scale / UNITS_PER_METRE)) + self.translation

    def moved(self, step: Tensor) -> DeviceState:
        """After a step (E + 6,), float64, of the expression, the turn and the shift, as `FitState.moved`."""
        size = len(self.expression)
        rotation = nearest_rotation(rotation_of(step[size : size + 3]) @ self.rotation.double())
        return DeviceState(
            rotation.float(),
            self.translation + step[size + 3 :].float(),
            self.expression + step[:size].float(),
            self.scale,
        )


class Rows(NamedTuple):
    """Residuals (N,), their Jacobian (N, E + 6) by [expression, pose], and normals."""

    values: Tensor
    jacobian: Tensor
    normals_cam: Tensor
    """(N, 3) the model's, in the camera frame."""


def rotation_of(vector: Tensor) -> Tensor:
    """Rotation (3, 3) about a vector (3,) by its length, radians."""
    # sinc(a / π) is sin(a) / a, and 1 at zero.
    half = torch.linalg.vector_norm(vector) / (2 * torch.pi)
    zero = torch.zeros_like(vector[0])
    x, y, z = vector.unbind()
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero]).view(3, 3)
    first, second = torch.sinc(2 * half), torch.sinc(half).square() / 2
    return torch.eye(3, dtype=vector.dtype, device=vector.device) + first * cross + second * (cross @ cross)


def nearest_rotation(rotation: Tensor) -> Tensor:
    """The rotation (3, 3) next to a matrix that nearly is one."""
    thrice = 3 * torch.eye(3, dtype=rotation.dtype, device=rotation.device)
    for _ in range(POLISHINGS):
        rotation = rotation @ (thrice - rotation.T @ rotation) / 2
    return rotation


def depth_rows(deformation: Deformation, distance: DeviceDistance, state: DeviceState, points_cam: Tensor) -> Rows:
    """Signed distances of camera-frame points (N, 3) to the posed head: `distance_residuals`."""
    evaluation = deformation.evaluate(state.to_head(points_cam), state.expression)
    values, by_canonical = distance(evaluation.canonical)
    by_point, by_expression = deformation.pull_back(evaluation, by_canonical)
    in_camera = by_point @ state.rotation.T
    turned = in_camera * (UNITS_PER_METRE / state.scale)
    by_turn = torch.linalg.cross(turned, points_cam - state.translation)
    to_metres = METRES_PER_UNIT * state.scale
    jacobian = torch.cat([by_expression, by_turn, -turned], dim=1) * to_metres
    length = torch.linalg.vector_norm(in_camera, dim=1, keepdim=True).clamp_min(1e-6)
    return Rows(values * to_metres, jacobian, in_camera / length)


def distances(deformation: Deformation, distance: DeviceDistance, state: DeviceState, points_cam: Tensor) -> Tensor:
    """Signed distances (N,) alone: `signed_distances`."""
    evaluation = deformation.evaluate(state.to_head(points_cam), state.expression)
    return distance.values(evaluation.canonical) * (METRES_PER_UNIT * state.scale)


def robust(residual: Tensor, width: float | Tensor) -> Tensor:
    """Geman–McClure weights (N,): `robust_weights`."""
    return (1 + (residual / width).square()).square().reciprocal()


@dataclass(frozen=True)
class ContourOnDevice:
    """`ContourTerm` on a device."""

    landmarks: np.ndarray  # type: ignore[type-arg]
    """(L,) landmark indices."""
    resting: Tensor
    """(L, 3) head-frame vertices without any expression weight."""
    basis: Tensor
    """(E, L, 3)"""

    @classmethod
    def of(cls, term: ContourTerm, device: torch.device) -> ContourOnDevice:
        """A copy of a term, on a device."""
        resting = term.canonical - np.tensordot(term.canonical_weights, term.expression_basis, 1)
        return cls(
            term.landmarks,
            torch.from_numpy(resting.astype(np.float32)).to(device),
            torch.from_numpy(term.expression_basis).to(device),
        )

    def rows(self, state: DeviceState, rays: Tensor) -> tuple[Tensor, Tensor]:
        """Reprojection errors (2 L,) and their Jacobian (2 L, E + 6) for the landmarks' rays (L, 2)."""
        points_cam = state.to_camera(self.resting + torch.tensordot(state.expression, self.basis, 1))
        values = points_cam[:, :2] - rays * points_cam[:, 2:]
        directions = torch.eye(2, 3, device=rays.device).expand(len(rays), 2, 3)
        rows = directions - torch.nn.functional.pad(rays[..., None], (2, 0))  # (L,2,3): ∂ value / ∂ point
        by_turn = torch.linalg.cross((points_cam - state.translation)[:, None].expand_as(rows), rows)
        in_head = rows @ state.rotation * (METRES_PER_UNIT * state.scale)  # (L,2,3)
        by_expression = in_head @ self.basis.permute(1, 2, 0)  # (L,2,E)
        jacobian = torch.cat([by_expression, by_turn, rows], dim=2)
        return values.reshape(-1), jacobian.flatten(0, 1)
