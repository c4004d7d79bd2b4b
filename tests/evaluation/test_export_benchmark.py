"""The table of exports: every format with the size that its files have, and why one is missing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny_models import MODES, NAMES, write_tiny_model

from dphm_core import cli
from dphm_core.evaluation.export_benchmark import measure_exports
from dphm_core.export.options import CODES_FILES
from dphm_core.files import file_size
from dphm_core.frames import Similarity
from dphm_core.heads.model import load_model
from dphm_core.meshing.formats import FORMATS
from dphm_core.output.saved_track import load_saved_track
from dphm_core.output.track_file import TrackRow, make_track
from dphm_core.tracking.subject_file import KnownSubject, model_fingerprint, save_subject


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder with two frames."""
    folder = tmp_path_factory.mktemp("results")
    model = load_model(write_tiny_model(folder / "small", template=True))
    coefficients = np.zeros(MODES, np.float32)
    pose = Similarity(np.diag([1, -1, -1]).astype(np.float32), np.float32([0, 0, 0.6]))
    weights, landmarks = np.full(len(NAMES), 0.5, np.float32), np.zeros((478, 3), np.float32)
    rows = [TrackRow(k, k / 30, "tracking", "follows", pose, weights * k, 0.7, landmarks, 0.9) for k in range(2)]
    track = make_track(rows, 1.0, model.identity_code(coefficients), NAMES, model.config.expression_dim)
    (folder / "track.npz").write_bytes(track.to_bytes())
    (folder / "report.json").write_text('{"model": "small"}')
    known = KnownSubject(coefficients, 1.0, 6e-4, 2e-4, "small", model_fingerprint(model))
    save_subject(known, folder / "subject.safetensors")
    return folder


def test_every_format_is_measured(results: Path, tmp_path: Path) -> None:
    pytest.importorskip("pxr")
    told: list[tuple[int, int | None]] = []
    saved = load_saved_track(results, str(results / "small"))
    runs = list(measure_exports(saved, tmp_path, lambda *step: told.append(step)))
    assert len(runs) == len(FORMATS) + 2 + len(CODES_FILES) == told[-1][0]  # three kinds of GLB
    for number, run in enumerate(runs):
        if run.summary is None:
            assert run.name == "codes.official.npz" and "blendshape weights" in run.note
            continue
        files = [path for path in (tmp_path / f"{number:02d}").rglob("*.*") if path.is_file()]
        assert run.summary.bytes == sum(path.stat().st_size for path in files)
        assert f"| {run.name} | {len(files) - 1} | {file_size(run.summary.bytes)} |" in run.row


def test_the_command_prints_a_table(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", "export", str(results), "--model", str(results / "small")]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("| format |") and "| GLB, targets basis | 1 | " in printed
    assert cli.main(["bench", "export", str(results / "small")]) == 2
    assert "holds no track" in capsys.readouterr().err


def test_nothing_is_mixed_with_what_is_there(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(results.rglob("*"))
    words = ["bench", "export", str(results), "--model", str(results / "small"), "--out"]
    assert cli.main([*words, str(results)]) == 2
    assert f"{results} is not empty; choose a new folder" in capsys.readouterr().err
    assert cli.main([*words, str(results / "track.npz")]) == 2
    assert "track.npz is a file; choose a new folder" in capsys.readouterr().err
    assert sorted(results.rglob("*")) == before
