"""The fields' activation against torch's own, and the grouped field against every expert at every query."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from dphm_core.heads import distance
from dphm_core.heads.config import HeadConfig
from dphm_core.heads.distance import FieldDistance, evaluate_field
from dphm_core.heads.identity import IdentityField
from dphm_core.heads.softplus import SOFTPLUS_BETA, softplus_

CONFIG = HeadConfig(global_dim=16, local_dim=4, identity_width=24)


@pytest.fixture(scope="module")
def field() -> IdentityField:
    torch.manual_seed(0)
    return IdentityField(CONFIG, torch.rand(CONFIG.anchors, 3) - 0.5)


def test_softplus_is_torchs_over_its_whole_range() -> None:
    hidden = torch.cat([torch.linspace(-1, 1, 4000), torch.tensor([-1e4, -5.0, 0.0, 5.0, 1e4, 1e-30])])
    values = hidden.repeat(3, 1)
    bias = 0.01 * torch.rand(len(hidden))
    exact = functional.softplus((hidden + bias).double(), SOFTPLUS_BETA)
    assert float((softplus_(values, bias) - exact).abs().max()) < 1.5e-7


def test_what_is_not_a_number_stays_so() -> None:
    hidden = torch.zeros(1, 40)
    hidden[0, 3], hidden[0, 37] = torch.nan, torch.nan
    assert softplus_(hidden, torch.zeros(40)).isnan().sum() == 2


def test_softplus_has_torchs_derivatives() -> None:
    torch.manual_seed(1)
    hidden, bias = (0.1 * torch.randn(50, 13)).requires_grad_(), (0.1 * torch.randn(13)).requires_grad_()
    flow = torch.randn(50, 13)
    ours = torch.autograd.grad(softplus_(hidden * 1, bias), (hidden, bias), flow)
    theirs = torch.autograd.grad(functional.softplus(hidden + bias, SOFTPLUS_BETA), (hidden, bias), flow)
    for mine, plain in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, plain, atol=1e-4, rtol=0)


def test_softplus_has_second_derivatives() -> None:
    torch.manual_seed(2)
    hidden, bias = 0.03 * torch.randn(6, 4, dtype=torch.float64), 0.03 * torch.randn(4, dtype=torch.float64)
    inputs = (hidden.requires_grad_(), bias.requires_grad_())
    assert torch.autograd.gradgradcheck(lambda h, b: softplus_(h * 1, b), inputs)


def test_second_derivatives_are_the_plain_ones() -> None:
    """As the eikonal loss takes them: the length of a slope, differentiated to everything that it depends on."""
    torch.manual_seed(3)
    points, bias = (0.2 * torch.randn(60, 3)).requires_grad_(), (0.01 * torch.randn(24)).requires_grad_()
    first, last = torch.randn(3, 24).requires_grad_(), torch.randn(24, 1).requires_grad_()

    def derivatives(activation: Callable[[Tensor, Tensor], Tensor]) -> tuple[Tensor, ...]:
        value = activation(points @ first, bias) @ last
        (slope,) = torch.autograd.grad(value.sum(), points, create_graph=True)
        return torch.autograd.grad(slope.norm(dim=1).sum(), (points, first, bias, last))

    ours = derivatives(softplus_)
    plain = derivatives(lambda hidden, bias: functional.softplus(hidden + bias, SOFTPLUS_BETA))
    for mine, theirs in zip(ours, plain, strict=True):
        torch.testing.assert_close(mine, theirs, atol=2e-4 * float(theirs.abs().max()), rtol=0)


def test_the_fields_spatial_gradient_can_be_differentiated(field: IdentityField) -> None:
    queries, codes = torch.rand(1, 300, 5) - 0.5, torch.randn(1, CONFIG.identity_dim).requires_grad_()

    def derivatives(evaluate: Callable[[Tensor], Tensor]) -> tuple[Tensor, ...]:
        points = queries.clone().requires_grad_()
        (slope,) = torch.autograd.grad(evaluate(points).sum(), points, create_graph=True)
        return torch.autograd.grad((slope.norm(dim=-1) - 1).square().sum(), (codes, *field.weights))

    ours = derivatives(lambda points: field(points, codes))
    plain = derivatives(lambda points: field.reference(points[0], codes[0]))
    for mine, theirs in zip(ours, plain, strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-3 * float(theirs.abs().max()), rtol=0)


def test_grouped_values_and_all_gradients_are_those_of_the_dense_reference(field: IdentityField) -> None:
    queries = (torch.rand(2, 700, 5) - 0.5).requires_grad_()
    codes = torch.randn(2, CONFIG.identity_dim).requires_grad_()
    grouped = field(queries, codes)
    dense = torch.stack([field.reference(q, code) for q, code in zip(queries, codes, strict=True)])
    torch.testing.assert_close(grouped, dense, atol=1e-5, rtol=0)
    wanted = [queries, codes, *field.parameters()]
    for fast, plain in zip(*(torch.autograd.grad(v.sum(), wanted) for v in (grouped, dense)), strict=True):
        torch.testing.assert_close(fast, plain, atol=1e-4, rtol=1e-4)


def test_without_derivatives_the_values_are_the_same(field: IdentityField) -> None:
    queries, code = torch.rand(500, 5) - 0.5, torch.randn(CONFIG.identity_dim)
    with torch.no_grad():
        dense = field.reference(queries, code)
    np.testing.assert_allclose(evaluate_field(field, code, queries.numpy()), dense.numpy(), atol=1e-5)


def test_value_and_gradient_take_one_forward_pass_per_chunk(
    field: IdentityField, monkeypatch: pytest.MonkeyPatch
) -> None:
    queries, code = (torch.rand(300, 5) - 0.5).numpy(), torch.randn(CONFIG.identity_dim)
    whole = FieldDistance(field, code)(queries)
    sizes: list[int] = []
    handle = field.register_forward_pre_hook(lambda _, inputs: sizes.append(inputs[0].shape[1]))
    monkeypatch.setattr(distance, "GRADIENT_CHUNK", 200)
    chunked = FieldDistance(field, code)(queries)
    handle.remove()
    assert sizes == [200, 100]
    for one, other in zip(whole, chunked, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)
