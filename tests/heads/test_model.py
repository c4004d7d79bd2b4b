"""Model folders: what is written is read again, and what is not a model is refused with its name."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from dphm_core.errors import CheckpointError
from dphm_core.heads.config import HeadConfig
from dphm_core.heads.expression import ExpressionField
from dphm_core.heads.identity import IdentityField
from dphm_core.heads.model import CONFIG, WEIGHTS, HeadModel, load_model, save_model
from dphm_core.heads.template import NO_VERTEX, Template

SIZES = HeadConfig(
    anchors=4, symmetric_pairs=1, neighbours=2, global_dim=3, local_dim=2, identity_width=8, identity_layers=2,
    expression_dim=2, condition_dim=3, expression_width=8, expression_layers=2, hyper_dim=0,
)  # fmt: skip
MODES, VERTICES = 5, 12


def tiny_template() -> Template:
    rng = np.random.default_rng(0)
    landmarks = np.full(478, NO_VERTEX, np.int32)
    landmarks[[1, 33, 263]] = [0, 3, 7]
    return Template(
        mean=rng.standard_normal((VERTICES, 3), dtype=np.float32),
        identity_basis=0.02 * rng.standard_normal((MODES, VERTICES, 3), dtype=np.float32),
        expression_basis=0.05 * rng.standard_normal((SIZES.expression_dim, VERTICES, 3), dtype=np.float32),
        canonical_weights=np.array([0.15, 0.0], np.float32),
        faces=rng.permutation(VERTICES).reshape(-1, 3).astype(np.int32),
        landmark_vertices=landmarks,
        tracked=np.arange(VERTICES) < 8,
    )


def tiny_model(template: Template | None = None) -> HeadModel:
    torch.manual_seed(0)
    rng = np.random.default_rng(1)
    return HeadModel(
        SIZES,
        IdentityField(SIZES, torch.rand(SIZES.anchors, 3) - 0.5),
        ExpressionField(SIZES),
        identity_mean=rng.standard_normal(SIZES.identity_dim, dtype=np.float32),
        identity_basis=rng.standard_normal((SIZES.identity_dim, MODES), dtype=np.float32),
        expression_names=("jawOpen", "eyeBlink_L"),
        template=template,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_model(tiny_model(tiny_template()), tmp_path / "tiny")
    return tmp_path / "tiny"


def change_config(folder: Path, **head: object) -> None:
    content = json.loads((folder / CONFIG).read_text())
    content["head"] |= head
    (folder / CONFIG).write_text(json.dumps(content))


def change_weights(folder: Path, **changes: torch.Tensor | None) -> None:
    tensors = load_file(folder / WEIGHTS)
    for name, value in changes.items():
        if value is None:
            del tensors[name]
        else:
            tensors[name] = value
    save_file(tensors, folder / WEIGHTS)


@pytest.mark.parametrize("with_template", [False, True])
def test_a_saved_model_answers_the_same_after_loading(tmp_path: Path, with_template: bool) -> None:
    saved = tiny_model(tiny_template() if with_template else None)
    save_model(saved, tmp_path)
    loaded = load_model(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [CONFIG, WEIGHTS]
    assert (loaded.config, loaded.expression_names) == (saved.config, saved.expression_names)
    coefficients = np.arange(MODES, dtype=np.float32)
    code = saved.identity_code(coefficients)
    np.testing.assert_array_equal(loaded.identity_code(coefficients), code)
    np.testing.assert_array_equal(loaded.anchors(code), saved.anchors(code))
    points = torch.rand(1, 30, 3) - 0.5
    identity = torch.from_numpy(code)[None]
    torch.testing.assert_close(loaded.identity_field(points, identity), saved.identity_field(points, identity))
    condition = torch.rand(1, SIZES.condition_dim)
    weights = torch.rand(1, SIZES.expression_dim)
    for got, wanted in zip(
        loaded.expression_field(points, condition, weights),
        saved.expression_field(points, condition, weights),
        strict=True,
    ):
        torch.testing.assert_close(got, wanted)
    assert not any(parameter.requires_grad for parameter in loaded.identity_field.parameters())
    assert (loaded.template is not None) == with_template


def test_a_template_comes_back_within_its_quantisation(folder: Path) -> None:
    wanted, got = tiny_template(), load_model(folder).template
    assert got is not None
    for name in ("mean", "canonical_weights", "faces", "landmark_vertices", "tracked"):
        np.testing.assert_array_equal(getattr(got, name), getattr(wanted, name))
    step = np.abs(wanted.identity_basis).max(axis=(1, 2), keepdims=True) / 127
    assert (np.abs(got.identity_basis - wanted.identity_basis) <= 0.501 * step).all()
    np.testing.assert_allclose(got.expression_basis, wanted.expression_basis, rtol=1e-3, atol=1e-6)
    coefficients, weights = np.ones(MODES, np.float32), np.array([0.15, 0.0], np.float32)
    canonical = got.canonical(coefficients)
    np.testing.assert_array_equal(got.posed(canonical, weights), canonical)


def test_a_missing_model_is_named_with_the_place_to_put_it(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no head model 'nobody'.*config\.json.*models"):
        load_model("nobody")
    (tmp_path / CONFIG).write_text("{}")
    with pytest.raises(CheckpointError, match=r"no head model .*model\.safetensors"):
        load_model(tmp_path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("not json", "Expecting value"),
        ("[1, 2]", "list indices"),
        ('{"head": {}}', "format"),
        ('{"format": "dphm-head-model/99", "head": {}, "expression_names": []}', "dphm-head-model/99"),
        ('{"format": "dphm-head-model/1", "expression_names": []}', "head"),
    ],
)
def test_a_configuration_of_another_kind_is_refused(folder: Path, content: str, reason: str) -> None:
    (folder / CONFIG).write_text(content)
    with pytest.raises(CheckpointError, match=rf"config\.json.*{reason}"):
        load_model(folder)


@pytest.mark.parametrize(
    ("key", "value"),
    [("identity_width", 10**12), ("anchors", -1), ("global_dim", "64"), ("expression_layers", 1e9), ("colour", 3)],
)
def test_absurd_sizes_are_refused_before_anything_is_allocated(
    folder: Path, key: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    def allocate(*_args: object, **_kwargs: object) -> None:
        raise AssertionError("weights were read or allocated")

    change_config(folder, **{key: value})
    monkeypatch.setattr("dphm_core.heads.model._read_tensors", allocate)
    monkeypatch.setattr("dphm_core.heads.model.IdentityField", allocate)
    with pytest.raises(CheckpointError, match=rf"config\.json.*head\.{key}"):
        load_model(folder)


def test_a_truncated_weights_file_is_refused(folder: Path) -> None:
    whole = (folder / WEIGHTS).read_bytes()
    for damaged in (whole[: len(whole) // 2], b"", b"\xff" * 100):
        (folder / WEIGHTS).write_bytes(damaged)
        with pytest.raises(CheckpointError, match=r"model\.safetensors is not a safetensors file"):
            load_model(folder)


@pytest.mark.parametrize(
    "key", ["identity_mean", "identity_field.weights.0", "expression_field.layers.1.bias", "template.faces"]
)
def test_a_missing_tensor_is_named(folder: Path, key: str) -> None:
    change_weights(folder, **{key: None})
    with pytest.raises(CheckpointError, match=rf"model\.safetensors.*{key.split('.', 1)[-1]}"):
        load_model(folder)


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("identity_basis", torch.zeros(3, MODES), "identity basis"),
        ("identity_field.biases.0", torch.zeros(1, 1), r"biases\.0"),
        ("template.faces", torch.full((2, 3), VERTICES, dtype=torch.int32), "beyond its vertices"),
        ("template.expression_basis", torch.zeros(9, VERTICES, 3), "expression basis"),
    ],
)
def test_a_tensor_that_does_not_fit_is_named(folder: Path, key: str, value: torch.Tensor, reason: str) -> None:
    change_weights(folder, **{key: value})
    with pytest.raises(CheckpointError, match=rf"model\.safetensors does not fit.*{reason}"):
        load_model(folder)


def test_a_model_with_wrong_names_is_refused(tmp_path: Path) -> None:
    save_model(replace(tiny_model(), expression_names=("jawOpen",)), tmp_path)
    with pytest.raises(CheckpointError, match="1 names for 2 expression weights"):
        load_model(tmp_path)
