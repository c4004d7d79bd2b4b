"""The latent priors of a head model, which lie in its folder."""

from __future__ import annotations

from pathlib import Path

from dphm_core.diffusion.prior import LatentPrior
from dphm_core.diffusion.prior_file import PRIOR_FILES, Part, load_prior
from dphm_core.errors import CheckpointError
from dphm_core.frames import FloatArray
from dphm_core.heads.model import HeadModel, model_folder


def has_prior(name: str | Path, part: Part) -> bool:
    """Whether a prior lies in the folder of a model, given by its name or its folder."""
    return (model_folder(name) / PRIOR_FILES[part]).is_file()


def has_priors(name: str | Path) -> bool:
    """Whether both priors lie there."""
    return all(has_prior(name, part) for part in PRIOR_FILES)


def load_model_prior(name: str | Path, part: Part, model: HeadModel) -> LatentPrior:
    """Read the prior over identity or expression codes of `model`, which was read by this name or folder.

    An identity's may be `over_coefficients`.

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
    prior = load_prior(path)
    length = prior.unet.config.length
    lengths = list(model.identity_basis.shape) if part == "identity" else [model.config.expression_dim]
    if length not in lengths:
        raise CheckpointError(f"{path} is of codes of {length} numbers, not of this model's {lengths[0]}.")
    return prior


def over_coefficients(model: HeadModel, prior: LatentPrior) -> bool:
    """Whether an identity prior is one over the coefficients (M,) of the model's identity basis, not its codes (D,)."""
    return has_short_coefficients(model) and prior.unet.config.length == model.identity_basis.shape[1]


def has_short_coefficients(model: HeadModel) -> bool:
    """Whether a model's identities are told by fewer coefficients (M,) than its codes (D,) have numbers.

    Of as many, a prior's length would not tell which it is over, and there is nothing to gain: it is over codes.
    """
    length, coefficients = model.identity_basis.shape
    return coefficients < length


def codes_of_latents(model: HeadModel, part: Part, latents: FloatArray) -> FloatArray:
    """The model's codes (n, D) of latents (n, L), which are such codes or, of identities, coefficients."""
    if part == "identity" and latents.shape[1] != model.config.identity_dim:
        return model.identity_codes(latents)
    return latents
