"""Training of a latent prior: its loss falls, a resume is the uninterrupted training, the prior denoises."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_models import write_tiny_model
from torch import Tensor

from dphm_core.cli import main
from dphm_core.diffusion.prior import Probe
from dphm_core.diffusion.prior_file import EXPRESSION_PRIOR, IDENTITY_PRIOR, load_prior
from dphm_core.diffusion.schedule import add_noise
from dphm_core.errors import CheckpointError, DataError, SettingError
from dphm_core.frames import FloatArray
from dphm_core.heads.codebook import load_codebook, save_codebook
from dphm_core.heads.latent_prior import codes_of_latents, load_model_prior, over_coefficients
from dphm_core.heads.model import load_model
from dphm_core.training.codes import codes_to_learn, made_up_codes, pool_codebook
from dphm_core.training.config import DiffusionConfig
from dphm_core.training.diffusion import DiffusionTrainer, train_diffusion

pytestmark = pytest.mark.usefixtures("one_thread")
TRAINING = DiffusionConfig(
    steps=24, batch=4, learning_rate=5e-3, count=300, dim=8, multipliers=(1, 2), checkpoint_every=12
)


@pytest.fixture(scope="module")
def expressions() -> FloatArray:
    return made_up_codes("expression", load_model("default"), 600, 0)


def losses(trainer: DiffusionTrainer) -> list[float]:
    return [entry["held_out_loss"] for entry in trainer.progress.history]


@pytest.fixture(scope="module")
def trained(expressions: FloatArray, tmp_path_factory: pytest.TempPathFactory) -> DiffusionTrainer:
    config = replace(TRAINING, steps=150, batch=16, checkpoint_every=30)
    trainer = DiffusionTrainer("expression", expressions, config, tmp_path_factory.mktemp("trained"))
    trainer.run()
    return trainer


def test_the_loss_falls(trained: DiffusionTrainer) -> None:
    assert len(losses(trained)) == 5
    assert losses(trained)[-1] < 0.85 * losses(trained)[0]


def test_the_saved_prior_takes_noise_away(trained: DiffusionTrainer) -> None:
    prior = load_prior(trained.folder / EXPRESSION_PRIOR)
    assert prior.unet.config.length == 53
    clean = prior.denormalised(trained.held_out)
    for step in (400, 600):
        noise = torch.randn(1, 53, generator=torch.Generator().manual_seed(step))
        steps = torch.tensor([step])
        noised = prior.denormalised(add_noise(prior.schedule, trained.held_out, steps, noise))
        denoised = prior.denoised(clean, Probe(steps, noise)).code
        assert float((denoised - clean).norm(dim=1).mean()) < 0.5 * float((noised - clean).norm(dim=1).mean())


def test_the_prior_knows_a_face_from_independent_weights(trained: DiffusionTrainer, expressions: FloatArray) -> None:
    """Shuffling each column by itself keeps every weight's range and breaks what faces are made of."""
    prior = trained.prior()
    shuffled = np.random.default_rng(3).permuted(expressions, axis=0)[: len(trained.held_out)]
    probes = [prior.probe(len(shuffled), seed) for seed in range(4)]

    def loss(codes: Tensor) -> float:
        with torch.no_grad():
            return float(np.mean([float(prior.denoising_loss(codes, probe)) for probe in probes]))

    assert loss(prior.denormalised(trained.held_out)) < 0.99 * loss(torch.from_numpy(shuffled))


class Interrupted(DiffusionTrainer):
    """Stops in the middle, as a person's Ctrl-C would."""

    def _loss(self, unet: torch.nn.Module, data: Tensor, rng: np.random.Generator) -> Tensor:
        if self.progress.step == 19:
            raise KeyboardInterrupt
        return super()._loss(unet, data, rng)  # type: ignore[arg-type]


def test_a_resumed_training_is_the_uninterrupted_one(expressions: FloatArray, tmp_path: Path) -> None:
    whole = DiffusionTrainer("expression", expressions, TRAINING, tmp_path / "whole")
    whole.run()
    with pytest.raises(KeyboardInterrupt):
        Interrupted("expression", expressions, TRAINING, tmp_path / "parts").run()
    assert not (tmp_path / "parts" / EXPRESSION_PRIOR).exists()
    resumed = DiffusionTrainer("expression", expressions, TRAINING, tmp_path / "parts")
    resumed.run()
    assert [entry["step"] for entry in resumed.progress.history] == [12, 24]
    assert losses(resumed) == losses(whole)
    for name, value in whole.networks.state_dict().items():
        assert torch.equal(value, resumed.networks.state_dict()[name]), name


