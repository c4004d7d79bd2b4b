"""How good a model's sampled heads are: held against heads that its priors never saw, next to a ceiling and floors.

Sets of heads are compared by the distances between them: coverage and minimum matching distance (Achlioptas et al.,
arXiv 1707.02392), and the accuracy of a nearest-neighbour classifier (Lopez-Paz and Oquab, arXiv 1610.06545).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dphm_core.diffusion.prior_file import Part
from dphm_core.errors import SettingError
from dphm_core.frames import MM_PER_UNIT, FloatArray
from dphm_core.generation.choose import CodeChooser
from dphm_core.generation.draw import PARTS
from dphm_core.generation.heads import COLUMNS, head_picture, sampled_heads
from dphm_core.generation.meshes import HeadMeshes, off_basis
from dphm_core.generation.options import SamplerConfig
from dphm_core.heads.codebook import load_codebook
from dphm_core.heads.latent_prior import codes_of_latents
from dphm_core.heads.model import HeadModel, load_model
from dphm_core.heads.template import Template
from dphm_core.meshing.picture import contact_sheet, write_picture
from dphm_core.training.codes import made_up_codes
from dphm_core.training.sequences import TAKEN, plausible_codes

HELD_OUT_SEED, CEILING_SEED, FLOOR_SEED = 910_100, 910_101, 910_102
"""No training uses these."""
FEWEST = 4
COMPARED_VERTICES = 1500
"""Facial vertices by which two heads are compared, at most: evenly chosen from all."""
SHOWN = 12

Distances = Callable[[FloatArray, FloatArray], FloatArray]
"""Codes (n, D) and (m, D) → distances (n, m)."""


@dataclass(frozen=True)
class CodeSets:
    """Codes (n, D) of one kind, as many of each."""

    held_out: FloatArray
    """What no prior was trained on."""
    samples: FloatArray
    """Drawn from the prior."""
    ceiling: FloatArray
    """Another draw from what the held-out ones come from."""

    def named(self) -> dict[str, FloatArray]:
        """All codes (n, D) that are compared with the held-out ones, by name: samples, ceiling and two floors."""
        rng = np.random.default_rng(FLOOR_SEED)
        low, high = self.ceiling.min(axis=0), self.ceiling.max(axis=0)
        return {
            "samples": self.samples,
            "fresh": self.ceiling,
            # Every entry varies as it should, but on its own: codes without what makes a face of them.
            "shuffled": rng.permuted(self.ceiling, axis=0),
            "uniform": rng.uniform(low, high, self.ceiling.shape).astype(np.float32),
        }


def sample_quality(name: str | Path, count: int = 200, config: SamplerConfig | None = None) -> dict[str, Any]:
    """Measure a model's sampled identities and expressions.

    Parameters
    ----------
    name : str or Path
        Name or folder of a model with both priors.
    count : int
        How many codes make a set.
    config : SamplerConfig, optional
        How samples are drawn.

    Returns
    -------
    dict
        By "identity" and "expression", and by set: "samples", "fresh" (another draw of what the held-out codes come
        from: the ceiling), "shuffled" and "uniform" (independent entries, of the right distribution or range: the
        floors). Each has `coverage` (part of the held-out heads that are the nearest one of some head of the set),
        `matching_mm` (mean distance of a held-out head to the set's nearest), `told_apart` (accuracy of a nearest
        neighbour in telling the set from the held-out heads; 0.5 is best) and `spread_mm` (mean distance within the
        set); identities also `off_space` (mean part of a code that no head of the model has), blendshape weights also
        `entries_inside` and `codes_inside` (parts within 0…1). "held_out" has the `matching_mm` and `spread_mm` of
        the held-out heads among themselves. Without a template, distances are root mean squares of codes, held-out and
        fresh codes are halves of the codebook, and the keys end in `_code`.

    Raises
    ------
    CheckpointError
        The model lacks a prior, or a codebook that is needed.
    SettingError
        There are too few codes to compare.
    """
    chooser = CodeChooser(name, config or SamplerConfig())
    return {part: _quality_of(part, chooser, count) for part in PARTS}


def _quality_of(part: Part, chooser: CodeChooser, count: int) -> dict[str, dict[str, float]]:
    model = chooser.model
    held_out, ceiling = _references(part, chooser, count)
    if len(held_out) < FEWEST:
        raise SettingError(f"{len(held_out)} held-out {part} codes are too few to compare samples with; take more.")
    sets = CodeSets(held_out, chooser.codes(part, "sample", len(held_out)), ceiling)
    template = model.template
    unit = "code" if template is None else "mm"
    distances = code_distances if template is None else _template_distances(part, model, template)
    among = distances(held_out, held_out)
    quality = {"held_out": {f"matching_{unit}": _nearest_other(among), f"spread_{unit}": _spread(among)}}
    for name, codes in sets.named().items():
        figures = compare_sets(distances(codes, held_out), distances(codes, codes), among)
        quality[name] = {f"{key}_{unit}" if key in ("matching", "spread") else key: v for key, v in figures.items()}
        quality[name] |= _own_figures(part, model, codes)
    return quality


def _references(part: Part, chooser: CodeChooser, count: int) -> tuple[FloatArray, FloatArray]:
    """Held-out codes and others of the same origin, (n, D) each."""
    if chooser.model.template is None:
        codes = np.random.default_rng(HELD_OUT_SEED).permutation(load_codebook(chooser.name).of(part))
        half = min(count, len(codes) // 2)
        return codes[:half], codes[half : 2 * half]
    first, second = (_fresh(part, chooser.model, count, seed) for seed in (HELD_OUT_SEED, CEILING_SEED))
    return first, second


def _fresh(part: Part, model: HeadModel, count: int, seed: int) -> FloatArray:
    """New codes (count, D) that no prior was trained on; expressions one per sequence, so that they are independent."""
    if part == "identity":
        return codes_of_latents(model, part, made_up_codes(part, model, count, seed))
    return plausible_codes(model.expression_names, count * TAKEN, np.random.default_rng(seed))[::TAKEN]


def _own_figures(part: Part, model: HeadModel, codes: FloatArray) -> dict[str, float]:
    if part == "identity":
        return {"off_space": float(off_basis(model, codes).mean())}
    if not model.expression_names:
        return {}
    inside = (codes >= 0) & (codes <= 1)
    return {"entries_inside": float(inside.mean()), "codes_inside": float(inside.all(axis=1).mean())}


def _template_distances(part: Part, model: HeadModel, template: Template) -> Distances:
    """Mean distances of facial vertices, millimetres: canonical heads of identities, the mean head's expressions."""
    face = np.nonzero(template.tracked)[0]
    face = face[:: -(-len(face) // COMPARED_VERTICES)]
    basis = (template.identity_basis if part == "identity" else template.expression_basis)[:, face]  # (M,v,3)

    def vertices(codes: FloatArray) -> FloatArray:
        weights = model.coefficients(codes) if part == "identity" else codes
        return np.asarray(np.tensordot(weights, basis, 1) * MM_PER_UNIT, dtype=np.float32)  # less what all share

    return lambda some, others: vertex_distances(vertices(some), vertices(others))


def vertex_distances(some: FloatArray, others: FloatArray) -> FloatArray:
    """Mean distances (n, m) between corresponding vertices of meshes (n, V, 3) and (m, V, 3)."""
    rows = [np.sqrt(((others - mesh) ** 2).sum(axis=2)).mean(axis=1) for mesh in some]
    return np.asarray(rows, dtype=np.float32)


def code_distances(some: FloatArray, others: FloatArray) -> FloatArray:
    """Root mean square differences (n, m) between codes (n, D) and (m, D)."""
    rows = [np.sqrt(((others - code) ** 2).mean(axis=1)) for code in some]
    return np.asarray(rows, dtype=np.float32)


def compare_sets(across: FloatArray, within: FloatArray, among: FloatArray) -> dict[str, float]:
    """Figures of a set of n heads against m held-out ones.

    Parameters
    ----------
    across : (n, m) float32
        Distances of the set to the held-out heads.
    within : (n, n) float32
        Distances within the set.
    among : (m, m) float32
        Distances among the held-out heads.

    Returns
    -------
    dict
        `coverage`, `matching`, `told_apart`, `spread` (see `sample_quality`).
    """
    return {
        "coverage": len(np.unique(across.argmin(axis=1))) / across.shape[1],
        "matching": float(across.min(axis=0).mean()),
        "told_apart": _told_apart(across, within, among),
        "spread": _spread(within),
    }


def _told_apart(across: FloatArray, within: FloatArray, among: FloatArray) -> float:
    """How often a head's nearest other head is of its own set."""
    count = len(within)
    every = np.block([[within, across], [across.T, among]]).astype(np.float64)
    np.fill_diagonal(every, np.inf)
    nearest_in_set = every.argmin(axis=1) < count
    own = np.arange(len(every)) < count
    return float((nearest_in_set == own).mean())


def _nearest_other(among: FloatArray) -> float:
    others = among.astype(np.float64)
    np.fill_diagonal(others, np.inf)
    return float(others.min(axis=1).mean())


def _spread(within: FloatArray) -> float:
    """Mean distance between two different ones."""
    count = len(within)
    return float(within.sum(dtype=np.float64) / (count * (count - 1)))


def draw_samples(name: str | Path, path: Path, config: SamplerConfig | None = None) -> None:
    """Draw a dozen sampled heads of a model, by its name or folder."""
    model, heads = load_model(name), sampled_heads(name, SHOWN, config or SamplerConfig())
    meshes = HeadMeshes(model)
    pairs = zip(heads.identities, heads.expressions, strict=True)
    write_picture(path, contact_sheet([head_picture(meshes.mesh(*pair)) for pair in pairs], COLUMNS))
