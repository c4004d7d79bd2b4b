"""A recording as a live camera."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from folder_recordings import make_recording

from dphm_core.errors import SourceError
from dphm_core.sources import open_source
from dphm_core.sources import simulated as module
from dphm_core.sources.simulated import SimulatedCamera, to_and_fro


class Clock:
    """A clock that only waiting, or a test, moves on."""

    def __init__(self) -> None:
        self.now = 100.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


def simulated(folder: Path, clock: Clock) -> SimulatedCamera:
    return SimulatedCamera(open_source(folder), clock, clock.wait)


def shown(frame) -> int:
    """Number of the recording's frame: its red."""
    return int(frame.color[0, 0, 0])


def test_it_plays_to_and_fro_for_ever_on_the_clock(tmp_path: Path, clock: Clock) -> None:
    with simulated(make_recording(tmp_path), clock) as source:
        info = source.info
        assert (info.kind, info.label, info.length, info.fps) == (
            "simulated",
            f"Simulated camera ({tmp_path.name})",
            None,
            30,
        )
        frames = list(islice(source, 14))
        assert [frame.index for frame in frames] == list(range(14))
        assert [shown(frame) for frame in frames] == [0, 1, 2, 3, 2, 1, 0, 1, 2, 3, 2, 1, 0, 1]
        np.testing.assert_allclose([frame.timestamp_s for frame in frames], np.arange(14) / 30)
        np.testing.assert_allclose(clock.waits, 1 / 30)
        assert source.dropped == 0
        with pytest.raises(SourceError, match="live"):
            source.seek(0)
    assert next(source, None) is None


def test_who_is_late_gets_the_newest_frame(tmp_path: Path, clock: Clock) -> None:
    with simulated(make_recording(tmp_path), clock) as source:
        next(source)
        clock.now += 5.5 / 30
        frame = next(source)
        assert (frame.index, shown(frame), source.dropped) == (5, 1, 4)
        assert clock.waits == []
        assert next(source).index == 6


def test_frames_are_decoded_once_where_they_fit(tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_recording(tmp_path)
    for room, decoded in ((1 << 20, 4), (0, 13)):
        monkeypatch.setattr(module, "CACHE_BYTES", room)
        with simulated(folder, clock) as source:
            recording = source._reel._recording
            assert [shown(frame) for frame in islice(source, 13)] == [0, 1, 2, 3, 2, 1, 0, 1, 2, 3, 2, 1, 0]
            assert recording._delivered == decoded


def test_missing_and_damaged_frames_are_passed_over(tmp_path: Path, clock: Clock) -> None:
    folder = make_recording(tmp_path, [0, 1, 3, 4, 5])
    for name in ("depth/00001.png", "depth/00005.png"):
        (folder / name).write_bytes(b"\0")
    with simulated(folder, clock) as source:
        assert [shown(frame) for frame in islice(source, 11)] == [0, 3, 3, 3, 4, 4, 4, 3, 3, 3, 0]
        assert source.damaged > 0


def test_a_recording_of_one_frame(tmp_path: Path, clock: Clock) -> None:
    with simulated(make_recording(tmp_path, [0]), clock) as source:
        assert [frame.index for frame in islice(source, 3)] == [0, 1, 2]


@pytest.mark.parametrize(("length", "expected"), [(1, [0, 0, 0, 0]), (2, [0, 1, 0, 1]), (3, [0, 1, 2, 1])])
def test_to_and_fro(length: int, expected: list[int]) -> None:
    assert [to_and_fro(tick, length) for tick in range(4)] == expected


def test_it_is_opened_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_recording(tmp_path / "rec")
    with open_source(f"simulated:{folder}") as source:
        assert source.info.label == "Simulated camera (rec)"
    monkeypatch.setattr(module, "DEMO_RECORDING", folder)
    with open_source("simulated") as source:
        assert next(source).index == 0
    monkeypatch.setattr(module, "DEMO_RECORDING", tmp_path / "gone")
    with pytest.raises(SourceError, match="demo recording is not in"):
        open_source("simulated")
    with pytest.raises(SourceError, match="is live; only a recording"):
        open_source(f"simulated:simulated:{folder}")
