"""The bound deformation against autograd through the plain expression field."""

from __future__ import annotations

import pytest
import torch

from dphm_core.heads.config import HeadConfig
from dphm_core.heads.deformation import Deformation
from dphm_core.heads.expression import ExpressionField


@pytest.mark.parametrize("hyper_dim", [0, 2])
@pytest.mark.parametrize("octaves", [0, 4])
def test_bound_deformation_is_the_field_with_autograd(octaves: int, hyper_dim: int) -> None:
    torch.manual_seed(0)
    config = HeadConfig(
        anchors=5, symmetric_pairs=2, global_dim=6, local_dim=3, expression_dim=7, condition_dim=4,
        expression_width=24, expression_layers=4, hyper_dim=hyper_dim, position_octaves=octaves,
    )  # fmt: skip
    field = ExpressionField(config).requires_grad_(False)
    identity, anchors = torch.randn(config.identity_dim), torch.randn(config.anchors, 3)
    points, expression = torch.rand(50, 3) - 0.5, torch.rand(config.expression_dim)
    cotangent = torch.randn(50, 3 + hyper_dim)

    own_points = points[:, None].clone().requires_grad_()
    own_code = expression.expand(50, -1).clone().requires_grad_()
    condition = field.condition(identity[None], anchors[None]).expand(50, -1)
    offset, hyper = field(own_points, condition, own_code)
    canonical = torch.cat([own_points + offset, hyper], dim=-1)[:, 0]
    by_point, by_code = torch.autograd.grad((canonical * cotangent).sum(), [own_points, own_code])

    deformation = Deformation(field, identity, anchors)
    evaluation = deformation.evaluate(points, expression)
    got_by_point, got_by_code = deformation.pull_back(evaluation, cotangent)

    torch.testing.assert_close(evaluation.canonical, canonical.detach(), atol=1e-5, rtol=0)
    torch.testing.assert_close(got_by_point, by_point[:, 0], atol=2e-5, rtol=1e-4)
    torch.testing.assert_close(got_by_code, by_code, atol=2e-5, rtol=1e-4)
