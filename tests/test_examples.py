"""The examples, and the Python of docs/api.md, run on the first frames of the demo recording."""

from __future__ import annotations

import re
import runpy
import sys
import threading
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
import trimesh
from scipy.spatial import cKDTree

import dphm_core as dphm
from dphm_core.evaluation.ground_truth import GroundTruth
from dphm_core.landmarks.model_file import model_is_here

REPO = Path(__file__).resolve().parent.parent
EXAMPLES = ("track_recording", "live_expressions", "reuse_subject")
NUMBER = r"(\d+\.\d\d)"

pytestmark = pytest.mark.skipif(not model_is_here(), reason="needs the face landmark model: dphm landmark-model")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder with an awkward name, outside of the checkout."""
    folder = tmp_path / "Beispiele für Zoë"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The subject file of the third example, and what that prints."""
    path = tmp_path_factory.mktemp("Personen") / "ich.safetensors"
    return path, run("reuse_subject", "demo", "demo", str(path), "--stop", "4")


def run(name: str, *words: str) -> str:
    """Run an example as if from the command line; returns what it prints."""
    script, out = REPO / "examples" / f"{name}.py", StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out):
        patch.setattr(sys, "argv", [str(script), *words])
        runpy.run_path(str(script), run_name="__main__")
    assert not [thread for thread in threading.enumerate() if thread.name in ("dphm-source", "dphm-tracker")]
    return out.getvalue()


def test_every_example_is_run_here() -> None:
    assert {path.stem for path in (REPO / "examples").glob("*.py")} == set(EXAMPLES)


def test_a_recording_is_tracked_into_meshes(elsewhere: Path, learned: tuple[Path, str]) -> None:
    words = ["demo", "Köpfe/erste", "--stop", "4", "--subject", str(learned[0])]
    first, *lines = run("track_recording", *words).splitlines()
    assert first == "demo: 75 frames, 30 per second"
    residuals_mm = [float(re.search(rf"{NUMBER} mm", line)[1]) for line in lines]  # type: ignore[index]
    assert len(residuals_mm) == 4 and max(residuals_mm) < 2
    truth = GroundTruth.load(REPO / "recordings" / "demo")
    for index in range(4):
        mesh = trimesh.load_mesh(elsewhere / "Köpfe" / "erste" / f"{index:05d}.ply", process=False)
        face_cam = truth.vertices_cam(index)[truth.face_vertices]
        assert np.median(cKDTree(mesh.vertices).query(face_cam)[0]) < 0.002  # vertices lie 2 to 3 mm apart


def test_a_file_where_the_folder_should_be_is_told_in_one_line(elsewhere: Path) -> None:
    (elsewhere / "meshes").write_text("mine")
    with pytest.raises(SystemExit, match=r"^meshes cannot be made: File exists; choose another folder$"):
        run("track_recording", "demo", "meshes")
    assert (elsewhere / "meshes").read_text() == "mine"


def test_a_wrong_source_leaves_no_folder(elsewhere: Path) -> None:
    with pytest.raises(SystemExit, match="gone does not exist"):
        run("track_recording", "gone", "meshes")
    assert list(elsewhere.iterdir()) == []


def test_a_camera_is_followed() -> None:
    lines = run("live_expressions", "simulated", "--count", "4").splitlines()
    indices = [int(line.split()[0]) for line in lines]
    assert len(lines) == 4 and indices == sorted(set(indices))
    assert all(line.split()[1].rstrip(":") in ("searching", "calibrating", "tracking") for line in lines)
    assert any(re.search(rf"\w+ {NUMBER}  \w+ {NUMBER}  \w+ {NUMBER}$", line) for line in lines)


def test_a_subject_is_learned_and_used_again(learned: tuple[Path, str]) -> None:
    path, told = learned
    assert "learned from 4 frames" in told and "4 of 4 frames tracked" in told
    mean_mm, worst_mm = map(float, re.search(rf"{NUMBER} mm on average, {NUMBER} mm in frame", told).groups())  # type: ignore[union-attr]
    assert 0 < mean_mm <= worst_mm < 2
    assert path.stat().st_size < 200_000


def test_the_python_of_the_documentation_runs(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = (REPO / "docs" / "api.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 2
    assert len(blocks[0].split("import dphm_core as dphm")[1].strip().splitlines()) < 10
    for block in blocks:
        exec(compile(block, "docs/api.md", "exec"), {"__name__": "docs"})
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[:12]] == [str(index) for index in range(12)]
    assert lines[12:] == ["0 tracking", "2 tracking", "4 tracking", "6 tracking"]
    assert sorted(path.name for path in elsewhere.iterdir()) == [
        *(f"{index:05d}.ply" for index in range(12)), "me.safetensors",
    ]  # fmt: skip


def test_a_track_file_is_read_by_its_name(elsewhere: Path) -> None:
    with pytest.raises(dphm.DphmError, match=r"gone\.npz is not a track file"):
        dphm.load_track("gone.npz")
