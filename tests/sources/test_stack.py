"""The file of live recordings: what goes in comes out, and whatever happened to it the rest of it can be read."""

from __future__ import annotations

import logging
import shutil
import struct
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stack_recordings import CAMERA, make_frame, make_stack

from dphm_core.errors import SourceError
from dphm_core.sources import UnreadableFrame, open_source
from dphm_core.sources.images import decode_color
from dphm_core.sources.selection import SelectedFrames, Selection
from dphm_core.sources.stack_file import (
    MAGIC,
    MARKER,
    RECORD_HEADER_BYTES,
    STACK_FILE,
    RecordHeader,
    decode_depth,
    encode_depth,
    encode_record,
    millimetres,
)
from dphm_core.sources.stack_index import MARKER as INDEX_MARKER
from dphm_core.sources.stack_index import encode_index, read_index


def starts(content: bytes) -> list[int]:
    """Where the records begin."""
    places, place = [], content.find(MARKER)
    while place >= 0:
        places.append(place)
        place = content.find(MARKER, place + 1)
    return places


def unfinished(content: bytes) -> bytes:
    """A file as it is before its table of contents is written."""
    return content[: content.rfind(INDEX_MARKER)]


def test_what_is_recorded_is_read_back(tmp_path: Path) -> None:
    frames = make_stack(tmp_path / "take", (0, 1, 2, 5))
    with open_source(tmp_path / "take") as source:
        info = source.info
        read = list(source)
    assert (info.kind, info.label, info.fps, info.length, info.intrinsics) == ("stack", "take", 15, 6, CAMERA)
    assert [frame.index for frame in read] == [0, 1, 2, 5]
    for made, got in zip(frames, read, strict=True):
        np.testing.assert_array_equal(np.rint(got.depth_m * 1000), np.rint(made.depth_m * 1000))
        assert got.timestamp_s == pytest.approx(made.timestamp_s)
        assert (got.color is None) == (made.color is None)
        if made.color is not None and got.color is not None:
            assert np.abs(made.color.astype(int) - got.color).mean() < 4


def test_seeking_and_counting_know_the_gaps(tmp_path: Path) -> None:
    make_stack(tmp_path, (0, 1, 4, 5))
    source = open_source(tmp_path / STACK_FILE)
    source.seek(2)
    assert next(source).index == 4
    source.seek(1)
    assert next(source).index == 1
    assert source.count(range(6)) == 4
    assert [frame.index for frame in SelectedFrames(source, Selection(start=1, every=2))] == [1, 5]
    source.close()
    assert list(source) == []


