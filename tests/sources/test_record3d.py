"""Record3D's exports, written from what is known of the format."""

from __future__ import annotations

import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from folder_recordings import write_image

from dphm_core.errors import SourceError
from dphm_core.sources import open_source
from dphm_core.sources.base import UnreadableFrame
from dphm_core.sources.record3d import read_depth_m

WIDTH, HEIGHT = 24, 32
"""Of depth; colour has twice as many pixels each way."""
METADATA = {
    "w": 2 * WIDTH,
    "h": 2 * HEIGHT,
    "fps": 60,
    "K": [60, 0, 0, 0, 62, 0, 23.5, 31.5, 1],
    "frameTimestamps": [0.1, 0.12, 0.13],
    "perFrameIntrinsicCoeffs": [[60, 62, 23.5, 31.5], [61, 63, 23.5, 31.5], [60, 62, 23.5, 31.5]],
}


def depth_m(index: int) -> np.ndarray:
    """A slope with fractions of a millimetre, a hole and a NaN."""
    depth = (0.3 + index / 10 + np.arange(HEIGHT * WIDTH).reshape(HEIGHT, WIDTH) / 7777).astype(np.float32)
    depth[0, 0], depth[1, 1] = 0, np.nan
    return depth


def exr(depth: np.ndarray, *options: int) -> bytes:
    """An OpenEXR file with the one channel R, as the app writes it (OpenCV's own would be called Y)."""
    os.environ["OPENCV_IO_ENABLE_OPENEXR"] = "1"
    content = cv2.imencode(".exr", depth, options)[1].tobytes()
    return content.replace(b"chlist\0\x13\0\0\0Y\0", b"chlist\0\x13\0\0\0R\0", 1)


def make_export(folder: Path, **fields: object) -> Path:
    for index in range(3):
        (folder / "depth").mkdir(parents=True, exist_ok=True)
        (folder / f"depth/{index}.exr").write_bytes(exr(depth_m(index)))
        rows, columns = np.indices((2 * HEIGHT, 2 * WIDTH))
        write_image(folder / f"rgb/{index}.jpg", np.stack([rows, columns * 2, 0 * rows], -1).astype(np.uint8))
    (folder / "metadata.json").write_text(json.dumps(METADATA | fields))
    return folder


def test_frames_of_an_export(tmp_path: Path) -> None:
    make_export(tmp_path / "EXR_RGBD")
    with open_source(tmp_path) as source:
        assert (source.info.kind, source.info.length, source.info.fps) == ("record3d", 3, 60)
        frames = list(source)
    assert [frame.timestamp_s for frame in frames] == [0.1, 0.12, 0.13]
    assert frames[1].depth_m.dtype == np.float32
    np.testing.assert_array_equal(frames[1].depth_m, np.nan_to_num(depth_m(1)))
    assert frames[1].color.shape == (HEIGHT, WIDTH, 3)
    assert frames[1].color[20, 10, 2] == pytest.approx(40.5, abs=3)
    assert frames[1].color[20, 10, 1] == pytest.approx(41, abs=3)


def test_the_camera_is_that_of_the_depth_images(tmp_path: Path) -> None:
    with open_source(make_export(tmp_path)) as source:
        first, second, _ = (frame.intrinsics for frame in source)
    assert (first.width, first.height) == (WIDTH, HEIGHT)
    assert (first.fx, first.fy, first.cx, first.cy) == (30, 31, 11.5, 15.5)
    assert (second.fx, second.fy) == (30.5, 31.5)


