"""What differs between Linux and Windows: encodings of text files, marks at their beginning, names of folders."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import trimesh
from batch_parts import FACES, record, stages
from saved_tracks import write_results

from dphm_core import cli
from dphm_core.batch import track_recording
from dphm_core.recording.recorder import StackRecorder
from dphm_core.sources import open_source
from dphm_core.tracking.subject_file import load_subject

REPO = Path(__file__).resolve().parent.parent
AWKWARD = "Größe & Köpfe (März)/日本 – 頭 #1"
TEXT_CALLS = ("read_text", "write_text")


def calls(root: str) -> Iterator[tuple[Path, ast.Call, str]]:
    """Calls of methods, by name, in the modules below a folder of the checkout."""
    for path in sorted((REPO / root).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                yield path, node, node.func.attr


@pytest.mark.parametrize("root", ["dphm_core", "app", "examples"])
def test_text_files_have_an_encoding_of_their_own(root: str) -> None:
    """Left out, it would be the computer's: Windows-1252 in western Europe."""
    found = list(calls(root))
    assert len(found) > 10
    without = [
        f"{path.relative_to(REPO)}:{node.lineno}"
        for path, node, name in found
        if name in TEXT_CALLS and not any(keyword.arg == "encoding" for keyword in node.keywords)
    ]
    assert without == []


@pytest.fixture
def awkward(tmp_path: Path) -> Path:
    """A folder whose name has spaces, letters of several scripts, and signs that shells and addresses know."""
    folder = tmp_path / AWKWARD
    folder.mkdir(parents=True)
    return folder


def test_a_recording_is_read_and_tracked_in_a_folder_with_an_awkward_name(awkward: Path) -> None:
    recording = record(awkward / "Aufnahme 1", [True] * 4)
    with open_source(str(recording)) as source:
        assert [frame.index for frame in source] == [0, 1, 2, 3]
    report = track_recording(stages(recording), awkward / "aus gabe")
    assert report["tracked"] == 4
    mesh = trimesh.load_mesh(awkward / "aus gabe" / "meshes" / "00003.ply", process=False)
    assert (mesh.faces == FACES).all()
    assert json.loads((awkward / "aus gabe" / "report.json").read_text(encoding="utf-8"))["source"] == "Aufnahme 1"
    assert load_subject(awkward / "aus gabe" / "subject.safetensors").model == "scripted"


def test_text_that_begins_with_windows_mark_is_read(awkward: Path) -> None:
    recording = record(awkward / "rec", [True] * 2)
    calibration = recording / "calibration.json"
    calibration.write_text(calibration.read_text(encoding="utf-8"), encoding="utf-8-sig", newline="\r\n")
    assert calibration.read_bytes().startswith(b"\xef\xbb\xbf")
    with open_source(recording) as source:
        assert source.info.intrinsics.fx == 60


def test_a_camera_is_recorded_to_a_folder_with_an_awkward_name(awkward: Path) -> None:
    with open_source(record(awkward / "von hier", [True] * 3)) as source:
        frames = list(source)
        recorder = StackRecorder(awkward / "nach dort", source.info.intrinsics, 30.0, "Kamera – 頭")
    for frame in frames:
        recorder.put(frame)
    assert recorder.close().frames == 3
    with open_source(awkward / "nach dort") as again:
        for before, after in zip(frames, again, strict=True):
            assert np.array_equal(before.depth_m, after.depth_m)


def test_a_track_is_exported_and_a_recording_converted_under_awkward_names(
    awkward: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(write_results(awkward.parent), awkward / "Ergebnis 1")
    assert cli.main(["export", str(awkward / "Ergebnis 1"), "--out", str(awkward / "für Blender")]) == 0
    assert any((awkward / "für Blender").rglob("*.ply"))
    recording = record(awkward / "rec", [True] * 3)
    assert cli.main(["convert", str(recording), str(awkward / "Kinect 1.mkv")]) == 0
    assert "Kinect 1.mkv" in capsys.readouterr().out
    with open_source(awkward / "Kinect 1.mkv") as source:
        assert source.info.length == 3


def test_names_that_the_terminal_cannot_show_do_not_end_a_command(awkward: Path) -> None:
    """Windows gives a pipe the old code page, in which there is no Japanese."""
    recording = record(awkward / "頭", [True] * 2)
    done = subprocess.run(
        [sys.executable, "-m", "dphm_core.cli", "info", str(recording)], capture_output=True, timeout=60,
        env=os.environ | {"PYTHONIOENCODING": "cp1252", "PYTHONPATH": str(REPO), "XDG_CACHE_HOME": str(awkward)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode("cp1252")
    assert b"name          \\u982d" in done.stdout
