"""Widths of the head model's two fields; the defaults are the official model's."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class HeadConfig:
    """Architecture of a head model (NPHM with backward deformations)."""

    anchors: int = 39
    """Number of anchors; one local identity network each, and one more global network."""
    symmetric_pairs: int = 16
    """The first 2 × this many anchors are left/right pairs that share a network."""
    neighbours: int = 8
    """Nearest anchors whose networks are blended at a query."""
    blend_std: float = 4.0
    """Width of the blending weights: σ is the largest neighbour distance divided by this."""
    global_dim: int = 64
    """Length of the identity code's global part."""
    local_dim: int = 32
    """Length of the identity code's part per anchor."""
    identity_width: int = 200
    """Hidden width of each identity network."""
    identity_layers: int = 4
    """Hidden layers of each identity network."""
    expression_dim: int = 200
    """Length of the expression code."""
    condition_dim: int = 32
    """Length of the identity summary that the expression network sees."""
    expression_width: int = 512
    """Hidden width of the expression network."""
    expression_layers: int = 6
    """Hidden layers of the expression network."""
    hyper_dim: int = 2
    """Extra canonical coordinates that let a surface split (lips)."""
    position_octaves: int = 0
    """Sine and cosine features of the expression network's query: wavelengths 1, 1/2, 1/4 … of the unit length."""

    @property
    def identity_dim(self) -> int:
        """Length of the identity code: [global | one local part per anchor | the global network's local part]."""
        return self.global_dim + (self.anchors + 1) * self.local_dim

    @property
    def expert_count(self) -> int:
        """Number of distinct identity networks."""
        return self.anchors - self.symmetric_pairs + 1