def test_without_cameras_per_frame_the_matrix_is_taken(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with open_source(make_export(tmp_path, perFrameIntrinsicCoeffs=[[60, 62, 23.5, 31.5]])) as source:
        assert {frame.intrinsics.fx for frame in source} == {30}
    assert "'K' is taken for all frames" in caplog.text


def test_depth_as_png_is_in_millimetres(tmp_path: Path) -> None:
    make_export(tmp_path)
    for path in (tmp_path / "depth").iterdir():
        path.unlink()
        write_image(path.with_suffix(".png"), np.full((HEIGHT, WIDTH), 412, np.uint16))
    with open_source(tmp_path) as source:
        assert next(source).depth_m.max() == pytest.approx(0.412)


def test_half_precision_and_every_compression(tmp_path: Path) -> None:
    path = tmp_path / "0.exr"
    for compression in range(5):  # none, RLE, ZIPS, ZIP, PIZ
        path.write_bytes(exr(depth_m(0), cv2.IMWRITE_EXR_COMPRESSION, compression))
        np.testing.assert_array_equal(read_depth_m(path), np.nan_to_num(depth_m(0)))
    path.write_bytes(exr(depth_m(0), cv2.IMWRITE_EXR_TYPE, cv2.IMWRITE_EXR_TYPE_HALF))
    np.testing.assert_allclose(read_depth_m(path), np.nan_to_num(depth_m(0)), rtol=1e-3)


def test_damaged_depth_is_skipped_and_counted(tmp_path: Path) -> None:
    make_export(tmp_path)
    path = tmp_path / "depth/1.exr"
    path.write_bytes(path.read_bytes()[:500])
    with open_source(tmp_path) as source:
        assert [frame.index for frame in source] == [0, 2]
        assert source.damaged == 1


@pytest.mark.parametrize(
    ("patch", "complaint"),
    [
        (lambda content: b"", "is empty"),
        (lambda content: b"\x89PNG" + content, "not an OpenEXR file"),
        (lambda content: content[:60], "cut off"),
        (lambda content: content[:5] + b"\x02" + content[6:], "tiled"),
        (
            lambda content: content.replace(
                np.array([0, 0, WIDTH - 1, HEIGHT - 1], "<i4").tobytes(), np.array([0, 0, 2**30, 9], "<i4").tobytes()
            ),
            "claims a size of 1073741825x10",
        ),
    ],
)
def test_a_foreign_depth_file_is_told_before_it_is_decoded(tmp_path: Path, patch: object, complaint: str) -> None:
    path = tmp_path / "0.exr"
    path.write_bytes(patch(exr(depth_m(0))))
    with pytest.raises(UnreadableFrame, match=complaint):
        read_depth_m(path)


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"w": 4 * WIDTH}, "is for 96x64, but the depth images of 24x32 are cut otherwise"),
        ({"w": None}, "'w' must be a number"),
        ({"K": [], "perFrameIntrinsicCoeffs": []}, "'K' must be a list of nine numbers"),
        ({"perFrameIntrinsicCoeffs": [[1, 2]] * 3}, "must hold fx, fy, cx, cy"),
        ({"perFrameIntrinsicCoeffs": [[60, 62, 1e9, 31]] * 3}, "cannot be for images of 48x64"),
        ({"frameTimestamps": 3}, "must be a list of seconds"),
    ],
)
def test_an_absurd_metadata_file_is_told(tmp_path: Path, fields: dict[str, object], complaint: str) -> None:
    with pytest.raises(SourceError, match=complaint):
        open_source(make_export(tmp_path, **fields))


def test_the_apps_own_file_is_to_be_exported(tmp_path: Path) -> None:
    path = tmp_path / "video.r3d"
    path.write_bytes(b"PK")
    with pytest.raises(SourceError, match=r"export it from Record3D as 'EXR \+ JPG sequence'"):
        open_source(path)


def test_a_real_capture_is_the_same_in_this_layout(tmp_path: Path, shared_data: Path) -> None:
    with open_source(shared_data / "truedepth_mannequin") as source:
        wanted = next(source)
    camera = wanted.intrinsics
    matrix = [2 * camera.fx, 0, 0, 0, 2 * camera.fy, 0, 2 * camera.cx + 0.5, 2 * camera.cy + 0.5, 1]
    metadata = {"w": 2 * camera.width, "h": 2 * camera.height, "fps": 30, "K": matrix}
    write_image(tmp_path / "rgb/0.png", cv2.resize(wanted.color[..., ::-1], None, fx=2, fy=2, interpolation=0))
    (tmp_path / "depth").mkdir()
    (tmp_path / "depth/0.exr").write_bytes(exr(wanted.depth_m))
    (tmp_path / "metadata.json").write_text(json.dumps(metadata))
    with open_source(tmp_path) as source:
        frame = next(source)
    np.testing.assert_array_equal(frame.depth_m, wanted.depth_m)
    np.testing.assert_array_equal(frame.color, wanted.color)
    assert frame.intrinsics.fx == pytest.approx(camera.fx)
    assert frame.intrinsics.cx == pytest.approx(camera.cx)
