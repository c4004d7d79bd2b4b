"""Track files: what goes in comes out, and what is no track is told so."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from dphm_core.errors import DataError
from dphm_core.frames import Similarity
from dphm_core.landmarks.tables import LANDMARK_COUNT
from dphm_core.output.track_file import Track, TrackRow, load_track, make_track


def row(index: int, tracked: bool = True) -> TrackRow:
    pose = Similarity(np.eye(3, dtype=np.float32), np.float32([0, 0, index]), 1.0) if tracked else None
    code = np.float32([index, 0]) if tracked else None
    landmarks = np.zeros((LANDMARK_COUNT, 3), np.float32) if tracked else None
    return TrackRow(index, index / 30, "tracking", "fits", pose, code, 1.0, landmarks)


def make(rows: list[TrackRow]) -> Track:
    return make_track(rows, 1.5, np.arange(6, dtype=np.float32), ("a", "b"), 2)


def test_rows_come_in_order_of_their_frames() -> None:
    track = make([row(3), row(1, tracked=False), row(2)])
    assert track.frame_index.tolist() == [1, 2, 3]
    assert np.isnan(track.translation_m[0]).all()
    assert track.translation_m[1:, 2].tolist() == [2, 3]


def test_a_track_reads_back(tmp_path: Path) -> None:
    track = make([row(0), row(1, tracked=False)])
    path = tmp_path / "track.npz"
    path.write_bytes(track.to_bytes())
    again = load_track(path)
    for field in fields(Track):
        expected, found = getattr(track, field.name), getattr(again, field.name)
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)


def test_what_is_no_track_is_told_so(tmp_path: Path) -> None:
    path = tmp_path / "track.npz"
    with pytest.raises(DataError, match="No such file"):
        load_track(path)
    path.write_bytes(b"PK not really")
    with pytest.raises(DataError, match="is not a track file"):
        load_track(path)
    np.savez(path, frame_index=np.arange(3))
    with pytest.raises(DataError, match="timestamp_s"):
        load_track(path)


def test_arrays_that_do_not_fit_each_other_are_told(tmp_path: Path) -> None:
    track = make([row(0), row(1)])
    arrays = {field.name: getattr(track, field.name) for field in fields(Track)}
    np.savez(tmp_path / "track.npz", **{**arrays, "rotation": np.zeros((3, 3, 3))})
    with pytest.raises(DataError, match="'rotation' has shape"):
        load_track(tmp_path / "track.npz")


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("timestamp_s", np.array([0.0, np.nan]), "a time that is no number"),
        ("frame_index", np.array([1, 1]), "'frame_index' does not rise"),
        ("rotation", np.full((2, 3, 3), np.nan), "frame 0 has half a pose"),
        ("translation_m", np.full((2, 3), "x"), "'translation_m' has no numbers"),
    ],
)
def test_numbers_that_would_end_an_export_or_a_video_later_are_told(
    tmp_path: Path, name: str, value: object, told: str
) -> None:
    track = make([row(0), row(1)])
    arrays = {field.name: getattr(track, field.name) for field in fields(Track)}
    np.savez(tmp_path / "track.npz", **{**arrays, name: value})
    with pytest.raises(DataError, match=told):
        load_track(tmp_path / "track.npz")


def test_a_track_of_no_frames_is_none(tmp_path: Path) -> None:
    (tmp_path / "track.npz").write_bytes(make([]).to_bytes())
    with pytest.raises(DataError, match="it has no frames"):
        load_track(tmp_path / "track.npz")


def test_a_results_folder_is_told_from_its_track_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"is a folder; give the track\.npz in it"):
        load_track(tmp_path)
