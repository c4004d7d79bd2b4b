"""The template mesh of a model that was trained on a generator: the same skin point at the same vertex, always."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dphm_core.frames import FloatArray

NO_VERTEX = -1
"""Entry of `landmark_vertices` for a landmark without a vertex."""


@dataclass(frozen=True)
class Template:
    """A linear mesh model of M identity coefficients and E expression weights, in the head frame (0.25 m units)."""

    mean: FloatArray
    """(V, 3) mean canonical head."""
    identity_basis: FloatArray
    """(M, V, 3) offset per unit of a coefficient, which varies as N(0, 1)."""
    expression_basis: FloatArray
    """(E, V, 3) offset at weight 1."""
    canonical_weights: FloatArray
    """(E,) expression weights of the canonical head (mouth slightly open)."""
    faces: NDArray[np.int32]
    """(F, 3) triangles, outward by the right-hand rule."""
    landmark_vertices: NDArray[np.int32]
    """(478,) vertex of each MediaPipe landmark, `NO_VERTEX` where there is none."""
    tracked: NDArray[np.bool_]
    """(V,) vertices of the facial skin, where depth is compared with the model."""

    def canonical(self, coefficients: FloatArray) -> FloatArray:
        """Canonical vertices (V, 3) of identity coefficients (M,)."""
        return np.asarray(self.mean + np.tensordot(coefficients, self.identity_basis, 1), dtype=np.float32)

    def posed(self, canonical: FloatArray, expression: FloatArray) -> FloatArray:
        """Posed vertices (V, 3) of a canonical head and expression weights (E,)."""
        offset = np.tensordot(expression - self.canonical_weights, self.expression_basis, 1)
        return np.asarray(canonical + offset, dtype=np.float32)
