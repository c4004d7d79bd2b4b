from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.errors import OutputError
from dphm_core.sources import open_source
from dphm_core.sources.writer import FolderWriter

CAMERA = Intrinsics(32, 24, 30, 31, 15.5, 11, k=(0.1, -2, 1, 0.4, -2, 1), p=(1e-4, -2e-4), metric_radius=1.7)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    color = rng.integers(0, 256, (24, 32, 3), dtype=np.uint8)
    depth_m = rng.uniform(0.3, 0.9, (24, 32)).astype(np.float32)
    depth_m[3, 4:8] = 0, np.nan, 70, -1
    with FolderWriter(tmp_path / "new/take", CAMERA, fps=15) as writer:
        for timestamp in (10.0, 10.07, 10.2):
            writer.write(None if timestamp == 10.07 else color, depth_m, timestamp)
    source = open_source(tmp_path / "new/take")
    frames = list(source)
    assert source.info.fps == 15 and source.info.intrinsics == CAMERA
    assert [frame.timestamp_s for frame in frames] == [10.0, 10.07, 10.2]
    np.testing.assert_array_equal(frames[2].color, color)
    assert frames[1].color is None
    assert not frames[0].depth_m[3, 4:8].any()
    valid = frames[0].depth_m > 0
    assert valid.sum() == 24 * 32 - 4
    np.testing.assert_allclose(frames[0].depth_m[valid], depth_m[valid], atol=0.00051)


def test_an_interrupted_recording_is_readable(tmp_path: Path) -> None:
    writer = FolderWriter(tmp_path, CAMERA, fps=15)
    writer.write(np.zeros((24, 32, 3), np.uint8), np.ones((24, 32), np.float32), 3.0)
    assert next(open_source(tmp_path)).timestamp_s == 0.0


def test_another_recording_is_not_overwritten(tmp_path: Path) -> None:
    with FolderWriter(tmp_path, CAMERA, 30) as writer:
        writer.write(None, np.ones((24, 32), np.float32), 0.0)
    with pytest.raises(OutputError, match="already holds"):
        FolderWriter(tmp_path, CAMERA, 30)


def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be made"):
        FolderWriter(tmp_path / "file", CAMERA, 30)


def test_frame_of_another_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        FolderWriter(tmp_path, CAMERA, 30).write(None, np.ones((5, 5), np.float32), 0.0)
