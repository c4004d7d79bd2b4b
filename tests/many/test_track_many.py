"""Many recordings are tracked: failures stay where they are, what is done is not done again, a table tells of all."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from batch_parts import breaking_after, stages
from fake_runs import Red

from dphm_core.batch import track_recording
from dphm_core.errors import SourceError
from dphm_core.jobs import Tell
from dphm_core.many.recordings import Recording, find_recordings
from dphm_core.many.run import InTurn, track_many
from dphm_core.many.table import SUMMARY_FILE, summary_table
from dphm_core.many.tasks import Task, TrackOne
from dphm_core.output.options import BatchOptions

OPTIONS = BatchOptions(contact_sheet=False)


def recordings(data: Path) -> list[Recording]:
    return find_recordings([str(data)])


@pytest.fixture
def track_one() -> Iterator[TrackOne]:
    tracked: list[str] = []

    def track(task: Task, tell: Tell | None) -> dict[str, Any]:
        tracked.append(task.name)
        return Red()(task, tell)

    track.tracked = tracked  # type: ignore[attr-defined]
    yield track


def rows(out: Path) -> list[dict[str, str]]:
    with (out / SUMMARY_FILE).open() as file:
        return list(csv.DictReader(file))


def test_one_failure_does_not_stop_the_rest(data: Path, tmp_path: Path, track_one: TrackOne) -> None:
    seen = []
    results = track_many(recordings(data), tmp_path / "out", InTurn(track_one), on_result=seen.append)
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
    def fail(task: Task, _tell: object) -> dict[str, Any]:
        raise ZeroDivisionError(f"in {task.name}")

    results = track_many(recordings(data), tmp_path / "out", InTurn(fail))
    assert results[0].error == "ZeroDivisionError: in anna_smile"
    assert len(results) == 3 and "Traceback" in caplog.text


def test_what_is_tracked_is_not_tracked_again(data: Path, tmp_path: Path, track_one: Any) -> None:
    sequences, out = recordings(data), tmp_path / "out"
    first = track_many(sequences, out, InTurn(track_one))
    track_one.tracked.clear()
    second = track_many(sequences, out, InTurn(track_one))
    assert track_one.tracked == ["ben_fastalk"]
    assert [r.status for r in second] == ["earlier", "failed", "earlier"]
    assert second[0] == replace(first[0], status="earlier")
    track_one.tracked.clear()
    assert [r.status for r in track_many(sequences, out, InTurn(track_one), overwrite=True)] == [
        "tracked",
        "failed",
        "tracked",
    ]
    assert len(track_one.tracked) == 3


def test_interrupted_it_goes_on_later(data: Path, tmp_path: Path, track_one: Any) -> None:
    sequences, out = recordings(data), tmp_path / "out"

    def interrupted(task: Task, tell: Tell | None) -> dict[str, Any]:
        if task.name == "carl_eyeblink":
            report = track_one(task, tell)
            (task.out / "report.json").write_text('{"interrupted": true}')
            return report | {"interrupted": True}
        return track_one(task, tell)

    assert [r.status for r in track_many(sequences, out, InTurn(interrupted))] == ["tracked", "failed", "interrupted"]
    track_one.tracked.clear()
    assert [r.status for r in track_many(sequences, out, InTurn(track_one))] == ["earlier", "failed", "tracked"]

    def at_once(*_: object) -> dict[str, Any]:
        raise KeyboardInterrupt

    assert [r.status for r in track_many(sequences, tmp_path / "new", InTurn(at_once))] == ["interrupted"]


def test_a_recording_that_breaks_off_counts(data: Path, tmp_path: Path) -> None:
    def track(task: Task, _tell: object) -> dict[str, Any]:
        parts = breaking_after(stages(Path(task.source)), 5, SourceError("the disk is gone"))
        return track_recording(parts, task.out, replace(OPTIONS, overwrite=task.overwrite))

    results = track_many(recordings(data)[:1], tmp_path / "out", InTurn(track))
    assert (results[0].status, results[0].frames) == ("tracked", 5)


def test_what_a_killed_run_left_is_replaced_and_anything_else_is_not(
    data: Path, tmp_path: Path, track_one: Any
) -> None:
    sequences, out = recordings(data), tmp_path / "out"
    (out / "anna_smile/meshes").mkdir(parents=True)
    (out / "anna_smile/meshes/00099.ply").write_bytes(b"half of a run")
    (out / "carl_eyeblink").mkdir()
    (out / "carl_eyeblink/letter.txt").write_text("dear")
    results = track_many(sequences, out, InTurn(track_one))
    assert [r.status for r in results] == ["tracked", "failed", "failed"]
    assert not (out / "anna_smile/meshes/00099.ply").exists()
    assert "is not empty" in results[2].error and (out / "carl_eyeblink/letter.txt").read_text() == "dear"
