"""FLAME's equations (Li et al. 2017): a linear head, corrected for its pose, skinned to five joints; differentiable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dphm_core.dataset.flame.model_file import JOINTS, SHAPES, FlameArrays

JAW = 2
"""Joint of the jaw."""
TINY = 1e-12


@dataclass(frozen=True)
class FlameModel:
    """S shape and E expression directions (C = S + E) over V vertices, metres; all tensors float32."""

    template: Tensor
    """(V, 3)"""
    basis: Tensor
    """(C, V, 3) offset per unit of a coefficient, shape first."""
    pose_basis: Tensor
    """(36, V, 3) offset per unit of the entries of R − 1."""
    joints: Tensor
    """(5, 3) of the mean head."""
    joint_basis: Tensor
    """(C, 5, 3) their offset per unit of a coefficient."""
    weights: Tensor
    """(V, 5)"""
    parents: tuple[int, ...]
    """Of each joint, −1 of the root."""
    faces: NDArray[np.int32]
    """(F, 3)"""
    shape_count: int
    """S."""

    @property
    def count(self) -> int:
        """Number C of coefficients."""
        return len(self.basis)

    def vertices(self, coefficients: Tensor, rotations: Tensor) -> Tensor:
        """Vertices of a head.

        Parameters
        ----------
        coefficients : (C,)
            Of shape, then of expression.
        rotations : (5, 3)
            Of each joint against its parent: axis times angle, radians.

        Returns
        -------
        (V, 3)
            Metres, FLAME's frame.
        """
        turns = rotation_matrices(rotations)
        bent = (turns[1:] - torch.eye(3)).reshape(-1)
        shaped = (
            self.template + torch.tensordot(coefficients, self.basis, 1) + torch.tensordot(bent, self.pose_basis, 1)
        )
        joints = self.joints + torch.tensordot(coefficients, self.joint_basis, 1)
        return self._skinned(shaped, joints, turns)

    def derivative(self, rotations: Tensor, first: int = 0) -> Tensor:
        """(C − first, V, 3) derivative of the vertices by the coefficients from one on, the same at all of them."""
        return self._skinned(self.basis[first:], self.joint_basis[first:], rotation_matrices(rotations))

    def restricted(self, kept: NDArray[np.intp]) -> FlameModel:
        """The same head with these vertices only, and the faces among them."""
        number = np.full(len(self.template), -1)
        number[kept] = np.arange(len(kept))
        faces = number[self.faces]
        index = torch.from_numpy(kept)
        return replace(
            self,
            template=self.template[index],
            basis=self.basis[:, index].contiguous(),
            pose_basis=self.pose_basis[:, index].contiguous(),
            weights=self.weights[index],
            faces=faces[(faces >= 0).all(axis=1)].astype(np.int32),
        )

    def _skinned(self, shaped: Tensor, joints: Tensor, turns: Tensor) -> Tensor:
        """Linear in both: (…, V, 3) of (…, V, 3) and (…, 5, 3)."""
        world, places = [turns[0]], [joints[..., 0, :]]
        for joint in range(1, JOINTS):
            parent = self.parents[joint]
            places.append(places[parent] + (joints[..., joint, :] - joints[..., parent, :]) @ world[parent].T)
            world.append(world[parent] @ turns[joint])
        rotations = torch.stack(world)
        shift = torch.stack(places, dim=-2) - torch.einsum("jab,...jb->...ja", rotations, joints)
        blended = torch.einsum("vj,jab->vab", self.weights, rotations)
        return torch.einsum("vab,...vb->...va", blended, shaped) + self.weights @ shift


def build_model(arrays: FlameArrays, shape_count: int, expression_count: int) -> FlameModel:
    """Take the first directions of shape and of expression."""
    chosen = [*range(shape_count), *range(SHAPES, SHAPES + expression_count)]
    basis = np.moveaxis(arrays.directions[:, :, chosen], 2, 0)
    return FlameModel(
        template=_tensor(arrays.template),
        basis=_tensor(basis),
        pose_basis=_tensor(np.moveaxis(arrays.pose_directions, 2, 0)),
        joints=_tensor(arrays.joint_regressor @ arrays.template),
        joint_basis=_tensor(np.einsum("jv,cvx->cjx", arrays.joint_regressor, basis, optimize=True)),
        weights=_tensor(arrays.weights),
        parents=arrays.parents,
        faces=arrays.faces,
        shape_count=shape_count,
    )


def rotation_matrices(vectors: Tensor) -> Tensor:
    """Rotations (N, 3, 3) of axes times angles (N, 3), radians; differentiable at zero, too."""
    angle = (vectors.square().sum(dim=1) + TINY).sqrt()[:, None, None]
    x, y, z = vectors.unbind(dim=1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=1).reshape(-1, 3, 3)
    return torch.eye(3) + cross * (angle.sin() / angle) + cross @ cross * ((1 - angle.cos()) / angle.square())


def jaw_only(jaw: Tensor) -> Tensor:
    """Rotations (5, 3) of all joints where only the jaw (3,) is turned."""
    nothing = torch.zeros(3)
    return torch.stack([jaw if joint == JAW else nothing for joint in range(JOINTS)])


def _tensor(array: NDArray[np.float64]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))


def kept_vertices(model: FlameModel, low: Sequence[float], high: Sequence[float]) -> NDArray[np.intp]:
    """Vertices of the mean head within a box, metres."""
    template = model.template.numpy()
    return np.flatnonzero(((template > np.array(low)) & (template < np.array(high))).all(axis=1))
