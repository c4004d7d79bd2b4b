"""Sources that were opened last, and what can be dropped onto the window."""

from __future__ import annotations

from pathlib import Path

import pytest
from PyQt5.QtCore import QMimeData, QUrl

from app.recent import LIMIT, RecentSources, dropped_source, missing, path_of


def test_the_newest_comes_first_and_none_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    recent = RecentSources()
    for uri in ("a", "kinect:0001", "b", f"{tmp_path}/x/../a/", "simulated", "simulated:b"):
        recent.add(uri)
    a, b = str(tmp_path / "a"), str(tmp_path / "b")
    assert recent.values == [f"simulated:{b}", "simulated", a, b, "kinect:0001"]
    recent.remove("b")
    recent.remove("never there")
    assert recent.values == [f"simulated:{b}", "simulated", a, "kinect:0001"]
    assert RecentSources(recent.values).values == recent.values


def test_only_some_are_kept() -> None:
    recent = RecentSources(f"/r/{number}" for number in range(20))
    assert recent.values == [f"/r/{number}" for number in range(LIMIT)]
    recent.add("/r/new")
    assert recent.values[:2] == ["/r/new", "/r/0"]
    assert len(recent.values) == LIMIT
    recent.values.clear()
    assert len(recent.values) == LIMIT


def test_nothing_is_no_source() -> None:
    recent = RecentSources([""])
    recent.add("")
    assert recent.values == []


def test_what_is_gone_is_told_apart(tmp_path: Path) -> None:
    gone = str(tmp_path / "gone")
    uris = [str(tmp_path), gone, f"simulated:{gone}", "kinect", "simulated"]
    assert missing(uris) == {gone, f"simulated:{gone}"}
    assert path_of("kinect:1") is None


def mime(*paths: Path | str) -> QMimeData:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) if isinstance(path, Path) else QUrl(path) for path in paths])
    return data


def test_a_folder_a_file_and_what_lies_inside_can_be_dropped(tmp_path: Path) -> None:
    recording = tmp_path / "rec"
    (recording / "depth").mkdir(parents=True)
    (recording / "color").mkdir()
    for name in ("depth/00000.png", "calibration.json"):
        (recording / name).touch()
    (tmp_path / "kinect.MKV").touch()
    (tmp_path / "notes.txt").touch()
    (tmp_path / "live").mkdir()
    (tmp_path / "live/frames.stack").touch()
    assert dropped_source(mime(recording)) == str(recording)
    assert dropped_source(mime(tmp_path / "kinect.MKV")) == str(tmp_path / "kinect.MKV")
    assert dropped_source(mime(tmp_path / "take.bag")) == str(tmp_path / "take.bag")
    for inside in ("depth/00000.png", "calibration.json", "color", "depth"):
        assert dropped_source(mime(recording / inside)) == str(recording)
    assert dropped_source(mime(tmp_path / "live")) == str(tmp_path / "live")
    assert dropped_source(mime(tmp_path / "live/frames.stack")) == str(tmp_path / "live/frames.stack")
    assert dropped_source(mime(tmp_path / "notes.txt")) is None
    assert dropped_source(mime("https://example.org/rec.mkv")) is None
    assert dropped_source(QMimeData()) is None
