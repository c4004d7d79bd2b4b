"""Both fields against what the original implementation answers for its own checkpoint layout."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from dphm_core.heads.config import HeadConfig
from dphm_core.heads.distance import FieldDistance
from dphm_core.heads.expression import ExpressionField
from dphm_core.heads.identity import IdentityField

FIXTURE = Path(__file__).resolve().parents[3] / "shared" / "parity" / "official_small"
CONFIG = HeadConfig(
    global_dim=16, local_dim=4, identity_width=24, expression_dim=24, condition_dim=8, expression_width=40
)
"""The fixture's reduced widths."""


@dataclass(frozen=True)
class Parity:
    identity: IdentityField
    expression: ExpressionField
    expected: dict[str, Tensor]

    def canonical(self, points: Tensor) -> Tensor:
        """Canonical queries (2, 256, 5) of the fixture's codes."""
        code = self.expected["code_id"]
        condition = self.expression.condition(code, self.identity.anchors(code))
        offset, hyper = self.expression(points, condition, self.expected["code_ex"])
        return torch.cat([points + offset, hyper], dim=-1)


@pytest.fixture(scope="module")
def parity() -> Parity:
    if not FIXTURE.is_dir():
        pytest.skip("needs ../shared/parity/official_small (the original's answers), which is absent")
    checkpoint = torch.load(FIXTURE / "checkpoints" / "checkpoint_epoch_6000.tar", weights_only=True)
    with np.load(FIXTURE / "expected.npz", allow_pickle=False) as arrays:
        expected = {name: torch.from_numpy(arrays[name]) for name in arrays.files if arrays[name].ndim}
    anchors = torch.from_numpy(np.load(FIXTURE / "anchors_39.npy", allow_pickle=False))
    return Parity(
        identity_field(checkpoint["id_decoder"], anchors), expression_field(checkpoint["ex_decoder"]), expected
    )


def identity_field(original: dict[str, Tensor], anchors: Tensor) -> IdentityField:
    """The original's identity network, its 24 experts stacked."""
    field = IdentityField(CONFIG, anchors)
    state = {f"anchor_mlp.{key.removeprefix('mlp_pos.')}": value for key, value in original.items() if "mlp_pos" in key}
    for layer in range(CONFIG.identity_layers + 1):
        experts = [f"deepSDFensemble.layers.{k}.layers.{2 * layer}" for k in range(CONFIG.expert_count)]
        state[f"weights.{layer}"] = torch.stack([original[f"{name}.weight"] for name in experts])
        state[f"biases.{layer}"] = torch.stack([original[f"{name}.bias"] for name in experts])
    field.load_state_dict({"mean_anchors": field.mean_anchors, **state})
    return field


def expression_field(original: dict[str, Tensor]) -> ExpressionField:
    field = ExpressionField(CONFIG)
    names = {"compressor.0": "compressor"} | {
        f"defDeepSDF.lin{k}": f"layers.{k}" for k in range(CONFIG.expression_layers + 1)
    }
    field.load_state_dict(
        {
            f"{ours}.{part}": original[f"{theirs}.{part}"]
            for theirs, ours in names.items()
            for part in ("weight", "bias")
        }
    )
    return field


def largest(difference: Tensor) -> float:
    return float(difference.detach().abs().max())


def test_anchors_are_the_originals(parity: Parity) -> None:
    anchors = parity.identity.anchors(parity.expected["code_id"])
    assert largest(anchors - parity.expected["anchors"]) < 1e-5


def test_offsets_hyper_coordinates_and_canonical_points_are_the_originals(parity: Parity) -> None:
    points = parity.expected["points"]
    canonical = parity.canonical(points)
    assert largest(canonical[..., :3] - points - parity.expected["offsets"]) < 1e-5
    assert largest(canonical[..., 3:] - parity.expected["hyper"]) < 1e-5
    assert largest(canonical - parity.expected["canonical"]) < 1e-5


def test_distance_and_its_gradient_by_the_posed_point_are_the_originals(parity: Parity) -> None:
    points = parity.expected["points"].clone().requires_grad_()
    distance = parity.identity(parity.canonical(points), parity.expected["code_id"])
    (gradient,) = torch.autograd.grad(distance.sum(), points)
    assert largest(distance - parity.expected["sdf"][..., 0]) < 1e-5
    assert largest(gradient - parity.expected["gradient"]) < 1e-4


def test_the_defaults_are_the_official_sizes() -> None:
    config = HeadConfig()
    assert (config.identity_dim, config.expression_dim, config.expert_count) == (1344, 200, 24)


def test_paired_anchors_see_mirrored_queries() -> None:
    """With symmetric codes and anchors, the distance is symmetric in x."""
    torch.manual_seed(0)
    field = IdentityField(CONFIG, symmetric_anchors())
    with torch.no_grad():
        for parameter in field.anchor_mlp[-1].parameters():
            parameter.zero_()
        # The 7 middle networks and the global one see x itself: here they do not look at it.
        code_dim = CONFIG.global_dim + CONFIG.local_dim
        field.weights[0][CONFIG.symmetric_pairs :, :, code_dim] = 0
    local = torch.randn(CONFIG.anchors + 1, CONFIG.local_dim)
    local[1 : 2 * CONFIG.symmetric_pairs : 2] = local[0 : 2 * CONFIG.symmetric_pairs : 2]
    code = torch.cat([torch.randn(CONFIG.global_dim), local.flatten()])[None]
    queries = torch.rand(1, 200, 5) - 0.5
    mirrored = queries * torch.tensor([-1.0, 1, 1, 1, 1])
    assert largest(field(queries, code) - field(mirrored, code)) < 1e-5


def symmetric_anchors() -> Tensor:
    anchors = torch.rand(CONFIG.anchors, 3) - 0.5
    anchors[1 : 2 * CONFIG.symmetric_pairs : 2] = anchors[0 : 2 * CONFIG.symmetric_pairs : 2] * torch.tensor([-1, 1, 1])
    anchors[2 * CONFIG.symmetric_pairs :, 0] = 0
    return anchors


def test_at_the_official_widths_grouped_experts_give_what_all_of_them_give() -> None:
    """Values and slopes of 10,000 points, as many as a step of the paper's fitting has."""
    torch.manual_seed(0)
    config = HeadConfig()
    field = IdentityField(config, torch.rand(config.anchors, 3) - 0.5).requires_grad_(False)
    code = 0.1 * torch.randn(config.identity_dim)
    queries = torch.rand(10_000, 3 + config.hyper_dim) - 0.5
    assert largest(field(queries[None], code[None])[0] - field.reference(queries, code)) < 1e-5
    some = queries[:1000].clone().requires_grad_()
    (slopes,) = torch.autograd.grad(field.reference(some, code).sum(), some)
    assert largest(torch.from_numpy(FieldDistance(field, code)(queries[:1000].numpy())[1]) - slopes) < 1e-5
