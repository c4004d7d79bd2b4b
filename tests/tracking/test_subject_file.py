"""Subject files: what goes in comes out, and what is no head of this model is refused by name."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from tiny_models import MODES, SIZES, write_tiny_model

from dphm_core.errors import CalibrationError, OutputError
from dphm_core.heads.model import HeadModel, load_model
from dphm_core.tracking.subject_file import (
    MAX_FILE_BYTES,
    KnownSubject,
    load_subject,
    load_subject_of,
    model_fingerprint,
    save_subject,
)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> HeadModel:
    return load_model(write_tiny_model(tmp_path_factory.mktemp("models") / "small"))


@pytest.fixture
def known(model: HeadModel) -> KnownSubject:
    coefficients = np.linspace(-1, 1, MODES, dtype=np.float32)
    return KnownSubject(coefficients, 1.02, 0.0006, 0.0002, model.name, model_fingerprint(model))


def test_a_subject_reads_back(model: HeadModel, known: KnownSubject, tmp_path: Path) -> None:
    path = tmp_path / "me.safetensors"
    save_subject(known, path)
    again = load_subject_of(path, model)
    np.testing.assert_array_equal(again.coefficients, known.coefficients)
    assert replace(again, coefficients=known.coefficients) == known
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    assert path.stat().st_size < 1000


def test_another_models_subject_is_refused_by_name(known: KnownSubject, tmp_path: Path) -> None:
    other = load_model(write_tiny_model(tmp_path / "other", sizes=replace(SIZES, identity_width=9)))
    save_subject(known, tmp_path / "me")
    with pytest.raises(CalibrationError, match=r"me cannot be used: .*another model \('small'.*--save-subject"):
        load_subject_of(tmp_path / "me", other)


def test_the_fingerprint_sees_a_single_weight(model: HeadModel) -> None:
    basis = model.identity_basis.copy()
    basis[0, 0] += 1e-6
    assert model_fingerprint(replace(model, identity_basis=basis)) != model_fingerprint(model)
    assert model_fingerprint(replace(model, name="renamed")) == model_fingerprint(model)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"coefficients": np.full(MODES, np.nan, np.float32)}, "coefficients"),
        ({"coefficients": np.zeros(MODES + 1, np.float32)}, "coefficients"),
        ({"coefficients": np.full(MODES, 50, np.float32)}, "coefficients"),
        ({"scale": float("nan")}, "scale"),
        ({"scale": 2.0}, "scale"),
        ({"residual_m": -1.0}, "residual"),
        ({"residual_m": float("inf")}, "residual"),
        ({"shape_error_m": float("nan")}, "shape"),
    ],
)
def test_numbers_that_are_no_head_are_refused(
    model: HeadModel, known: KnownSubject, tmp_path: Path, change: dict[str, object], told: str
) -> None:
    save_subject(replace(known, **change), tmp_path / "me")  # type: ignore[arg-type]
    with pytest.raises(CalibrationError, match=told):
        load_subject_of(tmp_path / "me", model)


def test_what_is_no_subject_file_is_told_so(tmp_path: Path) -> None:
    path = tmp_path / "me"
    with pytest.raises(CalibrationError, match=r"me cannot be read: No such file .*; choose a subject file"):
        load_subject(path)
    with pytest.raises(CalibrationError, match="cannot be read: Is a directory" if os.name == "posix" else "cannot be"):
        load_subject(tmp_path)
    path.write_bytes(b"\x10" + bytes(100))
    with pytest.raises(CalibrationError, match="is not a subject file"):
        load_subject(path)
    save_file({"coefficients": np.zeros(3, np.float32)}, path)
    with pytest.raises(CalibrationError, match="format"):
        load_subject(path)
    save_file({"coefficients": np.zeros(3, np.float32)}, path, {"format": "dphm-subject/1"})
    with pytest.raises(CalibrationError, match="is not a subject file"):
        load_subject(path)
    path.write_bytes(bytes(MAX_FILE_BYTES + 1))
    with pytest.raises(CalibrationError, match="more than any subject"):
        load_subject(path)


def test_where_nothing_can_be_written_nothing_is_left(known: KnownSubject, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        save_subject(known, tmp_path / "nowhere" / "me")
