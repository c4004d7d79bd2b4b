"""Preprocessed sequences without depth images open as what they were made of."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies
from sequences import make_sequence, save_array

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.camera.rays import unproject
from dphm_core.errors import SourceError
from dphm_core.files import read_npy
from dphm_core.sources import open_source
from dphm_core.sources.points_folder import draw_depth

CAMERA = Intrinsics(width=48, height=32, fx=60, fy=60, cx=24, cy=16, k=(0.1, -0.05, 0, 0, 0, 0))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Frames 2 and 5 of the demo, as points alone."""
    made = make_sequence(tmp_path / "s", [2, 5])
    with open_source(made) as source:
        for frame in source:
            points = unproject(frame.depth_m, frame.intrinsics).reshape(-1, 3)
            save_array(made / "points" / f"{frame.index:05d}.npy", points[points[:, 2] > 0])
    (made / "depth").rename(tmp_path / "depth")
    return made


def test_frames_are_those_of_the_depth_images(folder: Path, tmp_path: Path) -> None:
    whole = make_sequence(tmp_path / "whole", [2, 5])
    with open_source(folder) as source, open_source(whole) as expected:
        assert source.info.kind == "points"
        assert source.info.length == expected.info.length == 6
        assert source.count(range(6)) == 2
        for frame, other in zip(source, expected, strict=True):
            assert (frame.index, frame.timestamp_s) == (other.index, other.timestamp_s)
            assert frame.intrinsics == other.intrinsics
            assert (frame.color == other.color).all()
            assert np.array_equal(frame.depth_m, other.depth_m)
        source.seek(3)
        assert next(source).index == 5


def test_points_new_come_first(folder: Path) -> None:
    for index in (2, 5):
        save_array(folder / "points_new" / f"{index:05d}.npy", np.array([[0, 0, 0.5]], np.float32))
    with open_source(folder) as source:
        assert (next(source).depth_m > 0).sum() == 1


def test_the_nearest_point_of_a_pixel_counts() -> None:
    points = np.array(
        [[0, 0, 0.6], [0, 0, 0.5], [0, 0, 0.7], [9, 0, 0.5], [0, 0, -1], [np.nan, 0, 1], [0, np.inf, 1]], np.float32
    )
    depth = draw_depth(points, CAMERA)
    assert depth[16, 24] == np.float32(0.5)
    assert (depth > 0).sum() == 1
    assert not draw_depth(np.zeros((0, 3), np.float32), CAMERA).any()


def test_distorted_pixels_come_back() -> None:
    depth = np.random.default_rng(0).uniform(0.4, 0.8, (32, 48)).astype(np.float32)
    points = unproject(depth, CAMERA).reshape(-1, 3)
    assert np.array_equal(draw_depth(points, CAMERA), depth)


@pytest.mark.parametrize(
    "content", [b"", b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999, 3), }\n"]
)
def test_damaged_points_are_skipped_and_counted(folder: Path, content: bytes) -> None:
    (folder / "points" / "00002.npy").write_bytes(content)
    with open_source(folder) as source:
        assert [frame.index for frame in source] == [5]
        assert source.damaged == 1


@settings(max_examples=400, deadline=None, derandomize=True)
@given(strategies.data())
def test_damaged_arrays_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: strategies.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.npy"
    np.save(path, np.ones((20, 3), np.float32))
    content = bytearray(path.read_bytes()[: data.draw(strategies.integers(0, 400))])
    for _ in range(data.draw(strategies.integers(0, 4)) if content else 0):
        content[data.draw(strategies.integers(0, len(content) - 1))] = data.draw(strategies.integers(0, 255))
    path.write_bytes(content)
    try:
        assert read_npy(path, (None, 3)).shape[1:] == (3,)
    except ValueError as refused:
        assert str(refused)


def test_a_header_that_never_ends_is_refused(tmp_path: Path) -> None:
    save_array(tmp_path / "x.npy", np.ones((20, 3), np.float32))
    (tmp_path / "x.npy").write_bytes((tmp_path / "x.npy").read_bytes().replace(b")", b"(", 1))
    with pytest.raises(ValueError, match="damaged"):
        read_npy(tmp_path / "x.npy", (None, 3))


def test_what_is_missing_is_told(folder: Path) -> None:
    (folder / "calibration.json").rename(folder / "other.json")
    with pytest.raises(SourceError, match="no calibration"):
        open_source(folder)
    shutil.rmtree(folder / "color")
    with pytest.raises(SourceError, match="no readable image in 'color/'"):
        open_source(folder)
    shutil.rmtree(folder / "points")
    (folder / "points").mkdir()
    with pytest.raises(SourceError, match="holds no points"):
        open_source(folder)
