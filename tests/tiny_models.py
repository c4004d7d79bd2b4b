"""Random head models small enough to be made in a test, with codebook, priors and template as asked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from dphm_core.diffusion.prior import LatentPrior
from dphm_core.diffusion.prior_file import PRIOR_FILES, save_prior
from dphm_core.diffusion.schedule import cosine_schedule
from dphm_core.diffusion.unet import UNet1D, UNetConfig
from dphm_core.heads.codebook import Codebook, save_codebook
from dphm_core.heads.config import HeadConfig
from dphm_core.heads.distance import evaluate_field
from dphm_core.heads.expression import ExpressionField
from dphm_core.heads.identity import IdentityField
from dphm_core.heads.model import HeadModel, save_model
from dphm_core.heads.template import Template

SIZES = HeadConfig(
    anchors=7, symmetric_pairs=2, neighbours=3, global_dim=4, local_dim=3, identity_width=8, identity_layers=2,
    expression_dim=6, condition_dim=5, expression_width=8, expression_layers=2, hyper_dim=0,
)  # fmt: skip
NAMES = ("jawOpen", "mouthClose", "eyeBlink_L", "eyeBlink_R", "mouthSmile_L", "mouthSmile_R")
HEADS, EXPRESSIONS, MODES = 11, 30, 5


def write_tiny_model(folder: Path, template: bool = False, priors: bool = False, sizes: HeadConfig = SIZES) -> Path:
    """Write a random model; one with a template has named expressions and no others."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    basis = 0.1 * rng.standard_normal((sizes.identity_dim, MODES)).astype(np.float32)
    mean = 0.1 * rng.standard_normal(sizes.identity_dim).astype(np.float32)
    model = HeadModel(
        config=sizes,
        identity_field=identity_field(sizes),
        expression_field=ExpressionField(sizes),
        identity_mean=mean,
        identity_basis=basis,
        expression_names=NAMES if template else (),
        template=sphere_template(rng) if template else None,
    )
    save_model(model, folder)
    coefficients = rng.standard_normal((HEADS, MODES)).astype(np.float32)
    expressions = rng.random((EXPRESSIONS, sizes.expression_dim), dtype=np.float32)
    save_codebook(Codebook(mean + coefficients @ basis.T, expressions), folder)
    if priors:
        # As trained: over coefficients where heads can be made up, over codes where they come from a codebook.
        lengths = {"identity": MODES if template else sizes.identity_dim, "expression": sizes.expression_dim}
        for part, file in PRIOR_FILES.items():
            unet = UNet1D(UNetConfig(lengths[part], dim=8, multipliers=(1, 2)))
            low, high = (0.0, 1.0) if part == "expression" else (-0.5, 0.5)
            save_prior(LatentPrior(unet, cosine_schedule(60), low, high), folder / file)
    return folder


def identity_field(sizes: HeadConfig) -> IdentityField:
    """A random field, shifted so that a surface passes through the box of heads."""
    field = IdentityField(sizes, torch.rand(sizes.anchors, 3) - 0.5).requires_grad_(False)
    queries = np.pad(np.random.default_rng(1).uniform(-0.4, 0.4, (500, 3)), ((0, 0), (0, sizes.hyper_dim)))
    values = evaluate_field(field, torch.zeros(sizes.identity_dim), queries.astype(np.float32))
    field.biases[-1] -= float(np.median(values))
    return field


def sphere_template(rng: np.random.Generator) -> Template:
    """A ball of 8 faces."""
    corners = np.array([[1, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]], np.float32)
    faces = [[0, 1, 4], [1, 2, 4], [2, 3, 4], [3, 0, 4], [1, 0, 5], [2, 1, 5], [3, 2, 5], [0, 3, 5]]
    return Template(
        mean=0.3 * corners,
        identity_basis=0.01 * rng.standard_normal((MODES, 6, 3)).astype(np.float32),
        expression_basis=0.02 * rng.standard_normal((len(NAMES), 6, 3)).astype(np.float32),
        canonical_weights=np.array([0.15, 0, 0, 0, 0, 0], np.float32),
        faces=np.array(faces, np.int32),
        landmark_vertices=np.full(478, -1, np.int32),
        tracked=np.array([True] * 5 + [False]),
    )
