"""`dphm track --method offline` on the demo recording, in a few steps: files, report, resuming, one-line errors."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from dphm_core.cli import main
from dphm_core.heads.model import load_model
from dphm_core.tracking.offline.track_file import read_tracking_file

DEMO = str(Path(__file__).resolve().parents[2] / "recordings" / "demo")
FEW = [
    *("--stop", "3", "--method", "offline"),
    *("--offline.init.rounds", "4", "--offline.init.points", "200"),
    *("--offline.incremental.rounds", "2", "--offline.incremental.points", "200"),
    *("--offline.joint.rounds", "1", "--offline.joint.points", "200"),
]


def test_a_recording_is_fitted_and_a_later_stage_goes_on_from_its_file(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    assert main(["track", DEMO, *FEW, "--stages", "init,incre", "--out", str(first)]) == 0
    names = sorted(path.name for path in first.iterdir())
    assert names == [
        "contact_sheet.png",
        "meshes",
        "report.json",
        "track.npz",
        "tracking_incre.npz",
        "tracking_init.npz",
    ]
    report = json.loads((first / "report.json").read_text())
    assert report["stages"] == ["init", "incre"] and report["frames"] == 3 and not report["interrupted"]
    config = load_model("default").config
    before = read_tracking_file(first / "tracking_incre.npz", config)
    assert before.rotation.shape == (3, 3, 3)
    resumed = ["--stages", "joint", "--resume", str(first / "tracking_incre.npz"), "--out", str(second)]
    assert main(["track", DEMO, *FEW, *resumed, "--no-contact-sheet"]) == 0
    after = read_tracking_file(second / "tracking_joint.npz", config)
    assert 0 < np.abs(after.expression_codes - before.expression_codes).max() < 0.01
    assert len(list((second / "meshes").iterdir())) == json.loads((second / "report.json").read_text())["tracked"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--stages", "joint"], "--resume"),
        (["--stages", "joint,init"], "--stages"),
        (["--resume", "none.npz"], "none.npz"),
        (["--offline.init.rounds", "0"], "rounds"),
        (["--device", "nowhere"], "nowhere"),
    ],
)
def test_wrong_options_are_one_line(
    options: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["track", DEMO, *FEW, *options, "--out", str(tmp_path / "out")]) == 2
    told = capsys.readouterr().err
    last = told.strip().splitlines()[-1]
    assert message in last and last.startswith("dphm track:")
    assert not (tmp_path / "out").exists()
