"""Latent codes that a diffusion is trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np

from dphm_core.errors import SettingError
from dphm_core.frames import FloatArray
from dphm_core.heads.model import HeadModel
from dphm_core.heads.official_head import EXPRESSION_CODES, IDENTITY_CODES
from dphm_core.heads.torch_file import TensorTable, latest_checkpoint, read_torch_file
from dphm_core.training.sequences import plausible_codes

Part = Literal["identity", "expression"]


def made_up_codes(part: Part, model: HeadModel, count: int, seed: int) -> FloatArray:
    """Make up codes (count, D) float32: identities of the model's space, or plausible expressions of its blendshapes.

    Raises
    ------
    SettingError
        The model's expression codes are no blendshape weights.
    """
    rng = np.random.default_rng(seed)
    if part == "identity":
        coefficients = rng.standard_normal((count, model.identity_basis.shape[1]), dtype=np.float32)
        return np.asarray(model.identity_mean + coefficients @ model.identity_basis.T, dtype=np.float32)
    if not {"jawOpen", "mouthClose"} <= set(model.expression_names):
        raise SettingError(
            "This model's expression codes have no names to make faces of; give --codebook, the checkpoint folder that"
            " the model was imported from."
        )
    return plausible_codes(model.expression_names, count, rng)


def codebook_codes(part: Part, model: HeadModel, checkpoint: Path) -> FloatArray:
    """Codes (n, D) float32 of an official checkpoint's training subjects or expressions.

    Parameters
    ----------
    part : Part
        Which of its two codebooks.
    model : HeadModel
        The model that was imported from it.
    checkpoint : Path
        Folder with `checkpoints/checkpoint_epoch_N.tar`.

    Raises
    ------
    CheckpointError
        A file is missing, damaged, or does not fit the model.
    """
    path = latest_checkpoint(checkpoint / "checkpoints", "checkpoint_epoch_*.tar")
    table = TensorTable(path, read_torch_file(path), "latent_codes")
    name = IDENTITY_CODES if part == "identity" else EXPRESSION_CODES
    length = model.config.identity_dim if part == "identity" else model.config.expression_dim
    return table.take(name, (table.rows(name), length)).numpy()
