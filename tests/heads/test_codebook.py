"""Codebooks: written, read back, imported with an official model, and refused where they do not fit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from official_files import write_official
from safetensors.torch import save_file
from tiny_models import EXPRESSIONS, HEADS, SIZES, write_tiny_model

from dphm_core.errors import CheckpointError
from dphm_core.heads.codebook import CODEBOOK, FORMAT, Codebook, load_codebook, save_codebook
from dphm_core.heads.model import load_model
from dphm_core.heads.official import import_official

KIND = {"format": FORMAT}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_tiny_model(tmp_path / "model")


def tensors() -> dict[str, torch.Tensor]:
    return {"identities": torch.zeros(2, SIZES.identity_dim), "expressions": torch.zeros(3, SIZES.expression_dim)}


def test_round_trip(folder: Path) -> None:
    rng = np.random.default_rng(0)
    codes = Codebook(
        rng.standard_normal((4, SIZES.identity_dim)).astype(np.float32),
        rng.random((9, SIZES.expression_dim)).astype(np.float32),
    )
    save_codebook(codes, folder)
    found = load_codebook(folder)
    assert np.array_equal(found.of("identity"), codes.identities)
    assert np.array_equal(found.of("expression"), codes.expressions)
    size = (folder / CODEBOOK).stat().st_size
    save_codebook(codes, folder, half=True)
    assert (folder / CODEBOOK).stat().st_size < size
    np.testing.assert_allclose(load_codebook(folder).identities, codes.identities, rtol=1e-3, atol=1e-6)
    assert load_codebook(folder).identities.dtype == np.float32


def test_import_keeps_the_training_codes(tmp_path: Path) -> None:
    files = write_official(tmp_path / "official", SIZES)
    import_official(files.folder, files.anchors, out=tmp_path / "model")
    codes = torch.load(files.checkpoint, weights_only=True)["latent_codes"]
    found = load_codebook(tmp_path / "model")
    assert np.array_equal(found.identities, codes["codebook.geo.embedding.weight"].numpy())
    assert np.array_equal(found.expressions, codes["codebook.exp.embedding.weight"].numpy())


def test_the_default_model_has_one() -> None:
    model, found = load_model("default"), load_codebook("default")
    assert len(found.identities) == len(found.expressions) == 256
    coefficients = (found.identities - model.identity_mean) @ np.linalg.pinv(model.identity_basis).T
    assert coefficients.std() == pytest.approx(1, abs=0.02)
    assert found.expressions.min() >= 0 and found.expressions.max() <= 1
    np.testing.assert_allclose(model.identity_mean + coefficients @ model.identity_basis.T, found.identities, atol=1e-3)


@pytest.mark.parametrize(
    ("write", "named"),
    [
        (lambda path: path.unlink(), "import or export it again"),
        (lambda path: path.write_bytes(b"no tensors"), "not this model's codebook"),
        (lambda path: save_file(tensors(), path), "its format is None"),
        (lambda path: save_file({"identities": tensors()["identities"]}, path, KIND), "'expressions' is missing"),
        (
            lambda path: save_file(tensors() | {"expressions": torch.zeros(3, 7)}, path, KIND),
            r"'expressions' is of shape \(3, 7\), not \(n, 6\)",
        ),
        (lambda path: save_file(tensors() | {"identities": torch.zeros(0, 28)}, path, KIND), r"of shape \(0, 28\)"),
        (
            lambda path: save_file(tensors() | {"expressions": torch.full((1, 6), torch.nan)}, path, KIND),
            "does not hold finite numbers",
        ),
    ],
)
def test_wrong_files_are_named(folder: Path, write: Callable[[Path], None], named: str) -> None:
    write(folder / CODEBOOK)
    with pytest.raises(CheckpointError, match=named) as raised:
        load_codebook(folder)
    assert str(folder) in str(raised.value) and "\n" not in str(raised.value)


def test_sizes_of_the_tiny_one(folder: Path) -> None:
    found = load_codebook(folder)
    assert found.identities.shape == (HEADS, SIZES.identity_dim)
    assert found.expressions.shape == (EXPRESSIONS, SIZES.expression_dim)
