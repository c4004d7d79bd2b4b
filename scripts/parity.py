"""Print how far this implementation is from the original's answers for a checkpoint set in the official layout.

    python scripts/parity.py CHECKPOINT

CHECKPOINT holds configs.yaml, checkpoints/, anchors_39.npy, dphm_iden/, dphm_expre/ and expected.npz: queries and what
the original implementation returned for them. Everything goes through the model folder that `dphm import-checkpoint`
writes.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dphm_core.diffusion.prior import LatentPrior, Probe
from dphm_core.diffusion.samplers import ddim
from dphm_core.diffusion.schedule import add_noise
from dphm_core.heads.latent_prior import load_model_prior
from dphm_core.heads.model import HeadModel, load_model
from dphm_core.heads.official import import_official

Arrays = dict[str, Tensor]
Row = tuple[str, float, str]
"""What, largest difference, of which kind."""


def fields(model: HeadModel, expected: Arrays) -> Iterator[Row]:
    """Anchors, offsets, distances and their slopes."""
    code, points = expected["code_id"], expected["points"].clone().requires_grad_()
    anchors = model.identity_field.anchors(code)
    condition = model.expression_field.condition(code, anchors)
    offset, hyper = model.expression_field(points, condition, expected["code_ex"])
    canonical = torch.cat([points + offset, hyper], dim=-1)
    distance = model.identity_field(canonical, code)
    (gradient,) = torch.autograd.grad(distance.sum(), points)
    found = {"anchors": anchors, "offsets": offset, "hyper": hyper, "canonical": canonical}
    found |= {"sdf": distance[..., None], "gradient": gradient}
    for name, value in found.items():
        yield name, absolute(value, expected[name]), "absolute"


def diffusion(name: str, prior: LatentPrior, values: Arrays) -> Iterator[Row]:
    """Network, both losses with their gradients, and ten steps of DDIM."""
    codes, probe = values["x"][:, 0].clone().requires_grad_(), Probe(values["t"], values["noise"][:, 0])
    noised = add_noise(prior.schedule, prior.normalised(values["x"]), values["t"], values["noise"])
    yield f"{name} UNet", absolute(prior.unet(noised, values["t"]), values["v"]), "absolute"
    loss = prior.denoising_loss(codes, probe)
    (gradient,) = torch.autograd.grad(loss, codes)
    yield f"{name} denoising loss", relative(loss, values["sds_loss"]), "relative"
    yield f"{name} denoising gradient", relative(gradient, values["sds_grad"][:, 0]), "relative"
    loss, gradient = prior.score_distillation(codes.detach(), probe)
    yield f"{name} distillation loss", relative(loss, values["sds_skip_loss"]), "relative"
    yield f"{name} distillation gradient", relative(gradient, values["sds_skip_grad"][:, 0]), "relative"
    samples = prior.denormalised(ddim(prior.unet, prior.schedule, values["ddim_start"], 10))
    yield f"{name} DDIM, 10 steps", absolute(samples, values["ddim10"]), "absolute"


def absolute(found: Tensor, expected: Tensor) -> float:
    """Largest difference."""
    return float((found - expected).detach().abs().max())


def relative(found: Tensor, expected: Tensor) -> float:
    """Largest difference as a part of the largest value."""
    return absolute(found, expected) / float(expected.abs().max())


def main(folder: Path) -> None:
    """Import, compare, print."""
    torch.set_num_threads(1)
    with np.load(folder / "expected.npz", allow_pickle=False) as arrays:
        expected = {name: torch.from_numpy(np.array(arrays[name])) for name in arrays.files}
    with tempfile.TemporaryDirectory() as parent:
        out = Path(parent) / "model"
        parts = (folder / "anchors_39.npy", folder / "dphm_iden", folder / "dphm_expre")
        import_official(folder, *parts, out=out)
        model = load_model(out)
        rows = list(fields(model, expected))
        for part, prefix in (("identity", "iden_"), ("expression", "expre_")):
            values = {key.removeprefix(prefix): value for key, value in expected.items() if key.startswith(prefix)}
            rows += diffusion(part, load_model_prior(out, part, model), values)  # type: ignore[arg-type]
    for name, difference, kind in rows:
        sys.stdout.write(f"{name:34}{difference:9.1e}  {kind}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
