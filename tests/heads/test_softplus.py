"""The fields' activation against torch's own, and the grouped field against every expert at every query."""

from __future__ import annotations

import numpy as np
import pytest
import torch
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
