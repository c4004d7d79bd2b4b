"""Meshes of codes, and the commands that write them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import trimesh
from tiny_models import NAMES, write_tiny_model

from dphm_core.cli import main
from dphm_core.errors import SettingError
from dphm_core.generation.meshes import HeadMeshes, off_basis
from dphm_core.heads.codebook import load_codebook
from dphm_core.heads.model import load_model
from dphm_core.heads.surface import EXTRACTION_SPACING


@pytest.fixture(autouse=True)
def coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Marching cubes in a moment."""
    monkeypatch.setattr("dphm_core.generation.meshes.FIELD_SPACING", 4 * EXTRACTION_SPACING)


def test_the_template_follows_its_bases(folder: Path) -> None:
    model, code = load_model(folder), load_codebook(folder).identities[3]
    template = model.template
    assert template is not None
    weights = np.random.default_rng(0).random(len(NAMES), dtype=np.float32)
    vertices, faces = HeadMeshes(model).mesh(code, weights)
    coefficients = model.coefficients(code[None])[0]
    np.testing.assert_allclose(model.identity_code(coefficients), code, atol=1e-5)
    np.testing.assert_allclose(vertices, template.posed(template.canonical(coefficients), weights), atol=1e-6)
    assert np.array_equal(faces, template.faces)


def test_what_lies_off_the_space_is_told(folder: Path) -> None:
    model = load_model(folder)
    on = model.identity_code(np.float32([1, 0, -1, 0.5, 2]))
    across = np.linalg.qr(model.identity_basis, mode="complete")[0][:, -1]
    off = on + np.linalg.norm(on - model.identity_mean) * across
    np.testing.assert_allclose(off_basis(model, np.stack([on, off])), [0, 0.5**0.5], atol=1e-3)
    np.testing.assert_allclose(*model.coefficients(np.stack([on, off])), atol=1e-4)


def test_fields_give_one_topology_per_identity(folder: Path) -> None:
    model, codebook = load_model(folder), load_codebook(folder)
    meshes = HeadMeshes(model, "fields")
    first, second = (meshes.mesh(codebook.identities[0], codebook.expressions[row]) for row in (0, 1))
    assert np.array_equal(first[1], second[1]) and first[0].shape == second[0].shape
    assert np.isfinite(first[0]).all() and not np.array_equal(first[0], second[0])
    assert len(first[0]) > 20 and first[1].max() < len(first[0])


def test_no_template_no_template_mesh(plain_folder: Path) -> None:
    with pytest.raises(SettingError, match="--surface fields"):
        HeadMeshes(load_model(plain_folder), "template")


class TestSample:
    def test_results(self, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        words = ["--model", str(folder), "--count", "3", "--steps", "2", "--identity", "4"]
        assert main(["sample", *words, "--out", str(tmp_path / "out")]) == 0
        assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
            "codes.npz",
            "contact_sheet.png",
            "meshes",
        ]
        with np.load(tmp_path / "out" / "codes.npz") as codes:
            assert tuple(codes["expression_names"]) == NAMES
            assert np.array_equal(codes["identity_codes"], np.tile(load_codebook(folder).identities[4], (3, 1)))
            assert len(np.unique(codes["expression_codes"], axis=0)) == 3
            assert codes["identity_coefficients"].shape == (3, 5)
            expected = HeadMeshes(load_model(folder)).mesh(codes["identity_codes"][2], codes["expression_codes"][2])
        mesh = trimesh.load(tmp_path / "out" / "meshes" / "00002.ply", process=False)
        np.testing.assert_allclose(mesh.vertices, expected[0] / 4, atol=1e-6)
        sheet = cv2.imread(str(tmp_path / "out" / "contact_sheet.png"))
        assert sheet.shape[1] == 3 * sheet.shape[0] and sheet.std() > 5

    def test_fewer_heads_are_the_same_ones(self, folder: Path, tmp_path: Path) -> None:
        words = ["--model", str(folder), "--steps", "2", "--format", "obj"]
        for count in ("2", "9"):
            assert main(["sample", *words, "--count", count, "--out", str(tmp_path / count)]) == 0
        for name in ("00000.obj", "00001.obj"):
            contents = [(tmp_path / count / "meshes" / name).read_bytes() for count in ("2", "9")]
            assert contents[0] == contents[1]

    def test_results_are_kept_and_replaced_on_request(self, folder: Path, tmp_path: Path) -> None:
        words = ["sample", "--model", str(folder), "--steps", "2", "--out", str(tmp_path / "out")]
        assert main([*words, "--count", "2"]) == 0
        assert main([*words, "--count", "1"]) == 2
        assert main([*words, "--count", "1", "--overwrite"]) == 0
        assert [path.name for path in (tmp_path / "out" / "meshes").iterdir()] == ["00000.ply"]

    def test_a_model_without_priors(
        self, plain_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["sample", "--model", str(plain_folder), "--out", str(tmp_path / "out")]) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1 and "dphm train diffusion identity" in error
        assert not (tmp_path / "out").exists()

    def test_a_passage(self, plain_folder: Path, tmp_path: Path) -> None:
        """A model without priors and template passes between training codes, as meshes of its fields."""
        words = ["--between", "expression", "1", "4", "--identity", "2", "--count", "3"]
        assert main(["sample", "--model", str(plain_folder), "--out", str(tmp_path / "out"), *words]) == 0
        with np.load(tmp_path / "out" / "codes.npz") as codes:
            ends = load_codebook(plain_folder).expressions[[1, 4]]
            assert np.array_equal(codes["expression_codes"][[0, -1]], ends)
            assert "identity_coefficients" not in codes


class TestDecode:
    def test_a_training_code(self, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        words = ["--identity", "1", "--expression", "2", "--out", str(tmp_path / "new" / "head.ply")]
        assert main(["decode", "--model", str(folder), *words]) == 0
        assert str(tmp_path / "new" / "head.png") in capsys.readouterr().out
        codebook = load_codebook(folder)
        expected = HeadMeshes(load_model(folder)).mesh(codebook.identities[1], codebook.expressions[2])
        mesh = trimesh.load(tmp_path / "new" / "head.ply", process=False)
        np.testing.assert_allclose(mesh.vertices, expected[0] / 4, atol=1e-6)
        assert cv2.imread(str(tmp_path / "new" / "head.png")).std() > 5

    def test_errors_are_one_line(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        folder = write_tiny_model(tmp_path / "model", template=True)
        for words, named in ((["--identity", "99"], "0 to 10, not 99"), (["--out", "head.stl"], "as '.stl'")):
            given = ["--out", str(tmp_path / "new" / "head.ply"), *words]
            assert main(["decode", "--model", str(folder), *given]) == 2
            error = capsys.readouterr().err
            assert error.count("\n") == 1 and named in error
        assert not (tmp_path / "new").exists()
