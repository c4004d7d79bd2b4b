"""Damaged recordings: the reader of the SDK is tried out elsewhere, and what is whole is read."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_mkv_writer import CAMERA, made_frames, write

from dphm_core.camera.k4a_calibration import DepthMode
from dphm_core.errors import SourceError
from dphm_core.sources import open_source
from dphm_core.sources.ebml import CLUSTER, element, read_header, text, uint
from dphm_core.sources.mkv_probe import probe
from dphm_core.sources.mkv_repair import find_damage, write_repaired
from dphm_core.sources.mkv_writer import MkvWriter

FRAMES = 6


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("mkv") / "whole.mkv", made_frames(CAMERA, FRAMES))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Bytes of a recording of three frames, 0.6 MB."""
    path = tmp_path_factory.mktemp("mkv") / "small.mkv"
    with MkvWriter(path, CAMERA, 30, DepthMode.NFOV_2X2BINNED) as writer:
        for frame in made_frames(CAMERA, 3):
            writer.write(frame.color, frame.depth_m, frame.timestamp_s)
    return path.read_bytes()


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


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_what_is_copied_of_any_bytes_is_whole(small: bytes, tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(small)
    for _ in range(data.draw(st.integers(0, 6))):
        place = data.draw(st.integers(0, 4000) | st.integers(0, len(content) - 1))
        content[place : place + 4] = data.draw(st.binary(min_size=1, max_size=12))
    del content[data.draw(st.integers(0, len(content)) | st.just(len(content))) :]
    path, copy = tmp_path / "any.mkv", tmp_path / "copy.mkv"
    path.write_bytes(content)
    copy.unlink(missing_ok=True)
    try:
        damage = find_damage(path, 10)
        if write_repaired(path, copy):
            assert find_damage(copy, 10) is None and copy.stat().st_size < len(content) + 100
            assert copy.read_bytes().count(CLUSTER.to_bytes(4, "big")) >= 1
        else:
            assert not copy.exists()
    except SourceError as told:
        assert not content and "; " in str(told)
    else:
        assert damage is None or " at byte " in damage


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
