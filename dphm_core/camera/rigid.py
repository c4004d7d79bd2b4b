"""Rigid motion between two cameras."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class RigidTransform:
    """``p_to = rotation · p_from + translation_m``; named after its ends, as in `depth_to_color`."""

    rotation: NDArray[np.float64]
    """(3, 3) float64, orthonormal."""
    translation_m: NDArray[np.float64]
    """(3,) float64, metres."""

    def __call__(self, points: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Move (..., 3) points, metres."""
        moved: NDArray[np.float64] = points @ self.rotation.T + self.translation_m
        return moved

    def __matmul__(self, first: RigidTransform) -> RigidTransform:
        """``(b_to_c @ a_to_b)`` is a_to_c."""
        return RigidTransform(self.rotation @ first.rotation, self(first.translation_m))

    @property
    def inverse(self) -> RigidTransform:
        """The motion back."""
        return RigidTransform(self.rotation.T, -self.rotation.T @ self.translation_m)

    @classmethod
    def identity(cls) -> RigidTransform:
        """No motion."""
        return cls(np.eye(3), np.zeros(3))
