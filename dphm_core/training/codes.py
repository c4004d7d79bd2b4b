"""Latent codes that a diffusion is trained on."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dphm_core.diffusion.prior_file import Part
from dphm_core.errors import DataError, SettingError
from dphm_core.files import read_npz
from dphm_core.frames import FloatArray
from dphm_core.heads.codebook import Codebook, load_codebook
from dphm_core.heads.latent_prior import has_short_coefficients
from dphm_core.heads.model import HeadModel, load_model
from dphm_core.training.config import CodeKind
from dphm_core.training.sequences import plausible_codes

CODEBOOK_ROWS = 256
"""Heads and expressions of the pools that become the default model's codebook."""
MAX_POOL_CODES_BYTES = 1 << 28


def made_up_codes(part: Part, model: HeadModel, count: int, seed: int) -> FloatArray:
    """Make up codes (count, D) float32 for a prior: identities of the model's space, or faces of its blendshapes.

    Identities are coefficients (count, M) of the model's identity basis: its codes of length D say the same M numbers
    several times over, and a network would first have to learn that. Where D is M they are codes.

    Raises
    ------
    SettingError
        The model's expression codes are no blendshape weights.
    """
    rng = np.random.default_rng(seed)
    if part == "identity":
        coefficients = rng.standard_normal((count, model.identity_basis.shape[1]), dtype=np.float32)
        return coefficients if has_short_coefficients(model) else model.identity_codes(coefficients)
    if not has_blendshapes(model):
        raise SettingError("this model's expression codes have no names to make faces of; take --codes codebook.")
    return plausible_codes(model.expression_names, count, rng)


def codes_to_learn(part: Part, name: str | Path, kind: CodeKind, count: int, seed: int) -> FloatArray:
    """Codes (n, D) float32 for a prior of a model to be trained on.

    Parameters
    ----------
    part : Part
        Which codes.
    name : str or Path
        Name or folder of the head model.
    kind : CodeKind
        "codebook": those of the model's training. "made-up": `count` that it can express. "auto": made up for a model
        with named blendshapes, otherwise its codebook.
    count, seed : int
        Of made-up codes.

    Raises
    ------
    CheckpointError
        The model or its codebook cannot be read.
    SettingError
        Its expression codes are no blendshape weights, so none can be made up.
    """
    model = load_model(name)
    if kind == "codebook" or (kind == "auto" and not has_blendshapes(model)):
        return load_codebook(name).of(part)
    return made_up_codes(part, model, count, seed)


def has_blendshapes(model: HeadModel) -> bool:
    """Whether faces can be made up of its expression codes."""
    return {"jawOpen", "mouthClose"} <= set(model.expression_names)


def pool_codebook(folder: Path, identity_basis: FloatArray) -> Codebook | None:
    """The first codes of the default model's training pools, as they lie in its training folder; None where they don't.

    `identity_basis` (D, 100) maps a generator's coefficients to identity codes.

    Raises
    ------
    DataError
        A pool is damaged.
    """
    rows = []
    for name in ("identity", "expression"):
        path = folder / f"{name}-train.npz"
        if not path.is_file():
            return None
        try:
            rows.append(read_npz(path, MAX_POOL_CODES_BYTES, (name,))[name][:CODEBOOK_ROWS].astype(np.float32))
        except (OSError, ValueError, KeyError) as error:
            raise DataError(f"{path} cannot be read as a training pool ({error}); train again.") from error
    coefficients, expressions = rows
    return Codebook(coefficients @ identity_basis.T, expressions)
