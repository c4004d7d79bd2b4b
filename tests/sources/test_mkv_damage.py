"""Damaged recordings: the reader of the SDK is tried out elsewhere, and what is whole is read."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from test_mkv_writer import CAMERA, made_frames, write

from dphm_core.errors import SourceError
from dphm_core.sources import open_source
from dphm_core.sources.ebml import CLUSTER, element, read_header, text, uint
from dphm_core.sources.mkv_probe import probe
from dphm_core.sources.mkv_repair import find_damage

FRAMES = 6


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("mkv") / "whole.mkv", made_frames(CAMERA, FRAMES))


def clusters(content: bytes) -> list[int]:
    """Where the clusters begin."""
    places, name = [], CLUSTER.to_bytes(4, "big")
    place = content.find(name, 1000)
    while place >= 0:
        part = read_header(content, place)
        assert part is not None
        places.append(place)
        place = content.find(name, part.end)
    return places


def test_a_whole_recording_survives(whole: Path) -> None:
    assert probe(whole) is None and find_damage(whole, 10) is None


def test_what_kills_the_reader_is_told_and_kills_nothing_of_ours(whole: Path, tmp_path: Path) -> None:
    path = tmp_path / "killer.mkv"
    path.write_bytes(whole.read_bytes()[:22])
    if os.name == "posix":
        assert "kills the SDK's reader (SIGABRT): EOF" in str(probe(path))
    with pytest.raises(SourceError, match="no Kinect recording"):
        open_source(path)


def test_what_hangs_the_reader_is_given_up(whole: Path, tmp_path: Path) -> None:
    content = bytearray(whole.read_bytes())
    start = clusters(content)[2]
    cluster = read_header(content, start)
    assert cluster is not None
    block = read_header(content, read_header(content, cluster.content).end)  # type: ignore[union-attr]
    assert block is not None
    content[block.content + 3] |= 0x04  # another lacing
    path = tmp_path / "hangs.mkv"
    path.write_bytes(content)
    assert "did not get through it within 2 s" in str(probe(path, timeout_s=2))
    with open_source(path) as source:  # without the damaged capture
        assert [frame.index for frame in source] == [0, 1, 3, 4, 5]


@pytest.mark.parametrize(("kept", "told"), [(1, "a single frame"), (2, "up to 2 frames"), (5, "up to 5 frames")])
def test_what_was_cut_off_is_read_up_to_there(
    whole: Path, tmp_path: Path, kept: int, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    content = whole.read_bytes()
    path = tmp_path / "cut.mkv"
    path.write_bytes(content[: clusters(content)[kept] + 1000])
    with open_source(path) as source:
        assert [frame.index for frame in source] == list(range(kept))
        source.seek(kept - 1)
        assert next(source).index == kept - 1
    assert f"what is whole is read, {told}; " in caplog.text


def test_garbage_in_the_middle_costs_the_captures_it_hits(whole: Path, tmp_path: Path) -> None:
    content = bytearray(whole.read_bytes())
    start = clusters(content)[3]
    content[start : start + 64] = bytes(np.random.default_rng(0).integers(0, 256, 64, dtype=np.uint8))
    path = tmp_path / "garbage.mkv"
    path.write_bytes(content)
    with open_source(path) as source:
        assert [frame.index for frame in source] == [0, 1, 2, 4, 5]


def test_a_foreign_film_is_refused(tmp_path: Path) -> None:
    track = element(0xAE, uint(0xD7, 1), uint(0x73C5, 1), uint(0x83, 1), text(0x86, "V_MPEG4/ISO/AVC"))
    cluster = element(CLUSTER, uint(0xE7, 0), element(0xA3, b"\x81\0\0\x80film"))
    segment = element(0x18538067, element(0x1549A966, uint(0x2AD7B1, 10**6)), element(0x1654AE6B, track), cluster)
    path = tmp_path / "film.mkv"
    path.write_bytes(element(0x1A45DFA3, text(0x4282, "matroska"), uint(0x4287, 2), uint(0x4285, 2)) + segment)
    with pytest.raises(
        SourceError, match=r"film\.mkv is no Kinect recording, .*; give a recording made with k4arecorder"
    ):
        open_source(path)


def test_the_probe_loads_nothing_heavy(whole: Path) -> None:
    code = (
        "import sys; from dphm_core.sources.mkv_probe import _problem; assert _problem(sys.argv[1]) is None;"
        "print(*{'torch', 'cv2', 'numba', 'scipy', 'mediapipe'} & set(sys.modules))"
    )
    told = subprocess.run([sys.executable, "-c", code, str(whole)], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == ""
