"""A data set's folder of sequences is tracked by one command, whatever is in them."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from batch_parts import record
from sequences import make_sequence

from dphm_core import cli
from dphm_core.dataset.preprocess import preprocess
from dphm_core.many.table import SUMMARY_FILE


def rows(out: Path) -> list[dict[str, str]]:
    with (out / SUMMARY_FILE).open() as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def demo_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same frames raw, preprocessed, and as points alone; and a sequence that is damaged."""
    folder = tmp_path_factory.mktemp("data")
    make_sequence(folder / "a_raw", range(8))
    preprocess(Path(shutil.copytree(folder / "a_raw", folder / "b_preprocessed")))
    points_only = Path(shutil.copytree(folder / "b_preprocessed", folder / "c_points"))
    shutil.rmtree(points_only / "depth")
    damaged = Path(shutil.copytree(folder / "a_raw", folder / "d_damaged"))
    (damaged / "calibration.json").write_text("{}")
    return folder


QUICK = (
    "--tracker.calibration-frames",
    "4",
    "--tracker.calibration-keyframes",
    "3",
    "--tracker.calibration-iterations",
    "8",
)


def test_raw_and_preprocessed_sequences_track_alike(
    demo_data: Path, tmp_path: Path, one_thread: None, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["track", str(demo_data), "--out", str(tmp_path / "out"), "--no-meshes", "--no-contact-sheet", *QUICK]
    assert cli.main(words) == 1
    shown = capsys.readouterr().out
    assert "3 of 4" in shown and "d_damaged: " in shown and str(tmp_path / "out" / SUMMARY_FILE) in shown
    tracks = [np.load(tmp_path / "out" / name / "track.npz") for name in ("a_raw", "b_preprocessed", "c_points")]
    assert [int(row["tracked"] or 0) for row in rows(tmp_path / "out")] == [8, 8, 8, 0]
    assert np.array_equal(tracks[0]["translation_m"], tracks[1]["translation_m"]), "raw images are there in both"
    nose = np.array([0, 0, 0.3])
    for raw, points in zip(positions(tracks[0], nose), positions(tracks[2], nose), strict=True):
        assert np.linalg.norm(raw - points) < 0.003


def positions(track: Any, point_head: np.ndarray) -> np.ndarray:
    """(T, 3) of a point of the head, metres, camera frame."""
    return float(track["scale"]) * track["rotation"] @ (point_head / 4) + track["translation_m"]


def test_preprocess_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make_sequence(tmp_path / "s", [0])
    assert cli.main(["preprocess", str(folder)]) == 0
    assert "1 frames in" in capsys.readouterr().out
    assert cli.main(["preprocess", str(folder)]) == 0
    assert "1 of them by an earlier run" in capsys.readouterr().out
    assert cli.main(["preprocess", str(tmp_path / "nowhere")]) == 2
    assert "does not exist" in capsys.readouterr().err


def test_options_for_one_recording_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "data"
    record(data / "anna_smile", [True] * 6)
    words = ["track", str(data), "--out", str(tmp_path / "out"), "--save-subject", str(tmp_path / "me.safetensors")]
    assert cli.main(words) == 2
    assert "are for one recording" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
