"""The latent priors of a head model, which lie in its folder."""

from __future__ import annotations

from pathlib import Path

from dphm_core.diffusion.prior import LatentPrior
from dphm_core.diffusion.prior_file import PRIOR_FILES, Part, load_prior
from dphm_core.errors import CheckpointError
from dphm_core.heads.model import model_folder, read_config


def has_priors(name: str | Path) -> bool:
    """Whether both priors lie in the folder of a model, given by its name or its folder."""
    folder = model_folder(name)
    return all((folder / file).is_file() for file in PRIOR_FILES.values())


def load_model_prior(name: str | Path, part: Part) -> LatentPrior:
    """Read a model's prior over identity or expression codes.

    Raises
    ------
    CheckpointError
        There is no such model, it has no such prior, or the prior is damaged or of another model.
    """
    folder = model_folder(name)
    path = folder / PRIOR_FILES[part]
    if not path.is_file():
        raise CheckpointError(
            f"the model in {folder} has no {path.name}: train it with"
            f" `dphm train diffusion {part} --model {name} --out DIR` and put it there."
        )
    prior, config = load_prior(path), read_config(folder)[0]
    length = config.identity_dim if part == "identity" else config.expression_dim
    if prior.unet.config.length != length:
        raise CheckpointError(
            f"{path} is of codes of {prior.unet.config.length} numbers, not of this model's {length}."
        )
    return prior
