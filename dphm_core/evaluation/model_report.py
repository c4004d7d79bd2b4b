"""All that is measured of a head model, for its model card."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from dphm_core.errors import SettingError
from dphm_core.evaluation.head_errors import draw_expressions, head_errors
from dphm_core.evaluation.plausibility import draw_samples, sample_quality
from dphm_core.files import make_folder, write_atomically
from dphm_core.heads.latent_prior import has_priors
from dphm_core.heads.model import HeadModel, load_model
from dphm_core.training.ict import HeadGenerator, load_generator

DIGITS = 3


def report_model(name: str | Path, generator: Path | None, folder: Path, heads: int, samples: int) -> dict[str, Any]:
    """Measure a model and draw it.

    Parameters
    ----------
    name : str or Path
        Name or folder of the model.
    generator : Path, optional
        The default model's prepared generator: `heads` unseen ones of it are compared with the fields.
    folder : Path
        Gets `errors.json`, with a generator `expressions.png`, and with priors `samples.png`.
    heads, samples : int
        How many heads to measure by, and how many codes to draw of each prior.

    Returns
    -------
    dict
        What `errors.json` holds: the figures of `head_errors`, and under "samples" those of `sample_quality`.

    Raises
    ------
    CheckpointError, DataError
        The model or the generator cannot be read.
    SettingError
        There is neither a generator nor a prior to measure with, or the model is not the generator's.
    """
    model, drawable, report = load_model(name), has_priors(name), dict[str, Any]()
    if generator is None and not drawable:
        raise SettingError(f"the model '{name}' has no priors to sample; give --generator to measure its fields.")
    make_folder(folder)
    if generator is not None:
        heads_of = load_generator(generator)
        if not _is_of(model, heads_of):
            raise SettingError(f"the model '{name}' does not have the generator's codes; leave --generator away.")
        draw_expressions(model, heads_of, folder / "expressions.png")
        report |= head_errors(model, heads_of, heads)
    if drawable:
        report["samples"] = sample_quality(name, samples)
        draw_samples(name, folder / "samples.png")
    report = _rounded(report)
    write_atomically(folder / "errors.json", (json.dumps(report, indent=2) + "\n").encode())
    return report


def _is_of(model: HeadModel, generator: HeadGenerator) -> bool:
    """Whether a model's codes are made of a generator's coefficients."""
    same_identities = model.identity_basis.shape[1] == len(generator.identity)
    return same_identities and model.expression_names == generator.expression_names


def _rounded(figures: dict[str, Any]) -> dict[str, Any]:
    return {key: _rounded(value) if isinstance(value, dict) else round(value, DIGITS) for key, value in figures.items()}
