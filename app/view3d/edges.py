"""Edges of a mesh, each once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def unique_edges(faces: NDArray[np.int32]) -> NDArray[np.uint32]:
    """Edges of a mesh, each once.

    Parameters
    ----------
    faces : (F, 3) int32
        Vertex indices.

    Returns
    -------
    (E, 2) uint32
        Vertex indices, the smaller one first.
    """
    sides = np.sort(faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1).astype(np.uint64)
    keys = np.unique(sides[:, 0] << np.uint64(32) | sides[:, 1])
    return np.stack([keys >> np.uint64(32), keys & np.uint64(0xFFFFFFFF)], axis=1).astype(np.uint32)
