"""Codes by name: samples that depend on nothing but seed and number, fixed codes, passages, errors."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_models import HEADS, SIZES, write_tiny_model

from dphm_core.diffusion.prior_file import PRIOR_FILES
from dphm_core.errors import CheckpointError, DataError, SettingError
from dphm_core.generation.choose import CodeChooser
from dphm_core.generation.draw import BATCH
from dphm_core.generation.heads import generate
from dphm_core.generation.interpolate import passage, slerp
from dphm_core.generation.meshes import off_basis
from dphm_core.generation.options import HeadRequest, SamplerConfig
from dphm_core.heads.codebook import load_codebook
from dphm_core.heads.latent_prior import load_model_prior, over_coefficients
from dphm_core.heads.model import load_model

DDIM = SamplerConfig(steps=3, seed=5)
DDPM = SamplerConfig("ddpm", seed=5)


@pytest.fixture
def chooser(folder: Path) -> CodeChooser:
    return CodeChooser(folder, DDIM)


class TestSamples:
    @pytest.mark.parametrize("config", [DDIM, DDPM])
    def test_a_sample_does_not_depend_on_the_others(self, folder: Path, config: SamplerConfig) -> None:
        many = CodeChooser(folder, config).codes("expression", "sample", BATCH + 3)
        few = CodeChooser(folder, config)
        assert many.shape == (BATCH + 3, SIZES.expression_dim) and many.dtype == np.float32
        assert np.array_equal(few.codes("expression", "sample", 2), many[:2])
        assert np.array_equal(few.codes("expression", f"sample:{BATCH + 1}", 1)[0], many[BATCH + 1])
        assert len(np.unique(many, axis=0)) == len(many)

    def test_seed_sampler_and_part_make_others(self, folder: Path) -> None:
        runs = [
            CodeChooser(folder, config).codes("expression", "sample", 1)
            for config in (DDIM, replace(DDIM, seed=6), replace(DDIM, steps=4), DDPM, DDPM)
        ]
        assert [np.array_equal(runs[0], run) for run in runs] == [True, False, False, False, False]
        assert np.array_equal(runs[3], runs[4])

    def test_samples_stay_in_the_priors_range(self, chooser: CodeChooser) -> None:
        codes = chooser.codes("expression", "sample", 4)
        assert codes.min() >= 0 and codes.max() <= 1


class TestNames:
    def test_mean_and_neutral(self, chooser: CodeChooser) -> None:
        assert np.array_equal(chooser.codes("identity", "mean", 2)[1], chooser.model.identity_mean)
        assert not chooser.codes("expression", "neutral", 1).any()

    def test_rows_of_the_codebook(self, chooser: CodeChooser, folder: Path) -> None:
        codes = chooser.codes("identity", "7", 3)
        assert np.array_equal(codes, np.tile(load_codebook(folder).identities[7], (3, 1)))

    def test_files(self, chooser: CodeChooser, tmp_path: Path) -> None:
        codes = np.random.default_rng(0).random((4, SIZES.expression_dim), dtype=np.float32)
        np.save(tmp_path / "one.npy", codes[1])
        np.savez(tmp_path / "codes.npz", expression_codes=codes, other=np.ones(3))
        assert np.array_equal(chooser.codes("expression", f"{tmp_path / 'one.npy'}", 1)[0], codes[1])
        assert np.array_equal(chooser.codes("expression", f"{tmp_path / 'codes.npz'}:3", 1)[0], codes[3])

    @pytest.mark.parametrize(
        ("text", "error", "named"),
        [
            (str(HEADS), SettingError, f"0 to {HEADS - 1}, not {HEADS}"),
            ("-1", SettingError, "not -1"),
            ("nobody", SettingError, "'nobody' is no identity code"),
            ("{}/none.npy", DataError, r"none\.npy holds no identity code"),
            ("{}/two.npy", DataError, r"2 identity codes; name one as .*two\.npy:ROW"),
            ("{}/two.npy:2", DataError, "0 to 1, not 2"),
            ("{}/short.npy", DataError, r"of shape \(1, 3\)"),
            ("{}/nan.npy", DataError, "not finite"),
            ("{}/empty.npz", DataError, "no identity_codes or identity_code"),
            ("{}/objects.npy", DataError, "holds no identity code"),
        ],
    )
    def test_wrong_names(
        self, chooser: CodeChooser, tmp_path: Path, text: str, error: type[Exception], named: str
    ) -> None:
        length = SIZES.identity_dim
        np.save(tmp_path / "two.npy", np.zeros((2, length), np.float32))
        np.save(tmp_path / "short.npy", np.zeros(3, np.float32))
        np.save(tmp_path / "nan.npy", np.full(length, np.nan, np.float32))
        np.savez(tmp_path / "empty.npz", other=np.ones(3))
        np.save(tmp_path / "objects.npy", np.array([{}]), allow_pickle=True)
        with pytest.raises(error, match=named) as raised:
            chooser.codes("identity", text.format(tmp_path), 1)
        assert "\n" not in str(raised.value)

    def test_a_model_without_priors_says_what_to_do(self, plain_folder: Path) -> None:
        chooser = CodeChooser(plain_folder, DDIM)
        assert chooser.codes("identity", "0", 1).any()
        with pytest.raises(CheckpointError, match="dphm train diffusion identity"):
            chooser.codes("identity", "sample", 1)

    def test_a_prior_of_other_codes_is_refused(self, folder: Path, tmp_path: Path) -> None:
        other = write_tiny_model(tmp_path / "other", priors=True)
        prior = (other / PRIOR_FILES["identity"]).read_bytes()
        (other / PRIOR_FILES["expression"]).write_bytes(prior)
        with pytest.raises(CheckpointError, match=f"of {SIZES.identity_dim} numbers, not of this model's 6"):
            CodeChooser(other, DDIM).sampler("expression")

    def test_too_many_steps(self, folder: Path) -> None:
        with pytest.raises(SettingError, match="60 steps"):
            CodeChooser(folder, replace(DDIM, steps=61)).sampler("identity")


class TestPassages:
    @pytest.mark.parametrize("blend", ["linear", "noise"])
    def test_ends_are_exact(self, chooser: CodeChooser, blend: str) -> None:
        codes = passage(chooser, "expression", ("sample:1", "sample:9"), 5, blend)  # type: ignore[arg-type]
        ends = chooser.codes("expression", "sample", 10)[[1, 9]]
        assert np.array_equal(codes[[0, -1]], ends)
        assert len(np.unique(codes, axis=0)) == 5

    def test_a_straight_line_goes_through_the_middle(self, chooser: CodeChooser) -> None:
        codes = passage(chooser, "identity", ("mean", "3"), 3, "linear")
        np.testing.assert_allclose(codes[1], codes[[0, 2]].mean(axis=0), atol=1e-6)

    def test_noises_pass_near_their_samples(self, chooser: CodeChooser) -> None:
        """What DDIM makes of a start noise is the sample of that number."""
        sampler = chooser.sampler("expression")
        found = sampler.of_noise(np.stack([sampler.noise(number) for number in range(3)]))
        np.testing.assert_allclose(found, sampler.codes(range(3)), atol=1e-5)

    def test_slerp_keeps_the_length(self) -> None:
        ends = np.float32([[3, 0], [0, 3]])
        way = slerp(*ends, np.float32([[0], [0.5], [1]]))
        np.testing.assert_allclose(way, [[3, 0], [4.5**0.5, 4.5**0.5], [0, 3]], atol=1e-6)
        np.testing.assert_allclose(slerp(ends[0], ends[0], np.float32([[0.3]])), ends[:1])

    def test_noise_needs_two_samples_of_ddim(self, chooser: CodeChooser, folder: Path) -> None:
        with pytest.raises(SettingError, match="two samples of ddim"):
            passage(chooser, "identity", ("sample:1", "mean"), 3, "noise")
        with pytest.raises(SettingError, match="two samples of ddim"):
            passage(CodeChooser(folder, DDPM), "identity", ("sample:0", "sample:1"), 3, "noise")


class TestRequests:
    def test_both_are_drawn(self, chooser: CodeChooser) -> None:
        heads = generate(chooser, HeadRequest(3))
        assert len(heads) == 3
        assert np.array_equal(heads.identities, chooser.codes("identity", "sample", 3))
        assert np.array_equal(heads.expressions, chooser.codes("expression", "sample", 3))

    def test_one_is_fixed(self, chooser: CodeChooser) -> None:
        heads = generate(chooser, HeadRequest(3, identity="2"))
        assert np.array_equal(heads.identities, chooser.codes("identity", "2", 3))
        assert len(np.unique(heads.expressions, axis=0)) == 3

    def test_between_keeps_the_other_still(self, chooser: CodeChooser) -> None:
        heads = generate(chooser, HeadRequest(4, between=("identity", "1", "2")))
        assert not heads.expressions.any() and len(np.unique(heads.identities, axis=0)) == 4
        heads = generate(chooser, HeadRequest(4, identity="sample", between=("expression", "1", "2")))
        assert np.array_equal(heads.identities, np.tile(chooser.codes("identity", "sample", 1), (4, 1)))

    @pytest.mark.parametrize(
        ("wrong", "named"),
        [
            ({"count": 0}, "count"),
            ({"blend": "noise"}, "--between"),
            ({"between": ("identity", "1", "2"), "identity": "3"}, "--identity cannot"),
            ({"between": ("identity", "1", "2"), "count": 1}, "2 or more"),
        ],
    )
    def test_impossible_ones(self, wrong: dict[str, object], named: str) -> None:
        with pytest.raises(SettingError, match=named):
            HeadRequest(**wrong)  # type: ignore[arg-type]


def test_identities_of_a_prior_over_coefficients_are_heads_of_the_model(folder: Path) -> None:
    model = load_model(folder)
    prior = load_model_prior(folder, "identity", model)
    assert over_coefficients(model, prior)
    codes = CodeChooser(folder, SamplerConfig(steps=3)).codes("identity", "sample", 3)
    assert codes.shape == (3, model.config.identity_dim)
    assert off_basis(model, codes).max() < 1e-5 < np.abs(codes[0] - codes[1]).max()
