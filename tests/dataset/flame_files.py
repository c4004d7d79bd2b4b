"""FLAME-like files for tests, written once."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

import flame_models
import numpy as np

from dphm_core.dataset.flame.landmark_file import Embedding
from dphm_core.dataset.flame.model import FlameModel
from dphm_core.dataset.flame.model_file import FlameArrays, read_flame


@cache
def read_arrays() -> FlameArrays:
    """The test model, through an .npz."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "flame.npz"
        np.savez(path, **flame_models.flame_arrays())
        return read_flame(path)


def embedding_on(model: FlameModel) -> Embedding:
    """Landmarks on the whole test model."""
    parts = flame_models.landmark_arrays()
    corners = model.faces[parts["lmk_face_idx"]].astype(np.intp)
    return Embedding(parts["landmark_indices"], corners, parts["lmk_b_coords"].astype(np.float32))