def test_a_checkpoint_of_other_codes_is_refused(expressions: FloatArray, tmp_path: Path) -> None:
    DiffusionTrainer("expression", expressions, TRAINING, tmp_path).save()
    with pytest.raises(CheckpointError, match="its codes are others"):
        DiffusionTrainer("expression", 2 * expressions, TRAINING, tmp_path).resume()
    with pytest.raises(CheckpointError, match=r"diffusion\.pt is of another training \(dim: 8 then, 16 now\)"):
        DiffusionTrainer("expression", expressions, replace(TRAINING, dim=16), tmp_path).resume()
    longer = replace(TRAINING, steps=50, learning_rate=1e-3, checkpoint_every=5)
    DiffusionTrainer("expression", expressions, longer, tmp_path).resume()


def test_the_command_trains_the_default_models_identities(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--count", "40", "--steps", "2", "--batch", "2", "--dim", "8", "--multipliers", "1", "2", "2", "2"]
    assert main(["train", "diffusion", "identity", "--out", str(tmp_path / "new"), *words]) == 0
    assert re.search(rf"step 2, \d+ s in .*{IDENTITY_PRIOR}", capsys.readouterr().out)
    prior = load_prior(tmp_path / "new" / IDENTITY_PRIOR)
    codes = made_up_codes("identity", load_model("default"), 40, 0)
    assert prior.unet.config.length == codes.shape[1]
    assert (prior.minimum, prior.maximum) == (codes.min(), codes.max())


def test_identities_vary_as_the_model_says() -> None:
    model = load_model("default")
    codes = model.identity_codes(made_up_codes("identity", model, 2000, 0))
    np.testing.assert_allclose(codes.mean(axis=0), model.identity_mean, atol=0.02)
    np.testing.assert_allclose(codes.std(axis=0), np.linalg.norm(model.identity_basis, axis=1), rtol=0.1)


def test_of_as_many_coefficients_as_numbers_a_prior_is_over_codes(tmp_path: Path) -> None:
    """Its length would not tell which of the two it is over."""
    model = load_model(write_tiny_model(tmp_path, priors=True))
    length = model.config.identity_dim
    square = replace(model, identity_basis=2 * np.eye(length, dtype=np.float32))
    prior = load_model_prior(tmp_path, "identity", model)
    assert prior.unet.config.length == length and not over_coefficients(square, prior)
    codes = made_up_codes("identity", square, 2000, 0)
    assert np.abs(codes.std(axis=0) - 2).max() < 0.2
    assert codes_of_latents(square, "identity", codes) is codes


def test_an_imported_model_takes_its_codebook(tmp_path: Path) -> None:
    folder = write_tiny_model(tmp_path / "model")
    with pytest.raises(SettingError, match="--codes codebook"):
        made_up_codes("expression", load_model(folder), 10, 0)
    codebook = load_codebook(folder)
    assert np.array_equal(codes_to_learn("expression", folder, "auto", 10, 0), codebook.expressions)
    train_diffusion("expression", folder, tmp_path / "out", replace(TRAINING, steps=2))
    assert load_prior(tmp_path / "out" / EXPRESSION_PRIOR).maximum == codebook.expressions.max()
    save_codebook(replace(codebook, expressions=codebook.expressions[:3]), folder)
    with pytest.raises(SettingError, match="3 codes cannot train"):
        train_diffusion("expression", folder, tmp_path / "new", TRAINING)


def test_a_named_model_can_take_its_codebook() -> None:
    assert len(codes_to_learn("expression", "default", "auto", 30, 0)) == 30
    assert np.array_equal(codes_to_learn("identity", "default", "codebook", 30, 0), load_codebook("default").identities)


def test_a_codebook_of_the_training_pools(tmp_path: Path) -> None:
    basis = np.random.default_rng(0).standard_normal((7, 4)).astype(np.float32)
    coefficients, weights = np.random.default_rng(1).random((2, 300, 4), dtype=np.float32)
    assert pool_codebook(tmp_path, basis) is None
    np.savez(tmp_path / "identity-train.npz", identity=coefficients, points=np.zeros(9))
    np.savez(tmp_path / "expression-train.npz", identity=np.zeros(2), expression=weights)
    codebook = pool_codebook(tmp_path, basis)
    assert codebook is not None
    np.testing.assert_allclose(codebook.identities[255], basis @ coefficients[255], atol=1e-5)
    assert np.array_equal(codebook.expressions, weights[:256])
    (tmp_path / "identity-train.npz").write_bytes(b"?")
    with pytest.raises(DataError, match=r"identity-train\.npz"):
        pool_codebook(tmp_path, basis)


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"batch": 0}, {"count": 3}, {"learning_rate": float("nan")}])
def test_impossible_trainings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(SettingError, match=next(iter(wrong))):
        replace(TRAINING, **wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [{"dim": 12}, {"multipliers": ()}, {"multipliers": (0,)}, {"multipliers": (1, 999)}])
def test_impossible_networks_are_refused(expressions: FloatArray, tmp_path: Path, wrong: dict[str, object]) -> None:
    with pytest.raises(SettingError, match="network cannot be made"):
        DiffusionTrainer("expression", expressions, replace(TRAINING, **wrong), tmp_path)  # type: ignore[arg-type]
