"""Part of a recording: start, stop, every."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.errors import SourceError
from dphm_core.sources import open_source
from dphm_core.sources.selection import SelectedFrames, Selection
from dphm_core.sources.writer import FolderWriter

CAMERA = Intrinsics(width=16, height=12, fx=20, fy=20, cx=8, cy=6)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Frames 0 to 11 of which 4 and 5 are missing."""
    with FolderWriter(tmp_path / "rec", CAMERA, 30.0) as writer:
        for index in range(12):
            writer.write(np.zeros((12, 16, 3), np.uint8), np.full((12, 16), 0.5, np.float32), index / 30)
    for index in (4, 5):
        (tmp_path / "rec" / "depth" / f"{index:05d}.png").unlink()
    return tmp_path / "rec"


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (Selection(), [0, 1, 2, 3, 6, 7, 8, 9, 10, 11]),
        (Selection(start=2, stop=8), [2, 3, 6, 7]),
        (Selection(every=4), [0, 8]),
        (Selection(start=1, every=3), [1, 7, 10]),
        (Selection(start=11, stop=100), [11]),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_frames_of_the_selection_come_in_order(recording: Path, selection: Selection, expected: list[int]) -> None:
    with SelectedFrames(open_source(recording), selection) as frames:
        assert [frame.index for frame in frames] == expected
        assert frames.count == len(expected)


def test_going_to_a_frame_and_on(recording: Path) -> None:
    with SelectedFrames(open_source(recording), Selection(start=1, every=2)) as frames:
        frames.seek(8)
        assert [frame.index for frame in frames] == [9, 11]
        frames.seek(0)
        assert next(iter(frames)).index == 1


def test_selections_without_a_frame_are_refused(recording: Path) -> None:
    with pytest.raises(SourceError, match="no frame 12: it has frames 0 to 11"):
        SelectedFrames(open_source(recording), Selection(start=12))
    for wrong in ({"start": 5, "stop": 5}, {"every": 0}, {"start": -1}):
        with pytest.raises(SourceError, match="no frames from"):
            Selection(**wrong)


def test_a_live_source_has_no_count() -> None:
    assert Selection().indices(None) is None
    assert Selection(stop=30, every=10).indices(None) == range(0, 30, 10)


def test_what_is_no_number_of_a_frame_is_refused() -> None:
    for options in ({"stop": "3"}, {"every": 1.5}, {"every": None}, {"start": 0.0}):
        with pytest.raises(SourceError, match="are whole numbers, not"):
            Selection(**options)  # type: ignore[arg-type]
    assert 4 in Selection(start=np.int64(2), stop=np.uint8(5))  # type: ignore[arg-type]
