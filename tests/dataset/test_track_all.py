"""A data set's folder is tracked sequence by sequence: failures stay where they are, and a table tells of all."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from batch_parts import breaking_after, record, stages
from sequences import make_sequence

from dphm_core import cli
from dphm_core.batch import track_recording
from dphm_core.dataset.preprocess import preprocess
from dphm_core.dataset.track_all import SUMMARY_FILE, TrackOne, find_sequences, summary_table, track_all
from dphm_core.output.options import BatchOptions

OPTIONS = BatchOptions(contact_sheet=False)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Three sequences, the second one without a face, and what is none."""
    folder = tmp_path / "data"
    record(folder / "anna_smile", [True] * 6)
    record(folder / "ben_fastalk", [False] * 5)
    record(folder / "carl_eyeblink", [True] * 7)
    (folder / "notes").mkdir()
    (folder / "readme.txt").write_text("…")
    return folder


@pytest.fixture
def track_one() -> Iterator[TrackOne]:
    tracked: list[str] = []

    def track(sequence: Path, out: Path, overwrite: bool) -> dict[str, Any]:
        tracked.append(sequence.name)
        return track_recording(stages(sequence), out, replace(OPTIONS, overwrite=overwrite))

    track.tracked = tracked  # type: ignore[attr-defined]
    yield track


def rows(out: Path) -> list[dict[str, str]]:
    with (out / SUMMARY_FILE).open() as file:
        return list(csv.DictReader(file))


def test_sequences_are_found_by_name(data: Path) -> None:
    assert [path.name for path in find_sequences(str(data))] == ["anna_smile", "ben_fastalk", "carl_eyeblink"]


@pytest.mark.parametrize("uri", ["kinect", "simulated", "", " ", "nowhere", "a\0b", "x" * 5000])
def test_what_holds_no_sequences(uri: str, data: Path) -> None:
    assert find_sequences(uri) == []
    assert find_sequences(str(data / "anna_smile")) == []
    assert find_sequences(str(data / "readme.txt")) == []


def test_an_export_with_its_images_one_folder_down_is_one_recording(tmp_path: Path) -> None:
    inner = tmp_path / "EXR_RGBD"
    for name in ("rgb", "depth"):
        (inner / name).mkdir(parents=True)
    (inner / "metadata.json").write_text("{}")
    assert find_sequences(str(tmp_path)) == []


def test_one_failure_does_not_stop_the_rest(data: Path, tmp_path: Path, track_one: TrackOne) -> None:
    seen = []
    results = track_all(find_sequences(str(data)), tmp_path / "out", track_one, on_result=seen.append)
    assert seen == results
    assert [(r.sequence, r.status, r.frames) for r in results] == [
        ("anna_smile", "tracked", 6),
        ("ben_fastalk", "failed", None),
        ("carl_eyeblink", "tracked", 7),
    ]
    assert "no face in any of 5 frames" in results[1].error
    assert (tmp_path / "out/anna_smile/track.npz").is_file() and (tmp_path / "out/carl_eyeblink/track.npz").is_file()
    assert not (tmp_path / "out/ben_fastalk/track.npz").exists()
    table = rows(tmp_path / "out")
    assert [row["status"] for row in table] == ["tracked", "failed", "tracked"]
    assert table[0]["tracked"] == str(results[0].tracked) and table[1]["frames"] == ""
    shown = summary_table(results)
    assert "2 of 3" in shown and "13" in shown and "ben_fastalk: " in shown


def test_a_fault_of_ours_is_logged(data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def fail(sequence: Path, *_: object) -> dict[str, Any]:
        raise ZeroDivisionError(f"in {sequence.name}")

    results = track_all(find_sequences(str(data)), tmp_path / "out", fail)
    assert results[0].error == "ZeroDivisionError: in anna_smile"
    assert len(results) == 3 and "Traceback" in caplog.text


def test_what_is_tracked_is_not_tracked_again(data: Path, tmp_path: Path, track_one: Any) -> None:
    sequences, out = find_sequences(str(data)), tmp_path / "out"
    first = track_all(sequences, out, track_one)
    track_one.tracked.clear()
    second = track_all(sequences, out, track_one)
    assert track_one.tracked == ["ben_fastalk"]
    assert [r.status for r in second] == ["earlier", "failed", "earlier"]
    assert second[0] == replace(first[0], status="earlier")
    track_one.tracked.clear()
    assert [r.status for r in track_all(sequences, out, track_one, overwrite=True)] == ["tracked", "failed", "tracked"]
    assert len(track_one.tracked) == 3


def test_interrupted_it_goes_on_later(data: Path, tmp_path: Path, track_one: Any) -> None:
    sequences, out = find_sequences(str(data)), tmp_path / "out"

    def interrupted(sequence: Path, folder: Path, overwrite: bool) -> dict[str, Any]:
        if sequence.name == "carl_eyeblink":
            parts = stages(sequence)
            report = track_recording(parts, folder, replace(OPTIONS, overwrite=overwrite))
            (folder / "report.json").write_text('{"interrupted": true}')
            return report | {"interrupted": True}
        return track_one(sequence, folder, overwrite)

    assert [r.status for r in track_all(sequences, out, interrupted)] == ["tracked", "failed", "interrupted"]
    track_one.tracked.clear()
    assert [r.status for r in track_all(sequences, out, track_one)] == ["earlier", "failed", "tracked"]

    def at_once(*_: object) -> dict[str, Any]:
        raise KeyboardInterrupt

    assert [r.status for r in track_all(sequences, tmp_path / "new", at_once)] == ["interrupted"]


def test_a_recording_that_breaks_off_counts(data: Path, tmp_path: Path) -> None:
    from dphm_core.errors import SourceError

    def track(sequence: Path, out: Path, overwrite: bool) -> dict[str, Any]:
        parts = breaking_after(stages(sequence), 5, SourceError("the disk is gone"))
        return track_recording(parts, out, replace(OPTIONS, overwrite=overwrite))

    results = track_all([data / "anna_smile"], tmp_path / "out", track)
    assert (results[0].status, results[0].frames) == ("tracked", 5)


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


def test_options_for_one_recording_are_refused(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["track", str(data), "--out", str(tmp_path / "out"), "--save-subject", str(tmp_path / "me.safetensors")]
    assert cli.main(words) == 2
    assert "are for one recording" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
