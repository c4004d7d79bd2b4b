from __future__ import annotations

from pathlib import Path

import pytest

from dphm_core import cli
from dphm_core.commands.bench_record import _table
from dphm_core.errors import SettingError
from dphm_core.evaluation.recording_benchmark import RecordingRun
from dphm_core.evaluation.recording_benchmark_options import RecordingBenchmarkOptions
from dphm_core.places import DEMO_RECORDING
from dphm_core.recording import RecordingStatus
from dphm_core.sources import open_source


def test_a_camera_is_recorded_and_the_loss_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "take"
    words = ["bench", "record", str(DEMO_RECORDING), "--out", str(out), "--seconds", "1.5", "--no-tracking"]
    assert cli.main(words) == 0
    rows = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert rows.keys() == {"recorded", "lost", "work", "room", "end", "untracked"}
    with open_source(tmp_path / "take") as source:
        assert len(list(source)) == int(rows["recorded"].split()[0]) >= 10


@pytest.mark.parametrize(("tracking", "name"), [(True, "tracked"), (False, "untracked")])
def test_only_frames_that_were_tracked_are_called_so(tracking: bool, name: str) -> None:
    run = RecordingRun(RecordingStatus(Path("take"), frames=60, seconds=2.0), through=45, missed=0, close_s=0.1)
    assert _table(run, tracking)[-1] == (name, "45 frames, 22.5 per second")


def test_a_folder_that_holds_something_is_refused_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine").write_text("precious")
    assert cli.main(["bench", "record", str(DEMO_RECORDING), "--out", str(tmp_path)]) == 2
    assert f"{tmp_path} is not empty; choose a new folder" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_recording_that_broke_off_is_no_success(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = RecordingRun(RecordingStatus(tmp_path, frames=9, seconds=0.3, error="disk full"), 9, 0, 0.1)
    monkeypatch.setattr("dphm_core.evaluation.recording_benchmark.record_beside_tracking", lambda *_: run)
    assert cli.main(["bench", "record"]) == 1
    assert "error         disk full" in capsys.readouterr().out


def test_an_absurd_length_is_refused() -> None:
    with pytest.raises(SettingError, match="a recording benchmark's seconds must be"):
        RecordingBenchmarkOptions(seconds=float("nan"))
