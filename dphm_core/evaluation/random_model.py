"""A model with random weights, for benchmarks whose times do not depend on what the numbers are."""

from __future__ import annotations

import numpy as np
import torch

from dphm_core.diffusion.prior import LatentPrior
from dphm_core.diffusion.schedule import cosine_schedule
from dphm_core.diffusion.unet import UNet1D, UNetConfig
from dphm_core.heads.config import HeadConfig
from dphm_core.heads.deformation import Deformation
from dphm_core.heads.distance import FieldDistance
from dphm_core.heads.expression import ExpressionField
from dphm_core.heads.identity import IdentityField
from dphm_core.heads.model import HeadModel
from dphm_core.heads.subject import Subject

CODE_SCALE = 0.1


def random_subject(of_size: Subject, sizes: HeadConfig) -> Subject:
    """A subject of random fields, without a template; its mesh is as large as that of `of_size`, and carried along."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        identity_field = IdentityField(sizes, torch.rand(sizes.anchors, 3) - 0.5).requires_grad_(False)
        expression_field = ExpressionField(sizes).requires_grad_(False)
        identity = CODE_SCALE * torch.randn(sizes.identity_dim)
    code = identity.numpy()
    model = HeadModel(
        sizes, identity_field, expression_field, code, np.zeros((len(code), 1), np.float32), (), None, "random"
    )
    deformation = Deformation(expression_field, identity, torch.from_numpy(model.anchors(code)))
    distance = FieldDistance(identity_field, identity)
    return Subject(model, code, 1.0, distance, deformation, of_size.vertices_canonical, of_size.faces)


def random_prior(sizes: HeadConfig) -> LatentPrior:
    """A prior of the official size over the expression codes of random weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        unet = UNet1D(UNetConfig(sizes.expression_dim)).requires_grad_(False).eval()
    return LatentPrior(unet, cosine_schedule(), -1.0, 1.0)
