"""Small random checkpoints in the official layout, and what the papers' formulas say that they compute."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from torch import Tensor
from torch.nn import functional

from dphm_core.diffusion.schedule import cosine_schedule
from dphm_core.diffusion.unet import UNet1D, UNetConfig
from dphm_core.heads.config import HeadConfig

IDENTITIES, EXPRESSIONS = 5, 9


@dataclass(frozen=True)
class OfficialFiles:
    folder: Path
    anchors: Path
    identity_diffusion: Path
    expression_diffusion: Path

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoints" / "checkpoint_epoch_20.tar"

    @property
    def settings(self) -> Path:
        return self.folder / "configs.yaml"


def write_official(folder: Path, sizes: HeadConfig, **without: bool) -> OfficialFiles:
    """Write a random set; `without` names settings that are left out: n_hyper, blend_std, layers."""
    rng = torch.Generator().manual_seed(1)
    files = OfficialFiles(folder, folder / "anchors_39.npy", folder / "iden", folder / "expre")
    files.checkpoint.parent.mkdir(parents=True)
    np.save(files.anchors, (torch.rand(sizes.anchors, 3, generator=rng) - 0.5).numpy())
    files.settings.write_text(yaml.safe_dump(settings_of(sizes, without)))
    torch.save(head_content(sizes, rng), files.checkpoint)
    (files.checkpoint.parent / "checkpoint_epoch_3.tar").write_bytes(b"an earlier epoch, not to be read")
    for diffusion, length in (
        (files.identity_diffusion, sizes.identity_dim),
        (files.expression_diffusion, sizes.expression_dim),
    ):
        write_diffusion(diffusion, length)
    return files


def settings_of(sizes: HeadConfig, without: dict[str, bool]) -> dict[str, Any]:
    identity: dict[str, Any] = {
        "gnn": {"hidden_dim_geo": sizes.identity_width, "nlayers_geo": sizes.identity_layers},
        "blend_std": sizes.blend_std,
        "lat_dim_glob": sizes.global_dim,
        "lat_dim_loc_geo": sizes.local_dim,
        "nloc": sizes.anchors,
        "nneigh": sizes.neighbours,
        "nsymm_pairs": sizes.symmetric_pairs,
    }
    expression = {
        "hidden_dim": sizes.expression_width,
        "lat_dim_ex": sizes.expression_dim,
        "lat_dim_id": sizes.condition_dim,
        "mode": "compress",
        "nhyper": 17,  # counts for nothing
        "nlayers": sizes.expression_layers,
    }
    decoder = {"id": identity, "ex": expression, "n_hyper": sizes.hyper_dim}
    if without.get("n_hyper"):
        del decoder["n_hyper"]
    if without.get("blend_std"):
        del identity["blend_std"]
    if without.get("layers"):
        del expression["nlayers"], identity["gnn"], identity["nsymm_pairs"]
    return {"decoder": decoder, "training": {"lr": 0.0005}}


def head_content(sizes: HeadConfig, rng: torch.Generator) -> dict[str, Any]:
    identity: dict[str, Tensor] = {}
    widths = [sizes.global_dim + sizes.local_dim + 3 + sizes.hyper_dim]
    widths += [sizes.identity_width] * sizes.identity_layers + [1]
    for expert in range(sizes.expert_count):
        for layer in range(len(widths) - 1):
            put_linear(identity, f"deepSDFensemble.layers.{expert}.layers.{2 * layer}", *widths[layer : layer + 2], rng)
    for index, pair in zip((0, 2, 4), ((sizes.global_dim, 64), (64, 64), (64, 3 * sizes.anchors)), strict=True):
        put_linear(identity, f"mlp_pos.{index}", *pair, rng)
    expression: dict[str, Tensor] = {}
    put_linear(expression, "compressor.0", sizes.identity_dim + 3 * sizes.anchors, sizes.condition_dim, rng)
    fan_in = 3 + sizes.condition_dim + sizes.expression_dim
    for layer in range(sizes.expression_layers + 1):
        before = fan_in if layer == 0 else sizes.expression_width
        before += fan_in if layer and layer == sizes.expression_layers // 2 else 0
        after = sizes.expression_width if layer < sizes.expression_layers else 3 + sizes.hyper_dim
        put_linear(expression, f"defDeepSDF.lin{layer}", before, after, rng)
    codes = {
        "codebook.geo.embedding.weight": 0.1 * torch.randn(IDENTITIES, sizes.identity_dim, generator=rng),
        "codebook.exp.embedding.weight": 0.1 * torch.randn(EXPRESSIONS, sizes.expression_dim, generator=rng),
    }
    return {"epoch": 20, "id_decoder": identity, "ex_decoder": expression, "latent_codes": codes, "optimizer": {}}


def put_linear(tensors: dict[str, Tensor], name: str, before: int, after: int, rng: torch.Generator) -> None:
    tensors[f"{name}.weight"] = (torch.rand(after, before, generator=rng) - 0.5) * 2 * before**-0.5
    tensors[f"{name}.bias"] = (torch.rand(after, generator=rng) - 0.5) * 0.1


def write_diffusion(folder: Path, length: int) -> None:
    torch.manual_seed(length)
    unet = UNet1D(UNetConfig(length, dim=8, multipliers=(1, 2, 3)))
    schedule = cosine_schedule(100)
    model = {f"model.{name}": value for name, value in unet.state_dict().items()}
    model |= {"sqrt_alphas_cumprod": schedule.signal, "sqrt_one_minus_alphas_cumprod": schedule.noise}
    (folder / "checkpoints").mkdir(parents=True)
    torch.save({"step": 1, "model": model, "ema": {}}, folder / "checkpoints" / "model-12.pt")
    kwargs = {"diff_kwargs": {"objective": "pred_v", "seq_length": length}, "net_kwargs": {"dim": 8}}
    (folder / "config.yaml").write_text(yaml.safe_dump({"diffusion": kwargs}))


def plain_deformation(
    content: dict[str, Any], points: Tensor, identity: Tensor, code: Tensor, anchors: Tensor
) -> Tensor:
    """Canonical queries (N, 3 + H) of posed points (N, 3), word for word as REFERENCE section 2 has it."""
    weights = content["ex_decoder"]
    condition = linear(weights, "compressor.0", torch.cat([identity, anchors.flatten()]))
    inputs = torch.cat([points, torch.cat([condition, code]).expand(len(points), -1)], dim=1)
    count = len({name for name in weights if name.startswith("defDeepSDF") and name.endswith("weight")})
    state = inputs
    for layer in range(count):
        if layer and layer == (count - 1) // 2:
            state = torch.cat([state, inputs], dim=1) / 2**0.5
        state = linear(weights, f"defDeepSDF.lin{layer}", state)
        if layer < count - 1:
            state = functional.softplus(state, 100)
    return torch.cat([points + state[:, :3], state[:, 3:]], dim=1)


def plain_anchors(content: dict[str, Any], mean: Tensor, glob: Tensor) -> Tensor:
    state = glob
    for index in (0, 2, 4):
        state = linear(content["id_decoder"], f"mlp_pos.{index}", state.relu() if index else state)
    return mean + state.view(-1, 3)


def plain_distance(content: dict[str, Any], sizes: HeadConfig, query: Tensor, identity: Tensor, mean: Tensor) -> Tensor:
    """Signed distance of one canonical query (3 + H,)."""
    glob, local = identity[: sizes.global_dim], identity[sizes.global_dim :].view(-1, sizes.local_dim)
    anchors = torch.cat([plain_anchors(content, mean, glob), torch.zeros(1, 3)])
    away = (query[:3] - anchors).norm(dim=1)
    members = [*away[:-1].argsort()[: sizes.neighbours].tolist(), sizes.anchors]
    sigma = away[members[:-1]].max() / sizes.blend_std
    total, values = torch.tensor(0.0), torch.tensor(0.0)
    for member in members:
        delta = torch.cat([query[:3] - anchors[member], query[3:]])
        paired = member < 2 * sizes.symmetric_pairs
        if paired and member % 2:
            delta = delta * torch.tensor([-1.0] + [1.0] * (len(delta) - 1))
        expert = member // 2 if paired else member - sizes.symmetric_pairs
        state = torch.cat([glob, local[member], delta])
        for layer in range(sizes.identity_layers + 1):
            state = functional.softplus(state, 100) if layer else state
            state = linear(content["id_decoder"], f"deepSDFensemble.layers.{expert}.layers.{2 * layer}", state)
        weight = torch.exp(-0.5 * ((away[member] if member < sizes.anchors else 0.75) / sigma) ** 2)
        total, values = total + weight, values + weight * state[0]
    return values / (total + 1e-8)


def linear(weights: dict[str, Tensor], name: str, state: Tensor) -> Tensor:
    return functional.linear(state, weights[f"{name}.weight"], weights[f"{name}.bias"])
