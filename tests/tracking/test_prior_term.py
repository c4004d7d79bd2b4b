"""The pull of the diffusion prior, as one quadratic term of a frame's fit."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from dphm_core.diffusion.prior import LatentPrior
from dphm_core.diffusion.schedule import cosine_schedule
from dphm_core.diffusion.unet import UNet1D, UNetConfig
from dphm_core.tracking.normal_equations import NormalEquations
from dphm_core.tracking.prior_term import LOOKS, STEPS, PriorTerm

SIZE, UNKNOWNS = 8, 14


class KnowsOne(nn.Module):
    """A perfect denoiser of a world with one code: its v makes x̂0 that code, whatever comes in."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.config, self.value, self.schedule = UNetConfig(SIZE, 8, (1, 2)), value, cosine_schedule()

    def forward(self, noised: Tensor, steps: Tensor) -> Tensor:
        signal, noise = self.schedule.at(steps, noised)
        return (signal * noised - self.value) / noise  # x̂0 = signal · x_t − noise · v


def test_a_code_is_drawn_to_what_the_network_knows_in_proportion_to_the_weights() -> None:
    prior = LatentPrior(KnowsOne(0.5), cosine_schedule(), 0.0, 2.0)  # type: ignore[arg-type]
    term, code = PriorTerm(prior, spread=0.1), np.zeros(SIZE, np.float32)
    centre = term.centre(code)
    np.testing.assert_allclose(centre, 1.5, atol=1e-4)  # 0.5 of -1..1 in codes of 0..2
    equations = NormalEquations(UNKNOWNS)
    term.add(equations, code, centre)
    other = 3.0  # another residual that holds the code where it is
    equations.add_diagonal(np.zeros(SIZE), np.full(SIZE, other), slice(0, SIZE))
    step = equations.solve(np.full(UNKNOWNS, -np.inf), np.full(UNKNOWNS, np.inf))
    weight = (0.1 * 2.0) ** -2
    np.testing.assert_allclose(step[:SIZE], 1.5 * weight / (weight + other), atol=1e-3)
    assert not step[SIZE:].any()


def test_looks_are_pairs_of_opposite_noise_and_the_same_every_time() -> None:
    torch.manual_seed(0)
    prior = LatentPrior(UNet1D(UNetConfig(SIZE, 8, (1, 2))), cosine_schedule(), 0.0, 1.0)
    probe = prior.paired_probe(4, (0.2, 0.3), seed=1)
    assert torch.equal(probe.noise[:2], -probe.noise[2:]) and torch.equal(probe.steps[:2], probe.steps[2:])
    assert int(probe.steps.min()) >= 200 and int(probe.steps.max()) <= 300
    code = np.linspace(0, 1, SIZE, dtype=np.float32)
    first, again = (PriorTerm(prior, 0.2).centre(code) for _ in range(2))
    assert np.array_equal(first, again)


def test_a_face_at_rest_is_drawn_to_the_same_place_in_every_frame() -> None:
    """Frames take the looks in turn, yet all looks count in each."""
    torch.manual_seed(0)
    prior = LatentPrior(UNet1D(UNetConfig(SIZE, 8, (1, 2))), cosine_schedule(), 0.0, 1.0)
    term, code = PriorTerm(prior, 0.2), np.linspace(0, 1, SIZE, dtype=np.float32)
    both = prior.denoised(torch.from_numpy(code)[None], prior.paired_probe(LOOKS, STEPS, seed=0)).code[0].numpy()
    for _ in range(2 * LOOKS + 1):
        np.testing.assert_allclose(term.centre(code), both, atol=1e-6)


@pytest.mark.parametrize("spread", [0.05, 0.5])
def test_the_weight_follows_the_range_of_the_codes(spread: float) -> None:
    weights = []
    for high in (1.0, 10.0):
        prior = LatentPrior(KnowsOne(0.0), cosine_schedule(), 0.0, high)  # type: ignore[arg-type]
        equations = NormalEquations(SIZE)
        PriorTerm(prior, spread).add(equations, np.zeros(SIZE, np.float32), np.zeros(SIZE, np.float32))
        weights.append(equations.hessian[0, 0] * (spread * high) ** 2)
    np.testing.assert_allclose(weights, 1.0)


def test_a_look_ahead_changes_nothing_and_is_forgotten_where_the_frame_starts_elsewhere() -> None:
    torch.manual_seed(0)
    prior = LatentPrior(UNet1D(UNetConfig(SIZE, 8, (1, 2))), cosine_schedule(), 0.0, 1.0)
    codes = [np.linspace(0, end, SIZE, dtype=np.float32) for end in (1.0, 0.8, 0.6, 0.7)]
    plain, ahead = PriorTerm(prior, 0.2), PriorTerm(prior, 0.2)
    for start, reached in ((0, 1), (1, 1), (1, 2), (3, 1), (1, 0), (0, 0)):  # once it starts elsewhere
        assert np.array_equal(ahead.centre(codes[start]), plain.centre(codes[start]))
        ahead.look_ahead(codes[reached])


def test_frames_that_follow_each_other_take_what_was_worked_out_beforehand_and_others_have_nothing_begun() -> None:
    torch.manual_seed(0)
    prior = LatentPrior(UNet1D(UNetConfig(SIZE, 8, (1, 2))), cosine_schedule(), 0.0, 1.0)
    term, codes = PriorTerm(prior, 0.2), np.random.default_rng(0).random((6, SIZE)).astype(np.float32)
    evaluated: list[str] = []
    whole = prior.denoised

    def noted(*arguments: object) -> object:
        evaluated.append(threading.current_thread().name)
        return whole(*arguments)  # type: ignore[arg-type]

    object.__setattr__(prior, "denoised", noted)
    for code in codes:  # one by one
        term.centre(code)
        term.look_ahead(code + 1)
    assert set(evaluated) == {threading.current_thread().name}
    evaluated.clear()
    for number in range(4):
        term.centre(codes[number])
        term.look_ahead(codes[number + 1])
    here = [name for name in evaluated if name == threading.current_thread().name]
    assert len(here) == 2  # until it is seen that frames follow each other
    assert all(name.startswith("dphm-prior") for name in set(evaluated) - set(here)) and len(evaluated) > len(here)
