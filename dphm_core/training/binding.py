"""How the default model's codes and anchors hang on the generator: a fixed linear map, known before training.

An identity code follows NPHM's layout [global | local per anchor | local of the global network]. Its global part is the
first identity coefficients; the local part of an anchor is the principal components of the generator's shape variation
around that anchor, so that it varies as N(0, 1). Because pairs of anchors share a network that sees a mirrored query,
the right member's local part is measured in the left member's mirrored basis.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from dphm_core.frames import FloatArray
from dphm_core.heads.config import HeadConfig
from dphm_core.training.ict import SKIN_VERTEX_COUNT, HeadGenerator

LOCAL_RADIUS = 0.16
"""Vertices this near an anchor (head-frame units, 4 cm) make up its local shape."""
MIRROR_X = np.array([-1, 1, 1], dtype=np.float32)

CODE_SCALE = 0.1
"""Spread of an identity code's entries: larger ones drown the position in an identity network's first layer."""

MEAN_ANCHORS = (
    (-0.10, -0.21, 0.15), (-0.27, -0.10, -0.04), (-0.13, -0.27, 0.11), (-0.20, -0.08, 0.11), (-0.15, 0.15, 0.18),
    (-0.07, 0.07, 0.14), (-0.18, 0.07, 0.12), (-0.07, -0.08, 0.18), (-0.22, -0.26, -0.08), (-0.26, 0.07, 0.02),
    (-0.29, -0.01, -0.21), (-0.16, 0.34, 0.11), (-0.20, 0.45, -0.14), (0.20, 0.24, -0.52), (0.18, -0.17, -0.37),
    (-0.29, -0.46, -0.39), (0.0, -0.45, -0.05), (0.0, -0.05, 0.28), (0.0, -0.24, 0.19), (0.0, -0.16, 0.23),
    (0.0, 0.06, 0.21), (0.0, 0.20, 0.20), (0.0, -0.37, 0.15),
)  # fmt: skip
"""NPHM's mean anchors, rounded: the even member of each of the 16 pairs, then the 7 of the middle."""
LANDMARK_OF_ANCHOR = {0: 48, 8: 19, 10: 39, 12: 36, 33: 30, 34: 57, 35: 51, 36: 27, 38: 8}
"""Anchors that are Multi-PIE landmarks: anchor index → landmark index (even members and middle)."""


@dataclass(frozen=True)
class GeneratorBinding:
    """Anchors and identity codes of a generator's heads."""

    anchor_vertices: NDArray[np.int64]
    """(39,) vertex of each anchor."""
    mean_anchors: FloatArray
    """(39, 3) anchors of the mean canonical head."""
    identity_basis: FloatArray
    """(D, 100): identity code = identity_basis @ coefficients."""


def bind(generator: HeadGenerator, config: HeadConfig) -> GeneratorBinding:
    """Work out the anchors and the identity basis of `generator` for a model of `config`'s code sizes."""
    mean = generator.vertices(np.zeros(len(generator.identity), np.float32), generator.canonical_weights)
    mirrored = cKDTree(mean[:SKIN_VERTEX_COUNT]).query(mean[:SKIN_VERTEX_COUNT] * (-1, 1, 1))[1]
    anchors = _anchor_vertices(generator, mean, mirrored, config.symmetric_pairs)
    modes = len(generator.identity)
    basis = np.zeros((config.identity_dim, modes), dtype=np.float32)
    basis[: config.global_dim, : config.global_dim] = np.eye(config.global_dim, dtype=np.float32)
    for index in range(config.anchors):
        start = config.global_dim + index * config.local_dim
        even = anchors[index - index % 2] if index < 2 * config.symmetric_pairs else anchors[index]
        odd = index < 2 * config.symmetric_pairs and index % 2 == 1
        local = _local_code_map(generator, mean, int(even), mirrored if odd else None, config.local_dim)
        basis[start : start + config.local_dim] = local
    rest = min(config.local_dim, modes - config.global_dim)
    last = config.identity_dim - config.local_dim
    basis[last : last + rest, config.global_dim : config.global_dim + rest] = np.eye(rest, dtype=np.float32)
    return GeneratorBinding(anchors, mean[anchors], CODE_SCALE * basis)


def _anchor_vertices(
    generator: HeadGenerator, mean: FloatArray, mirrored: NDArray[np.int64], pairs: int
) -> NDArray[np.int64]:
    skin = cKDTree(mean[:SKIN_VERTEX_COUNT])
    vertices: list[int] = []
    for point in MEAN_ANCHORS:
        index = len(vertices)
        landmark = LANDMARK_OF_ANCHOR.get(index)
        vertex = int(generator.landmark_vertices[landmark] if landmark is not None else skin.query(point)[1])
        vertices.append(vertex)
        if index < 2 * pairs:
            vertices.append(int(mirrored[vertex]))
    return np.array(vertices)


def _local_code_map(
    generator: HeadGenerator, mean: FloatArray, vertex: int, mirrored: NDArray[np.int64] | None, size: int
) -> FloatArray:
    """(size, 100) map from coefficients to an anchor's local code, seen through `mirrored` where given."""
    near = np.nonzero(np.linalg.norm(mean[:SKIN_VERTEX_COUNT] - mean[vertex], axis=1) < LOCAL_RADIUS)[0]
    variation = generator.identity[:, near].reshape(len(generator.identity), -1)  # (100, 3n)
    _, strength, directions = np.linalg.svd(variation, full_matrices=False)
    if mirrored is not None:
        variation = (generator.identity[:, mirrored[near]] * MIRROR_X).reshape(len(variation), -1)
    local = variation @ directions[:size].T / strength[:size]
    return np.asarray(local.T, dtype=np.float32)
