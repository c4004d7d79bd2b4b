"""Official DPHM checkpoints: their files become one model folder of ours, which every command takes.

Layout: `configs.yaml` and `checkpoints/checkpoint_epoch_N.tar` of the head model, the mean anchors as `.npy`, and for
each diffusion a folder with `checkpoints/model-N.pt`.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from safetensors import SafetensorError

from dphm_core.diffusion.prior import LatentPrior
from dphm_core.diffusion.prior_file import EXPRESSION_PRIOR, IDENTITY_PRIOR, save_prior
from dphm_core.errors import OutputError
from dphm_core.heads.codebook import Codebook, save_codebook
from dphm_core.heads.model import HeadModel, load_model, save_model
from dphm_core.heads.official_diffusion import read_prior
from dphm_core.heads.official_head import read_anchors, read_head


def import_official(
    checkpoint_dir: Path,
    anchors: Path,
    identity_diffusion: Path | None = None,
    expression_diffusion: Path | None = None,
    *,
    out: Path,
) -> HeadModel:
    """Turn an official checkpoint set into a model folder.

    The space of identities is spanned by the principal components of the training identities' codes; those and the
    codes of the training expressions become its codebook.

    Parameters
    ----------
    checkpoint_dir : Path
        Folder with `configs.yaml` and `checkpoints/`; the checkpoint of the last epoch is taken.
    anchors : Path
        `.npy` file of the mean anchors (39, 3), head-frame units.
    identity_diffusion, expression_diffusion : Path, optional
        Folders of the latent diffusions.
    out : Path
        The model's folder; must not exist yet, or be empty. Nothing is left there if something fails.

    Returns
    -------
    HeadModel
        As read back from `out`.

    Raises
    ------
    CheckpointError
        A file is missing, is of another kind, or does not fit the others.
    OutputError
        `out` cannot be written.
    """
    _check_free(out)
    model, codes = read_head(checkpoint_dir, read_anchors(anchors))
    priors: dict[str, LatentPrior] = {}
    if identity_diffusion is not None:
        priors[IDENTITY_PRIOR] = read_prior(identity_diffusion, codes[0])
    if expression_diffusion is not None:
        priors[EXPRESSION_PRIOR] = read_prior(expression_diffusion, codes[1])
    _write(model, Codebook(codes[0].numpy(), codes[1].numpy()), priors, out)
    return load_model(out)


def _check_free(out: Path) -> None:
    try:
        free = not out.exists() or (out.is_dir() and not any(out.iterdir()))
    except OSError as error:
        raise OutputError(f"{out} cannot be looked at ({error}); check its permissions.") from error
    if not free:
        raise OutputError(f"{out} exists and is not an empty folder; give another one for the model.")


def _write(model: HeadModel, codebook: Codebook, priors: dict[str, LatentPrior], out: Path) -> None:
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as partial:
            folder = Path(partial) / "model"
            save_model(model, folder)
            save_codebook(codebook, folder)
            for name, prior in priors.items():
                save_prior(prior, folder / name)
            if out.exists():
                out.rmdir()
            folder.rename(out)
    except (OSError, SafetensorError) as error:
        raise OutputError(f"{out} cannot be written ({error}); check the disk and its permissions.") from error
