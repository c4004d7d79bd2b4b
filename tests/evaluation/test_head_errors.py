"""The default model on an unseen head with an unseen expression."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_models import write_tiny_model

from dphm_core.cli import main
from dphm_core.evaluation.head_errors import head_errors
from dphm_core.heads.model import load_model
from dphm_core.heads.numerics import prepare_thread
from dphm_core.training.ict import load_generator


def test_an_unseen_head_is_represented(shared_data: Path) -> None:
    prepare_thread(1)
    errors = head_errors(load_model("default"), load_generator(shared_data / "ict_facekit"), heads=1)
    assert errors["surface_face_mm"] < 1.0
    assert errors["deformation_face_mm"] < 1.0
    assert errors["deformation_lips_mm"] < 2.0
    assert errors["posed_face_mm"] < 1.0
    assert errors["cycle_mm"] < 1.5


def test_only_the_generators_own_models_are_compared_with_it(
    shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_tiny_model(tmp_path / "other")
    words = ["--generator", str(shared_data / "ict_facekit"), "--model", str(tmp_path / "other")]
    assert main(["train", "report", "--out", str(tmp_path / "out"), *words]) == 2
    assert "does not have the generator's codes" in capsys.readouterr().err
