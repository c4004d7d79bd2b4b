"""Each loss against a value by hand; the schedule at its steps; settings that cannot be."""

from __future__ import annotations

import math

import pytest
import torch
from offline_parts import random_prior
from torch import Tensor

from dphm_core.errors import SettingError
from dphm_core.heads.config import HeadConfig
from dphm_core.heads.identity import asymmetry
from dphm_core.tracking.offline import losses
from dphm_core.tracking.offline.config import LossWeights, OfflineConfig, StageConfig, chosen_stages


def test_points_beyond_the_threshold_are_dropped_not_capped() -> None:
    distance = torch.tensor([[0.01, -0.03, 0.5], [0.04, 0.5, 0.5]])
    near = losses.near_points(distance, 0.1)
    assert near.tolist() == [[True, True, False], [True, False, False]]
    assert float(losses.data_loss(distance, near)) == pytest.approx((0.02 + 0.04) / 2)


def test_a_frame_without_near_points_adds_nothing() -> None:
    distance = torch.full((1, 3), 0.5, requires_grad=True)
    loss = losses.data_loss(distance, losses.near_points(distance, 0.1))
    loss.backward()
    assert loss.item() == 0
    assert distance.grad is not None and (distance.grad == 0).all()


def test_normals_are_compared_by_their_angle_alone() -> None:
    gradient = torch.tensor([[[3.0, 0, 0], [0, 0.2, 0], [0, 0, 1.0]]])
    normals = torch.tensor([[[1.0, 0, 0], [1.0, 0, 0], [0, 0, -1.0]]])
    near = torch.tensor([[True, True, True]])
    assert float(losses.normal_loss(gradient, normals, near)) == pytest.approx((0 + 1 + 2) / 3)
    assert float(losses.normal_loss(gradient, normals, torch.tensor([[True, True, False]]))) == pytest.approx(0.5)


def test_landmarks_are_a_mean_of_summed_coordinates_over_those_seen() -> None:
    anchors = torch.zeros(3, 3)
    canonical = torch.tensor([[[0.1, -0.2, 0.3], [0.0, 0.0, 0.4], [9.0, 9.0, 9.0]]])
    assert float(losses.landmark_loss(canonical, anchors, torch.tensor([[True, True, False]]))) == pytest.approx(0.5)


def test_changes_between_neighbours() -> None:
    codes, before = torch.tensor([[1.0, 2.0], [0.0, 0.0]]), torch.tensor([[1.0, 0.0], [3.0, 4.0]])
    assert losses.code_change(codes, before).tolist() == [4, 25]
    assert losses.translation_change(codes, before).tolist() == [2, 5]
    turned = torch.tensor([[math.cos(0.1), math.sin(0.1), 0, 0]])
    still = torch.tensor([[1.0, 0, 0, 0]])
    expected = 2 * math.sin(0.05)  # the chord of half the turn of 0.2 rad
    assert losses.rotation_change(turned, still).item() == pytest.approx(expected, rel=1e-4)
    assert losses.rotation_change(-turned, still).item() == pytest.approx(expected, rel=1e-4)


def test_no_change_has_a_finite_gradient() -> None:
    same = torch.tensor([[1.0, 0, 0, 0]], requires_grad=True)
    losses.rotation_change(same, same.detach()).sum().backward()
    assert same.grad is not None and same.grad.isfinite().all()


def test_symmetry_compares_the_two_sides_local_parts_once() -> None:
    config = HeadConfig(anchors=5, symmetric_pairs=2, global_dim=2, local_dim=2)
    local = [[1.0, 0], [0, 0], [2.0, 2], [2.0, 5], [7.0, 7], [8.0, 8]]  # two pairs, the middle, the global network's
    code = torch.tensor([9.0, 9.0, *[value for part in local for value in part]])
    assert float(asymmetry(code[None], config)) == pytest.approx((1 + 9) / 2)


def test_norms_are_multiples_of_what_is_usual() -> None:
    codes = torch.tensor([[1.0, 3.0], [1.0, 1.0]])
    assert float(losses.norm_loss(codes, torch.ones(2), usual=4.0)) == pytest.approx(4 / 2 / 4)


def gradient(loss: Tensor, codes: Tensor) -> Tensor:
    return torch.autograd.grad(loss, codes)[0]


def test_both_forms_of_the_prior_are_the_priors_own() -> None:
    prior = random_prior(16)
    codes = (0.3 * torch.randn(3, 16, generator=torch.Generator().manual_seed(1))).requires_grad_()
    probe = prior.probe(3, seed=5)
    denoising = losses.prior_loss(prior, codes, probe, "denoising")
    assert denoising.item() == pytest.approx(prior.denoising_loss(codes, probe).item())
    assert gradient(denoising, codes).abs().min() > 0
    figure, expected = prior.score_distillation(codes.detach(), probe)
    distillation = losses.prior_loss(prior, codes, probe, "distillation")
    assert distillation.item() == pytest.approx(figure.item())
    torch.testing.assert_close(gradient(distillation, codes), expected)


def test_the_papers_schedule() -> None:
    config = OfflineConfig()
    steps = (0, 49, 50, 51, 100, 101, 150, 200)
    factors = [config.init.rate_factor(step) for step in steps]
    assert factors == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01, 1e-3, 1e-3])
    assert [config.init.threshold(step) for step in steps] == [0.1, 0.1, 0.1, 0.05, 0.05, 0.0075, 0.0075, 0.0075]
    assert config.init.rounds == 201
    assert [config.incremental.rate_factor(step) for step in (0, 19)] == [1, 1]
    assert {config.incremental.threshold(step) for step in range(20)} == {0.1}
    assert [config.joint.rate_factor(epoch) for epoch in (0, 19, 20, 29)] == pytest.approx([1, 1, 0.1, 0.1])
    assert config.joint.threshold(0) == 0.0075
    rates = [(s.identity_rate, s.expression_rate, s.pose_rate, s.scale_rate) for s in (config.init, config.joint)]
    assert rates == [(1e-2, 1e-2, 1e-2, 1e-2), (1e-4, 1e-4, 1e-5, 1e-5)]
    assert (config.incremental.identity_rate, config.incremental.scale_rate) == (0, 0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"rounds": 0},
        {"points": 0},
        {"pose_rate": -1.0},
        {"threshold_from": (0.0, 0.5)},
        {"thresholds": (0.0,)},
        {"threshold_from": (0.0, -0.5), "thresholds": (0.1, 0.05)},
    ],
)
def test_impossible_stages_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(SettingError, match=next(iter(wrong))):
        StageConfig(**wrong)  # type: ignore[arg-type]


def test_impossible_weights_are_refused() -> None:
    with pytest.raises(SettingError, match="normal"):
        LossWeights(normal=-1)


def test_stages_are_a_part_of_their_order() -> None:
    assert chosen_stages("init,incre,joint") == ("init", "incre", "joint")
    assert chosen_stages(" incre, joint") == ("incre", "joint")
    for wrong in ("", "joint,init", "init,joint", "init,init", "fit"):
        with pytest.raises(SettingError, match="stages"):
            chosen_stages(wrong)
