"""Official checkpoints: imported, written and read back, they answer as the original does, or are refused by name."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from official_files import OfficialFiles, plain_anchors, plain_deformation, plain_distance, write_official

from dphm_core.cli import main
from dphm_core.diffusion.prior_file import EXPRESSION_PRIOR, IDENTITY_PRIOR, load_prior
from dphm_core.errors import CheckpointError, OutputError
from dphm_core.frames import Similarity
from dphm_core.heads.codebook import CODEBOOK
from dphm_core.heads.config import HeadConfig
from dphm_core.heads.deformation import Deformation
from dphm_core.heads.distance import FieldDistance
from dphm_core.heads.model import CONFIG, WEIGHTS, HeadModel, load_model
from dphm_core.heads.official import import_official
from dphm_core.heads.subject import Subject
from dphm_core.tracking.fit_state import FitState
from dphm_core.tracking.terms import distance_residuals

SIZES = HeadConfig(
    anchors=7, symmetric_pairs=2, neighbours=3, blend_std=4.0, global_dim=4, local_dim=3, identity_width=12,
    identity_layers=3, expression_dim=12, condition_dim=5, expression_width=16, expression_layers=4, hyper_dim=2,
)  # fmt: skip


@pytest.fixture(scope="module")
def parity(shared_data: Path) -> Path:
    path = shared_data.parent / "parity" / "official_small"
    if not path.is_dir():
        pytest.skip("needs ../shared/parity/official_small, which is absent")
    return path


@pytest.fixture(scope="module")
def expected(parity: Path) -> dict[str, Any]:
    return {name: torch.from_numpy(values) for name, values in np.load(parity / "expected.npz").items() if values.ndim}


@pytest.fixture(scope="module")
def imported(parity: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("official") / "model"
    import_official(parity, parity / "anchors_39.npy", parity / "dphm_iden", parity / "dphm_expre", out=out)
    return out


@pytest.fixture(scope="module")
def model(imported: Path) -> HeadModel:
    return load_model(imported)


@pytest.fixture
def files(tmp_path: Path) -> OfficialFiles:
    return write_official(tmp_path / "official", SIZES)


def run(files: OfficialFiles, out: Path) -> HeadModel:
    return import_official(files.folder, files.anchors, files.identity_diffusion, files.expression_diffusion, out=out)


class TestParity:
    def test_fields(self, model: HeadModel, expected: dict[str, Any]) -> None:
        points, identity = expected["points"].clone().requires_grad_(), expected["code_id"]
        anchors = model.identity_field.anchors(identity)
        condition = model.expression_field.condition(identity, anchors)
        offset, hyper = model.expression_field(points, condition, expected["code_ex"])
        canonical = torch.cat([points + offset, hyper], dim=-1)
        distance = model.identity_field(canonical, identity)
        (gradient,) = torch.autograd.grad(distance.sum(), points)
        found = {
            "anchors": anchors, "offsets": offset, "hyper": hyper, "canonical": canonical, "sdf": distance[..., None],
        }  # fmt: skip
        for name, values in found.items():
            torch.testing.assert_close(
                values, expected[name], atol=1e-5, rtol=0, msg=lambda m, name=name: f"{name}: {m}"
            )
        torch.testing.assert_close(gradient, expected["gradient"], atol=1e-4, rtol=0)

    def test_the_trackers_own_path(self, model: HeadModel, expected: dict[str, Any]) -> None:
        """Deformation and distance with derivatives as Gauss–Newton asks for them, hyper coordinates included."""
        identity, expression = expected["code_id"][0], expected["code_ex"][0]
        deformation = Deformation(model.expression_field, identity, torch.from_numpy(model.anchors(identity.numpy())))
        evaluation = deformation.evaluate(expected["points"][0], expression)
        values, slope = FieldDistance(model.identity_field, identity)(evaluation.canonical.numpy())
        by_point, by_expression = deformation.pull_back(evaluation, torch.from_numpy(slope))
        assert slope.shape == (256, 5)
        torch.testing.assert_close(torch.from_numpy(values), expected["sdf"][0, :, 0], atol=1e-5, rtol=0)
        torch.testing.assert_close(by_point, expected["gradient"][0], atol=1e-4, rtol=0)
        assert by_expression.shape == (256, 24) and by_expression.abs().max() > 0

    def test_data_term_of_the_tracker(self, model: HeadModel, expected: dict[str, Any]) -> None:
        """Residuals in metres at camera points, whose Jacobian is checked against differences in the expression."""
        code, expression = expected["code_id"][1], expected["code_ex"][1].numpy()
        deformation = Deformation(model.expression_field, code, torch.from_numpy(model.anchors(code.numpy())))
        distance = FieldDistance(model.identity_field, code)
        none = np.empty((0, 3), np.float32)
        subject = Subject(model, code.numpy(), 1.1, distance, deformation, none, none.astype(np.int32))
        pose = Similarity(np.diag([1, -1, -1]).astype(np.float32), np.array([0, 0, 0.7], np.float32), subject.scale)
        points = pose.to_camera(expected["points"][1].numpy())
        found = distance_residuals(subject, FitState(pose, expression), points)
        np.testing.assert_allclose(found.values, 0.25 * 1.1 * expected["sdf"][1, :, 0].numpy(), atol=1e-5)
        step = 1e-2 * np.random.default_rng(0).standard_normal(len(expression)).astype(np.float32)
        ahead, behind = (
            distance_residuals(subject, FitState(pose, expression + sign * step), points).values for sign in (1, -1)
        )
        np.testing.assert_allclose(found.jacobian[:, : len(step)] @ step, (ahead - behind) / 2, atol=3e-5)

    def test_priors_lie_beside_the_model(self, imported: Path, parity: Path) -> None:
        identities = torch.load(parity / "checkpoints" / "checkpoint_epoch_6000.tar", weights_only=True)["latent_codes"]
        for file, codebook in ((IDENTITY_PRIOR, "geo"), (EXPRESSION_PRIOR, "exp")):
            prior, codes = load_prior(imported / file), identities[f"codebook.{codebook}.embedding.weight"]
            assert (prior.minimum, prior.maximum) == (float(codes.min()), float(codes.max()))
            assert prior.unet.config.length == codes.shape[1]


def test_identity_coefficients_vary_with_unit_variance(files: OfficialFiles, tmp_path: Path) -> None:
    model = run(files, tmp_path / "model")
    codes = torch.load(files.checkpoint, weights_only=True)["latent_codes"]["codebook.geo.embedding.weight"].numpy()
    assert model.identity_basis.shape == (SIZES.identity_dim, len(codes) - 1)
    coefficients = (codes - model.identity_mean) @ np.linalg.pinv(model.identity_basis).T
    np.testing.assert_allclose(np.cov(coefficients.T), np.eye(len(codes) - 1), atol=1e-4)
    np.testing.assert_allclose(model.identity_code(coefficients[2]), codes[2], atol=1e-5)


@pytest.mark.parametrize(
    ("sizes", "without"),
    [
        (SIZES, {}),
        (SIZES, {"n_hyper": True, "blend_std": True, "layers": True}),
        (replace(SIZES, hyper_dim=0, blend_std=2.5, identity_layers=1, expression_layers=2), {}),
        (
            replace(SIZES, hyper_dim=1, symmetric_pairs=3, neighbours=7, local_dim=1, expression_layers=7),
            {"layers": True},
        ),
        (replace(SIZES, hyper_dim=4, symmetric_pairs=0, neighbours=1, identity_layers=6, expression_dim=8), {}),
    ],
)
def test_other_sizes(sizes: HeadConfig, without: dict[str, bool], tmp_path: Path) -> None:
    files = write_official(tmp_path / "official", sizes, **without)
    model = import_official(files.folder, files.anchors, out=tmp_path / "model")
    assert model.config == sizes
    content, mean = torch.load(files.checkpoint, weights_only=True), torch.from_numpy(np.load(files.anchors))
    identity, expression = (codes[1] for codes in content["latent_codes"].values())
    points = torch.rand(20, 3) - 0.5
    anchors = plain_anchors(content, mean, identity[: sizes.global_dim])
    canonical = plain_deformation(content, points, identity, expression, anchors)
    evaluation = Deformation(model.expression_field, identity, anchors).evaluate(points, expression)
    torch.testing.assert_close(evaluation.canonical, canonical, atol=1e-5, rtol=0)
    values, _ = FieldDistance(model.identity_field, identity)(canonical.numpy())
    plain = torch.stack([plain_distance(content, sizes, query, identity, mean) for query in canonical])
    torch.testing.assert_close(torch.from_numpy(values), plain, atol=1e-5, rtol=0)


def test_settings_that_a_diffusion_does_not_carry(files: OfficialFiles, tmp_path: Path) -> None:
    (files.identity_diffusion / "config.yaml").unlink()
    run(files, tmp_path / "model")
    assert sorted(p.name for p in (tmp_path / "model").iterdir()) == sorted(
        [CODEBOOK, CONFIG, WEIGHTS, IDENTITY_PRIOR, EXPRESSION_PRIOR]
    )


class Malice:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("ran-the-code",)


def drop(part: str, name: str) -> Callable[[dict[str, Any]], None]:
    return lambda content: content[part].pop(name)


def put(part: str, name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda content: content[part].update({name: value})


WEIGHT = "deepSDFensemble.layers.4.layers.2.weight"


@pytest.mark.parametrize(
    ("edit", "named"),
    [
        (drop("id_decoder", "mlp_pos.4.bias"), "'id_decoder.mlp_pos.4.bias' is missing"),
        (drop("id_decoder", "mlp_pos.0.weight"), "'id_decoder.mlp_pos.0.weight' is missing"),
        (drop("id_decoder", WEIGHT), f"'id_decoder.{WEIGHT}' is missing"),
        (drop("ex_decoder", "defDeepSDF.lin4.weight"), "'ex_decoder.defDeepSDF.lin4.weight' is missing"),
        (
            drop("latent_codes", "codebook.exp.embedding.weight"),
            "'latent_codes.codebook.exp.embedding.weight' is missing",
        ),
        (
            put("id_decoder", WEIGHT, torch.zeros(12, 13)),
            rf"'id_decoder.{WEIGHT}' is of shape \(12, 13\), not \(12, 12\)",
        ),
        (put("ex_decoder", "compressor.0.bias", torch.zeros(6)), r"'ex_decoder.compressor.0.bias' is of shape \(6,\)"),
        (put("id_decoder", "mlp_pos.6.bias", torch.zeros(5)), "mlp_pos.6.bias' belongs to another architecture"),
        (put("id_decoder", "mlp_pos.0.bias", torch.full((64,), torch.nan)), "mlp_pos.0.bias' does not hold finite"),
        (put("id_decoder", "mlp_pos.0.bias", torch.zeros(1).expand(64)), "mlp_pos.0.bias' repeats its storage"),
        (put("id_decoder", "mlp_pos.0.bias", "a word"), "mlp_pos.0.bias' is not a plain tensor"),
        (put("latent_codes", "codebook.geo.embedding.weight", torch.ones(3, 27)), "does not divide into 4 global"),
        (put("latent_codes", "codebook.geo.embedding.weight", torch.ones(3, 28)), "two different identities"),
        (lambda content: content.pop("ex_decoder"), "no part 'ex_decoder'"),
    ],
)
def test_wrong_weights_are_named(
    files: OfficialFiles, tmp_path: Path, edit: Callable[[dict[str, Any]], Any], named: str
) -> None:
    content = torch.load(files.checkpoint, weights_only=True)
    edit(content)
    torch.save(content, files.checkpoint)
    with pytest.raises(CheckpointError, match=named) as raised:
        run(files, tmp_path / "model")
    assert_one_line(raised.value, files.checkpoint)
    assert list(tmp_path.iterdir()) == [files.folder], "nothing is left behind"


def write_arrays(path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, a=np.ones(3))


@pytest.mark.parametrize(
    "make",
    [
        lambda path: torch.save({"id_decoder": Malice()}, path),
        lambda path: path.write_bytes(pickle.dumps({"id_decoder": Malice()})),
        lambda path: path.write_bytes(b"PK\x03\x04 is how an archive begins"),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_text("configs: of another kind"),
        write_arrays,
        lambda path: torch.save([1, 2, 3], path),
        lambda path: path.write_bytes(path.read_bytes()[:-5000]),
        lambda path: (path.unlink(), path.mkdir()),
    ],
)
@pytest.mark.parametrize("diffusion", [False, True])
def test_other_kinds_of_files_are_refused(
    files: OfficialFiles, tmp_path: Path, make: Callable[[Path], Any], diffusion: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = files.expression_diffusion / "checkpoints" / "model-12.pt" if diffusion else files.checkpoint
    make(path)
    with pytest.raises(CheckpointError) as raised:
        run(files, tmp_path / "model")
    assert_one_line(raised.value, path)
    assert not (tmp_path / "ran-the-code").exists()


@pytest.mark.parametrize(
    ("name", "value", "named"),
    [
        ("decoder.ex.mode", "glob_only", "only 'compress'"),
        ("decoder.n_hyper", 3, "checkpoint says 2"),
        ("decoder.id.gnn.hidden_dim_geo", 200, "checkpoint says 12"),
        ("decoder.id.nloc", 39, "checkpoint says 7"),
        ("decoder.id.nneigh", 8, "do not fit 7 anchors"),
        ("decoder.id.nneigh", "many", "not a number"),
        ("decoder.id.nsymm_pairs", -1, "not a number"),
        ("decoder.id.blend_std", 0, "not a positive number"),
        ("decoder.ex.nlayers", 3, "checkpoint says 4"),
        ("decoder.id", 4, "no settings where"),
    ],
)
def test_settings_that_do_not_fit(files: OfficialFiles, tmp_path: Path, name: str, value: Any, named: str) -> None:
    settings = yaml.safe_load(files.settings.read_text())
    *path, last = name.split(".")
    place = settings
    for key in path:
        place = place[key]
    place[last] = value
    files.settings.write_text(yaml.safe_dump(settings))
    with pytest.raises(CheckpointError, match=named) as raised:
        run(files, tmp_path / "model")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "text", ["!!python/object/apply:os.mkdir [ran-the-code]", "[1, 2", "- 1", "", "a: \x00", "[" * 5000]
)
def test_settings_that_are_not_plain(files: OfficialFiles, tmp_path: Path, text: str) -> None:
    files.settings.write_text(text)
    with pytest.raises(CheckpointError) as raised:
        run(files, tmp_path / "model")
    assert_one_line(raised.value, files.settings)


@pytest.mark.parametrize(
    "values", [np.ones((7, 2), np.float32), np.full((7, 3), np.nan), np.ones((7, 3), int), np.array([{}]), None]
)
def test_anchors_of_another_kind(files: OfficialFiles, tmp_path: Path, values: Any) -> None:
    if values is None:
        files.anchors.write_bytes(files.anchors.read_bytes()[:-10])
    else:
        np.save(files.anchors, values)
    with pytest.raises(CheckpointError) as raised:
        run(files, tmp_path / "model")
    assert_one_line(raised.value, files.anchors)


@pytest.mark.parametrize(
    ("edit", "named"),
    [
        (drop("model", "model.downs.1.0.mlp.1.weight"), "'model.model.downs.1.0.mlp.1.weight' is missing"),
        (drop("model", "model.init_conv.weight"), "'model.model.init_conv.weight' is missing"),
        (drop("model", "sqrt_alphas_cumprod"), "'model.sqrt_alphas_cumprod' is missing"),
        (put("model", "sqrt_alphas_cumprod", torch.ones(100)), "amplitudes"),
        (put("model", "model.mid_block1.mlp.1.bias", torch.zeros(3)), r"mid_block1.mlp.1.bias' is of shape \(3,\)"),
        (put("model", "model.mid_block7.mlp.1.bias", torch.zeros(3)), "mid_block7.mlp.1.bias' belongs to another"),
        (put("model", "model.init_conv.weight", torch.zeros(5, 1, 7)), "multiples of 5"),
    ],
)
def test_wrong_diffusions_are_named(
    files: OfficialFiles, tmp_path: Path, edit: Callable[[dict[str, Any]], Any], named: str
) -> None:
    path = files.identity_diffusion / "checkpoints" / "model-12.pt"
    content = torch.load(path, weights_only=True)
    edit(content)
    torch.save(content, path)
    with pytest.raises(CheckpointError, match=named) as raised:
        run(files, tmp_path / "model")
    assert_one_line(raised.value, path)


def test_swapped_diffusions(files: OfficialFiles, tmp_path: Path) -> None:
    with pytest.raises(
        CheckpointError, match=r"'diffusion\.diff_kwargs\.seq_length'.*is 12, but its checkpoint says 28"
    ):
        import_official(
            files.folder, files.anchors, files.expression_diffusion, files.identity_diffusion, out=tmp_path / "model"
        )


def test_folder_without_checkpoints(files: OfficialFiles, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no model-N\.pt in .*iden/checkpoints/checkpoints"):
        import_official(files.folder, files.anchors, files.identity_diffusion / "checkpoints", out=tmp_path / "model")


def test_a_model_that_is_there_stays(files: OfficialFiles, tmp_path: Path) -> None:
    run(files, tmp_path / "model")
    before = {path.name: path.read_bytes() for path in (tmp_path / "model").iterdir()}
    with pytest.raises(OutputError, match="not an empty folder"):
        run(files, tmp_path / "model")
    assert before == {path.name: path.read_bytes() for path in (tmp_path / "model").iterdir()}


class TestCommand:
    def test_import(self, files: OfficialFiles, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        words = ["import-checkpoint", str(files.folder), "--anchors", str(files.anchors), "--out", str(tmp_path / "m")]
        assert main(words) == 0
        assert "28 numbers in 4 directions" in capsys.readouterr().out
        assert load_model(tmp_path / "m").config == SIZES

    def test_error_is_one_line(self, files: OfficialFiles, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        files.checkpoint.write_bytes(b"?")
        words = ["import-checkpoint", str(files.folder), "--anchors", str(files.anchors), "--out", str(tmp_path / "m")]
        assert main(words) == 2
        captured = capsys.readouterr()
        assert captured.out == "" and captured.err.count("\n") == 1 and str(files.checkpoint) in captured.err


def assert_one_line(error: Exception, path: Path) -> None:
    assert "\n" not in str(error)
    assert str(path) in str(error)