@given(
    values=st.lists(st.integers(0, 65535), min_size=1, max_size=60),
    width=st.integers(1, 9),
)
def test_depth_is_compressed_without_loss(values: list[int], width: int) -> None:
    depth = np.resize(np.array(values, dtype=np.uint16), (max(1, len(values) // width), width))
    np.testing.assert_array_equal(decode_depth(encode_depth(depth), depth.shape, "it"), depth)


def test_depth_in_millimetres() -> None:
    told = np.float32([[0.5, 0.0004, 0.0006, np.nan, np.inf, -np.inf, -1, 65.534, 65.6, 70, 1e9]])
    np.testing.assert_array_equal(millimetres(told), [[500, 0, 1, 0, 0, 0, 0, 65534, 0, 0, 0]])


def test_a_cut_tail_is_told_and_the_rest_is_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    make_stack(tmp_path)
    path = tmp_path / STACK_FILE
    content = unfinished(path.read_bytes())
    last = starts(content)[-1]
    for end in (last + 3, last + RECORD_HEADER_BYTES, len(content) - 1):
        path.write_bytes(content[:end])
        caplog.clear()
        with open_source(tmp_path) as source:
            assert [frame.index for frame in source] == [0, 1, 2]
        assert "not written to its end (places: 1)" in caplog.text


def test_damage_in_the_middle_costs_the_frames_it_hits(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    make_stack(tmp_path)
    path = tmp_path / STACK_FILE
    content = unfinished(path.read_bytes())
    second, third, _ = starts(content)[1:]
    for spoiled in (
        content[: second + 20] + b"?" + content[second + 21 :],  # its header
        content[: third - 1] + b"?" + content[third:],  # its image
        content[: second + 50] + content[third:],  # a piece is gone
    ):
        path.write_bytes(spoiled)
        with open_source(tmp_path) as source, caplog.at_level(logging.WARNING):
            assert [frame.index for frame in source] == [0, 2, 3]
    assert "frame 1 is damaged" in caplog.text


def test_an_unfinished_file_is_read_without_a_word(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    make_stack(tmp_path)
    path = tmp_path / STACK_FILE
    path.write_bytes(unfinished(path.read_bytes()))
    with open_source(tmp_path) as source:
        assert [frame.index for frame in source] == [0, 1, 2, 3]
    assert caplog.text == ""


def test_contents_find_frames_and_are_done_without_where_they_are_damaged(tmp_path: Path) -> None:
    make_stack(tmp_path)
    path = tmp_path / STACK_FILE
    content = path.read_bytes()
    start, table = starts(content)[0], content.rfind(INDEX_MARKER)
    with path.open("rb") as file:
        listed = read_index(file, start, len(content))
        assert listed is not None and [place for place, _ in listed] == starts(content)
    for spoiled in (content[:-1], content[: table + 9] + b"?" + content[table + 10 :], content[9:], content[:start]):
        path.write_bytes(spoiled)
        with path.open("rb") as file:
            assert read_index(file, start, len(spoiled)) is None
    path.write_bytes(content[:-1])
    with open_source(tmp_path) as source:
        assert [frame.index for frame in source] == [0, 1, 2, 3]


def test_contents_that_cannot_be_are_none(tmp_path: Path) -> None:
    one, beyond = RecordHeader(0, 0.0, 10, 10, 1), RecordHeader(1, 0.0, 10, 1000, 1)
    for records in ([(0, one)], [(100, one), (120, one)], [(100, beyond)], [(100, replace(one, timestamp_s=np.nan))]):
        path = tmp_path / "file"
        path.write_bytes(bytes(300) + encode_index(records, 300))
        with path.open("rb") as file:
            assert read_index(file, 50, path.stat().st_size) is None


def test_a_file_that_is_none_is_one_clear_error(tmp_path: Path) -> None:
    make_stack(tmp_path)
    path = tmp_path / STACK_FILE
    content = path.read_bytes()
    for spoiled, told in (
        (b"", "is not a recording of this program"),
        (b"nothing" * 9, "is not a recording of this program"),
        (MAGIC + struct.pack("<II", 1 << 30, 0) + content[16:], "claims a header of"),
        (content[:20] + b"?" + content[21:], "is damaged at its beginning"),
        (content[: starts(content)[0]], "no frame in it is whole"),
        (header('{"version": 9}'), "has format 9, which this version does not know"),
        (header('{"version": 1}'), "makes no sense"),
        (header('{"version": 1, "width": 90000, "height": 2, "fps": 30, "device": ""}'), "makes no sense"),
        (header('{"version": 1, "width": 4, "height": 2, "fps": NaN, "device": ""}'), "makes no sense"),
    ):
        path.write_bytes(spoiled)
        with pytest.raises(SourceError, match=told):
            open_source(tmp_path)


def header(text: str) -> bytes:
    return MAGIC + struct.pack("<II", len(text), zlib.crc32(text.encode())) + text.encode()


def test_a_missing_calibration_is_told(tmp_path: Path) -> None:
    make_stack(tmp_path)
    (tmp_path / "calibration.json").unlink()
    with pytest.raises(SourceError, match="no calibration"):
        open_source(tmp_path)


def test_images_that_claim_to_be_huge_are_not_unpacked() -> None:
    huge = zstandard.ZstdCompressor().compress(bytes(1 << 24))
    with pytest.raises(UnreadableFrame, match="is not 32x24"):
        decode_depth(huge, (24, 32), "frame 3")
    frame = make_frame(0)
    record = encode_record(0, 0.0, frame.color, frame.depth_m)
    start = record.find(b"\xff\xd8\xff")
    size = record.find(b"\xff\xc0", start) + 5
    end = record.find(b"\xff\xd9", start) + 2
    forged = record[start:size] + struct.pack(">HH", 60000, 60000) + record[size + 4 : end]
    with pytest.raises(UnreadableFrame, match="claims a size of 60000x60000"):
        decode_color(forged, "frame 3")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of four frames."""
    make_stack(tmp_path_factory.mktemp("whole") / "take")
    return tmp_path_factory.getbasetemp() / "whole0" / "take"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_damage_is_more_than_a_source_error(whole: Path, tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray((whole / STACK_FILE).read_bytes())
    for _ in range(data.draw(st.integers(0, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    del content[data.draw(st.integers(0, len(content))) :]
    at = data.draw(st.integers(0, len(content)))
    content[at:at] = data.draw(st.sampled_from([b"", MARKER, MARKER * 30, b"\xff" * 100]))
    shutil.copy(whole / "calibration.json", tmp_path)
    (tmp_path / STACK_FILE).write_bytes(content)
    try:
        with open_source(tmp_path) as source:
            indices = [frame.index for frame in source]
    except SourceError:
        return
    assert indices == sorted(set(indices)) and set(indices) <= {0, 1, 2, 3}
