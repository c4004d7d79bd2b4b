"""What the offline method solves for: identity, an expression code and a pose per frame, and one scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from pytorch3d.transforms import matrix_to_quaternion, quaternion_to_matrix
from torch import Tensor

from dphm_core.frames import UNITS_PER_METRE, FloatArray, Similarity
from dphm_core.heads.model import HeadModel
from dphm_core.tracking.offline.config import StageConfig

CODE_SPREAD = 0.1
"""Spread of a code's entries that the paper's learning rates are made for."""
WEIGHT_SPREAD = 0.5
"""Spread of blendshape weights, which are within 0..1."""
USUAL_WEIGHT = 0.2
"""Root mean square of the weights of a face in motion."""
USUAL_CODE_SQUARE = 1.0
"""Squared length that free expression codes have at most (the norm of NPHM's embeddings is limited to 1)."""
MAX_COEFFICIENT = 3.0
"""Identity coefficients vary as N(0, 1); none is let further than this."""
SMALLEST_SCALE, LARGEST_SCALE = 0.5, 2.0


@dataclass(frozen=True)
class CodeSpace:
    """How a code hangs on the numbers that are optimised for it: ``code = mean + basis @ variable``, or itself."""

    mean: Tensor
    """(D,) code at rest."""
    basis: Tensor | None
    """(D, M); None where the code itself is optimised."""
    unit: float
    """The variable's spread by that of the paper's codes: the paper's learning rates and changes are in this unit."""
    usual: float
    """Usual squared distance of a variable from rest."""
    limits: tuple[float, float] | None
    """Smallest and largest entry of a variable; None where it is free."""

    def at_rest(self) -> Tensor:
        """Variable of the code at rest."""
        return self.mean.clone() if self.basis is None else self.mean.new_zeros(self.basis.shape[1])

    def code(self, variable: Tensor) -> Tensor:
        """Code (D,) of a variable."""
        return variable if self.basis is None else self.mean + self.basis @ variable

    def variable(self, code: Tensor) -> Tensor:
        """Variable of a code (D,), the nearest one where the space does not hold it."""
        if self.basis is None:
            return code.clone()
        return torch.linalg.lstsq(self.basis, (code - self.mean)[:, None]).solution[:, 0]


def identity_space(model: HeadModel, device: torch.device) -> CodeSpace:
    """Coefficients for a model with a template, whose mesh must agree with the fields; otherwise the code itself."""
    mean, basis = (torch.from_numpy(array).to(device) for array in (model.identity_mean, model.identity_basis))
    if model.template is None:
        return CodeSpace(mean, None, 1.0, float(basis.square().sum()), None)
    return CodeSpace(mean, basis, 1 / CODE_SPREAD, basis.shape[1], (-MAX_COEFFICIENT, MAX_COEFFICIENT))


def expression_space(model: HeadModel, device: torch.device) -> CodeSpace:
    """Expression codes: blendshape weights where they have names, else free."""
    rest = torch.zeros(model.config.expression_dim, device=device)
    if not model.expression_names:
        return CodeSpace(rest, None, 1.0, USUAL_CODE_SQUARE, None)
    return CodeSpace(rest, None, WEIGHT_SPREAD / CODE_SPREAD, len(rest) * USUAL_WEIGHT**2, (0.0, 1.0))


@dataclass
class Variables:
    """T frames; each frame's numbers are leaves of their own, so that a step moves those of its chunk only."""

    identity: Tensor
    """(D,) or (M,), in the identity's `CodeSpace`."""
    scale: Tensor
    """() of head → camera."""
    expressions: list[Tensor]
    """T of (E,)"""
    quaternions: list[Tensor]
    """T of (4,), w first, head → camera; unit after every step."""
    translations_m: list[Tensor]
    """T of (3,)"""

    @classmethod
    def at_rest(cls, frames: int, identity: CodeSpace, expression: CodeSpace) -> Variables:
        """The mean head with a resting face; poses are nothing yet."""
        like = identity.mean
        return cls(
            identity.at_rest(),
            like.new_ones(()),
            [expression.at_rest() for _ in range(frames)],
            [like.new_tensor([1.0, 0.0, 0.0, 0.0]) for _ in range(frames)],
            [like.new_zeros(3) for _ in range(frames)],
        )

    def pose(self, frame: int) -> Similarity:
        """Head → camera of a frame."""
        rotation = quaternion_to_matrix(self.quaternions[frame].detach().cpu()).numpy()
        return Similarity(rotation, self.translations_m[frame].detach().cpu().numpy().copy(), float(self.scale))

    def set_pose(self, frame: int, pose: Similarity) -> None:
        """Put a frame's head somewhere; the scale stays."""
        like = self.scale
        rotation = torch.from_numpy(np.ascontiguousarray(pose.rotation))
        self.quaternions[frame] = matrix_to_quaternion(rotation).to(like)
        self.translations_m[frame] = torch.from_numpy(pose.translation_m.copy()).to(like)

    def expression(self, frame: int) -> FloatArray:
        """Expression code (E,) of a frame."""
        return np.asarray(self.expressions[frame].detach().cpu().numpy(), dtype=np.float32).copy()

    def leaves(self, stage: StageConfig, frames: Sequence[int]) -> list[tuple[Tensor, float, str]]:
        """Leaves that a stage moves when it works on `frames`: (leaf, learning rate, which space)."""
        shared = [(self.identity, stage.identity_rate, "identity"), (self.scale, stage.scale_rate, "")]
        for frame in frames:
            shared += [
                (self.expressions[frame], stage.expression_rate, "expression"),
                (self.quaternions[frame], stage.pose_rate, ""),
                (self.translations_m[frame], stage.pose_rate, ""),
            ]
        return [leaf for leaf in shared if leaf[1] > 0]


@dataclass(frozen=True)
class Poses:
    """Poses of B frames, differentiable."""

    rotation: Tensor
    """(B, 3, 3) head → camera."""
    translation_m: Tensor
    """(B, 3)"""
    scale: Tensor
    """()"""

    @classmethod
    def of(cls, variables: Variables, frames: Sequence[int]) -> Poses:
        """Poses of some frames."""
        quaternions = torch.stack([variables.quaternions[frame] for frame in frames])
        translations_m = torch.stack([variables.translations_m[frame] for frame in frames])
        return cls(quaternion_to_matrix(quaternions), translations_m, variables.scale)

    def to_head(self, points_cam: Tensor) -> Tensor:
        """Head-frame points (B, N, 3) of camera-frame ones (metres): 4/s · Rᵀ (p − t)."""
        return (points_cam - self.translation_m[:, None]) @ self.rotation * (UNITS_PER_METRE / self.scale)

    def turned_to_head(self, directions_cam: Tensor) -> Tensor:
        """Head-frame directions (B, N, 3) of camera-frame ones."""
        return directions_cam @ self.rotation
