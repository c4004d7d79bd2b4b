"""The latent prior: the original's answers on the same network, the two forms' derivatives, and its file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from dphm_core.diffusion.prior import LatentPrior, Probe
from dphm_core.diffusion.prior_file import assemble_prior, load_prior, save_prior
from dphm_core.diffusion.samplers import ddim
from dphm_core.diffusion.schedule import Schedule, add_noise, cosine_schedule
from dphm_core.diffusion.unet import UNet1D, UNetConfig, config_of_weights
from dphm_core.errors import CheckpointError

SIZES = UNetConfig(length=24, dim=8, multipliers=(1, 2))


@dataclass(frozen=True)
class Original:
    """What the original implementation was given and answered for one of its diffusions."""

    prior: LatentPrior
    values: dict[str, Tensor]

    @property
    def codes(self) -> Tensor:
        return self.values["x"][:, 0].clone()

    @property
    def probe(self) -> Probe:
        return Probe(self.values["t"], self.values["noise"][:, 0])


@pytest.fixture(scope="module", params=["iden", "expre"])
def original(request: pytest.FixtureRequest, shared_data: Path) -> Original:
    folder = shared_data.parent / "parity" / "official_small"
    if not folder.is_dir():
        pytest.skip("needs ../shared/parity/official_small, which is absent")
    model = torch.load(folder / f"dphm_{request.param}" / "checkpoints" / "model-300.pt", weights_only=True)["model"]
    arrays = np.load(folder / "expected.npz")
    own = [name for name in arrays.files if name.startswith(f"{request.param}_")]
    values = {name.removeprefix(f"{request.param}_"): torch.from_numpy(np.array(arrays[name])) for name in own}
    weights = {name.removeprefix("model."): value for name, value in model.items() if name.startswith("model.")}
    sizes = config_of_weights({name: tuple(value.shape) for name, value in weights.items()}, values["x"].shape[-1])
    schedule = Schedule(model["sqrt_alphas_cumprod"], model["sqrt_one_minus_alphas_cumprod"])
    return Original(assemble_prior(sizes, weights, schedule, (float(values["min"]), float(values["max"]))), values)


class TestParity:
    def test_schedule(self, original: Original) -> None:
        ours = cosine_schedule()
        torch.testing.assert_close(ours.signal, original.prior.schedule.signal, atol=0, rtol=1e-6)
        torch.testing.assert_close(ours.noise, original.prior.schedule.noise, atol=0, rtol=1e-6)

    def test_network(self, original: Original) -> None:
        values = original.values
        data = original.prior.normalised(values["x"])
        noised = add_noise(original.prior.schedule, data, values["t"], values["noise"])
        torch.testing.assert_close(noised, values["noised"], atol=1e-5, rtol=0)
        torch.testing.assert_close(original.prior.unet(noised, values["t"]), values["v"], atol=1e-4, rtol=0)

    def test_denoising_loss(self, original: Original) -> None:
        codes = original.codes.requires_grad_()
        loss = original.prior.denoising_loss(codes, original.probe)
        torch.testing.assert_close(loss, original.values["sds_loss"], atol=0, rtol=1e-4)
        (gradient,) = torch.autograd.grad(loss, codes)
        assert_relative(gradient, original.values["sds_grad"][:, 0])

    def test_score_distillation(self, original: Original) -> None:
        loss, gradient = original.prior.score_distillation(original.codes, original.probe)
        torch.testing.assert_close(loss, original.values["sds_skip_loss"], atol=0, rtol=1e-4)
        assert_relative(gradient, original.values["sds_skip_grad"][:, 0])

    def test_ddim(self, original: Original) -> None:
        prior = original.prior
        samples = prior.denormalised(ddim(prior.unet, prior.schedule, original.values["ddim_start"], 10))
        torch.testing.assert_close(samples, original.values["ddim10"], atol=1e-4, rtol=0)


def assert_relative(found: Tensor, expected: Tensor) -> None:
    assert float((found - expected).abs().max() / expected.abs().max()) < 1e-4


def test_a_code_that_does_not_halve_evenly_is_one_with_zeros_at_its_end() -> None:
    odd, even = (UNet1D(UNetConfig(length, dim=8, multipliers=(1, 2, 4))) for length in (21, 24))
    even.load_state_dict(odd.state_dict())
    noised, steps = torch.randn(2, 1, 21, generator=torch.Generator().manual_seed(1)), torch.tensor([3, 800])
    v = odd(noised, steps)
    assert v.shape == (2, 1, 21)
    assert torch.equal(v, even(torch.nn.functional.pad(noised, (0, 3)), steps)[..., :21])


@pytest.fixture
def prior() -> LatentPrior:
    torch.manual_seed(2)
    unet = UNet1D(SIZES).requires_grad_(False).eval()
    return LatentPrior(unet, cosine_schedule(), minimum=-0.3, maximum=0.5)


@pytest.fixture
def codes() -> Tensor:
    return 0.2 * torch.randn(3, SIZES.length, generator=torch.Generator().manual_seed(6))


class TestForms:
    def test_probes_are_repeatable_and_in_the_middle(self, prior: LatentPrior) -> None:
        probe, again, other = prior.probe(500, 1), prior.probe(500, 1), prior.probe(500, 2)
        assert torch.equal(probe.steps, again.steps) and torch.equal(probe.noise, again.noise)
        assert not torch.equal(probe.noise, other.noise)
        assert 400 <= probe.steps.min() < 410 and 590 < probe.steps.max() <= 600

    def test_gradient_of_the_denoising_loss(self, prior: LatentPrior, codes: Tensor) -> None:
        """By finite differences: it runs through the network and through the target."""
        prior = LatentPrior(prior.unet.double(), prior.schedule, prior.minimum, prior.maximum)
        probe = prior.probe(3, 0)
        probe = Probe(probe.steps, probe.noise.double())
        codes = codes.double().requires_grad_()
        (gradient,) = torch.autograd.grad(prior.denoising_loss(codes, probe), codes)
        direction = torch.randn(codes.shape, generator=torch.Generator().manual_seed(7), dtype=torch.float64)
        ahead, behind = (prior.denoising_loss(codes.detach() + step * direction, probe) for step in (1e-5, -1e-5))
        torch.testing.assert_close((gradient * direction).sum(), (ahead - behind) / 2e-5, rtol=1e-5, atol=1e-9)

    def test_quadratic_has_the_gradient_of_score_distillation(self, prior: LatentPrior, codes: Tensor) -> None:
        probe = prior.probe(1, 0)
        quadratic = prior.denoised(codes[:1], probe)
        _, gradient = prior.score_distillation(codes[:1], probe)
        by_quadratic = quadratic.precision * (codes[:1] - quadratic.code)
        torch.testing.assert_close(by_quadratic, gradient, rtol=1e-4, atol=1e-6 * float(gradient.abs().max()))

    def test_quadratic_averages_over_looks(self, prior: LatentPrior, codes: Tensor) -> None:
        probe = prior.probe(4, 0)
        quadratic = prior.denoised(codes, probe)
        assert quadratic.code.shape == codes.shape
        for row in range(len(codes)):
            repeated = codes[row].expand(4, -1)
            _, gradients = prior.score_distillation(repeated, probe)  # each of the four has a share of a quarter
            by_quadratic = quadratic.precision * (codes[row] - quadratic.code[row])
            torch.testing.assert_close(
                by_quadratic, gradients.sum(0), rtol=1e-4, atol=1e-5 * float(gradients.abs().max())
            )

    def test_denoised_codes_stay_in_range(self, prior: LatentPrior, codes: Tensor) -> None:
        found = prior.denoised(50 * codes, prior.probe(2, 0)).code
        assert found.min() >= prior.minimum - 1e-6 and found.max() <= prior.maximum + 1e-6

    def test_official_size(self) -> None:
        with torch.device("meta"):
            parameters = sum(weight.numel() for weight in UNet1D(UNetConfig(1344)).parameters())
        assert parameters == pytest.approx(14.9e6, rel=0.005)


class TestFile:
    def test_round_trip(self, prior: LatentPrior, codes: Tensor, tmp_path: Path) -> None:
        save_prior(prior, tmp_path / "prior.safetensors")
        again = load_prior(tmp_path / "prior.safetensors")
        assert again.unet.config == SIZES and (again.minimum, again.maximum) == (prior.minimum, prior.maximum)
        probe = prior.probe(3, 0)
        assert torch.equal(again.denoising_loss(codes, probe), prior.denoising_loss(codes, probe))
        assert [path.name for path in tmp_path.iterdir()] == ["prior.safetensors"]

    @pytest.mark.parametrize(
        ("change", "named"),
        [
            ({"format": "other"}, "format"),
            ({"config": "{"}, "Expecting"),
            ({"length": 10**9}, "larger than any"),
            ({"length": 0}, "has no entry"),
            ({"dim": 12}, "multiple of 8"),
            ({"dim": 16}, "is .*, not"),
            ({"multipliers": []}, "multipliers"),
            ({"minimum": 1.0}, "range from 1.0 to 0.5"),
            ({"maximum": None}, "NoneType"),
        ],
    )
    def test_wrong_configuration(self, prior: LatentPrior, tmp_path: Path, change: dict[str, Any], named: str) -> None:
        path = tmp_path / "prior.safetensors"
        save_prior(prior, path)
        with safe_open(path, framework="pt") as file:
            metadata = dict(file.metadata())
        config = json.loads(metadata["config"])
        if set(change) <= set(config):
            metadata["config"] = json.dumps(config | change)
        else:
            metadata |= change
        save_file(load_file(path), path, metadata)
        with pytest.raises(CheckpointError, match=named) as raised:
            load_prior(path)
        assert str(path) in str(raised.value)

    @pytest.mark.parametrize(
        ("name", "value", "named"),
        [
            ("unet.init_conv.bias", torch.zeros(9), "init_conv.bias"),
            ("unet.init_conv.bias", None, "init_conv.bias"),
            ("unet.init_conv.bias", torch.full((8,), torch.inf), "not finite"),
            ("unet.other", torch.zeros(1), "another network"),
            ("schedule.signal", torch.zeros(1000), "amplitudes"),
            ("schedule.noise", torch.zeros(3), "two rows"),
        ],
    )
    def test_wrong_tensors(
        self, prior: LatentPrior, tmp_path: Path, name: str, value: Tensor | None, named: str
    ) -> None:
        path = tmp_path / "prior.safetensors"
        save_prior(prior, path)
        with safe_open(path, framework="pt") as file:
            metadata = dict(file.metadata())
        tensors = load_file(path)
        if value is None:
            del tensors[name]
        else:
            tensors[name] = value
        save_file(tensors, path, metadata)
        with pytest.raises(CheckpointError, match=named):
            load_prior(path)

    def test_no_safetensors_file(self, tmp_path: Path) -> None:
        (tmp_path / "prior.safetensors").write_bytes(b"nothing of the kind")
        for name in ("prior.safetensors", "absent.safetensors"):
            with pytest.raises(CheckpointError, match="cannot be read"):
                load_prior(tmp_path / name)
