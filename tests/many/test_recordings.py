"""Which recordings paths and patterns name, and what their results are called."""

from __future__ import annotations

from pathlib import Path

import pytest
from batch_parts import record

from dphm_core.errors import SourceError
from dphm_core.many.recordings import find_recordings, find_sequences
from dphm_core.places import DEMO_RECORDING


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


def names(*patterns: object) -> list[str]:
    return [recording.name for recording in find_recordings([str(pattern) for pattern in patterns])]


def test_the_demo_is_known_by_its_name(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(data)
    assert [Path(recording.source) for recording in find_recordings(["demo"])] == [DEMO_RECORDING]


def test_folders_and_patterns_name_recordings_once(data: Path, tmp_path: Path) -> None:
    anna = data / "anna_smile"
    assert names(data) == ["anna_smile", "ben_fastalk", "carl_eyeblink"]
    assert names(anna, data) == ["anna_smile", "ben_fastalk", "carl_eyeblink"]
    assert names(tmp_path / "*/*_*/") == ["anna_smile", "ben_fastalk", "carl_eyeblink"]
    assert names(tmp_path / "**/*_smile") == ["anna_smile"]
    assert find_recordings([str(anna)])[0].source == str(anna)


def test_files_lose_their_extension_and_equal_names_get_their_folders(tmp_path: Path) -> None:
    for name in ("monday/take.mkv", "tuesday/take.mkv", "tuesday/Other.mkv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    record(tmp_path / "wednesday" / "other", [True])
    assert names(tmp_path / "*day/*.mkv", tmp_path / "wednesday/other") == [
        "monday_take",
        "tuesday_Other",
        "tuesday_take",
        "wednesday_other",
    ]
    (tmp_path / "take").mkdir()
    (tmp_path / "take.mkv").write_bytes(b"")
    assert len(set(names(tmp_path / "take*"))) == 2  # the same name in the same folder


def test_what_names_nothing_is_told(data: Path) -> None:
    with pytest.raises(SourceError, match=r"names nothing that is there"):
        find_recordings([str(data), str(data / "*.mkv")])
    with pytest.raises(SourceError, match=r"kinect is a camera"):
        find_recordings(["kinect"])
