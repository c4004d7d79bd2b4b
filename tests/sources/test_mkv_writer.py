"""Recordings that the SDK's playback opens, with frames that stay what they were."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pyk4a
import pytest

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.errors import OutputError, SourceError
from dphm_core.frames import RGBDFrame
from dphm_core.sources import open_source
from dphm_core.sources.mkv_layout import choose_layout, parse_layout
from dphm_core.sources.mkv_writer import MkvWriter
from dphm_core.sources.stack_file import millimetres

CAMERA = Intrinsics(320, 240, 300, 301, 160.5, 119.25, k=(0.1, -2, 1, 0.4, -2, 1), p=(1e-4, -2e-4), metric_radius=1.7)


def made_frames(camera: Intrinsics, count: int, start_s: float = 1.5, fps: float = 30) -> list[RGBDFrame]:
    """Smooth pictures, and noisy depth with holes in the middle 200 columns; the second frame has no colour."""
    rng, size = np.random.default_rng(0), (camera.height, camera.width)
    frames = []
    for index in range(count):
        patches = rng.integers(0, 256, (3, 4, 3), dtype=np.uint8)
        picture = cv2.resize(patches, size[::-1], interpolation=cv2.INTER_LINEAR)
        depth = rng.integers(0, 65535, size).astype(np.uint16)
        middle = camera.width // 2
        depth[:, : middle - 100] = depth[:, middle + 100 :] = 0
        depth_m = depth.astype(np.float32) * np.float32(0.001)
        color = None if index == 1 else np.asarray(picture, dtype=np.uint8)
        frames.append(RGBDFrame(index, start_s + index / fps, color, depth_m, camera))
    return frames


def write(path: Path, frames: Sequence[RGBDFrame], fps: float = 30) -> Path:
    with MkvWriter(path, frames[0].intrinsics, fps) as writer:
        for frame in frames:
            writer.write(frame.color, frame.depth_m, frame.timestamp_s)
    return path


def assert_same(frames: Sequence[RGBDFrame], path: Path) -> None:
    """The source reads these frames: depth bit by bit, colour as near as a JPEG."""
    with open_source(path) as source:
        read = list(source)
    assert [frame.index for frame in read] == [frame.index for frame in frames]
    for one, other in zip(frames, read, strict=True):
        assert other.timestamp_s == pytest.approx(one.timestamp_s, abs=1e-6)
        np.testing.assert_array_equal(one.depth_m, other.depth_m)
        assert (one.color is None) == (other.color is None)
        if one.color is not None and other.color is not None:
            assert one.color.shape == other.color.shape
            assert np.abs(one.color.astype(int) - other.color).mean() < 2
        assert other.intrinsics.metric_radius == one.intrinsics.metric_radius
        for name in ("width", "height", "fx", "fy", "cx", "cy", "k", "p"):
            assert getattr(other.intrinsics, name) == pytest.approx(getattr(one.intrinsics, name), rel=1e-9)


def test_the_sdk_plays_it(tmp_path: Path) -> None:
    frames = made_frames(CAMERA, 4)
    with pyk4a.PyK4APlayback(write(tmp_path / "made.mkv", frames)) as playback:
        told = playback.configuration
        assert (told["camera_fps"].name, told["depth_mode"].name) == ("FPS_30", "NFOV_UNBINNED")
        assert (told["color_format"].name, told["color_resolution"].name) == ("COLOR_MJPG", "RES_720P")
        for kind in (pyk4a.CalibrationType.DEPTH, pyk4a.CalibrationType.COLOR):
            matrix = playback.calibration.get_camera_matrix(kind)
            assert matrix[[0, 1, 0, 1], [0, 1, 2, 2]] == pytest.approx((300, 301, 160.5, 119.25), abs=1e-3)
        rotation, translation = playback.calibration.get_extrinsic_parameters(
            pyk4a.CalibrationType.DEPTH, pyk4a.CalibrationType.COLOR
        )
        np.testing.assert_array_equal(rotation, np.eye(3))
        assert not np.any(translation)
        for frame in frames:
            capture = playback.get_next_capture()
            assert capture.depth_timestamp_usec == round(frame.timestamp_s * 1e6)
            assert capture.depth.shape == (576, 640)
            np.testing.assert_array_equal(capture.depth[:240, :320], millimetres(frame.depth_m))
            assert not capture.depth[240:].any() and not capture.depth[:, 320:].any()
            if frame.color is not None:
                assert capture.color_timestamp_usec == capture.depth_timestamp_usec
                picture = cv2.imdecode(capture.color, cv2.IMREAD_COLOR)[:240, :320, ::-1]
                assert np.abs(picture.astype(int) - frame.color).mean() < 2
        with pytest.raises(EOFError):
            playback.get_next_capture()


@pytest.mark.parametrize("size", [(320, 240), (1000, 700), (1280, 720)])
def test_frames_stay_what_they_were(tmp_path: Path, size: tuple[int, int]) -> None:
    camera = replace(CAMERA, width=size[0], height=size[1], cx=size[0] / 2, cy=size[1] / 2)
    frames = made_frames(camera, 3)
    assert_same(frames, write(tmp_path / "made.mkv", frames))


def test_an_own_rate_a_date_as_clock_and_no_radius(tmp_path: Path) -> None:
    frames = made_frames(replace(CAMERA, metric_radius=None), 4, start_s=1.7e9, fps=12)
    path = write(tmp_path / "made.mkv", frames, fps=12)
    assert_same(frames, path)
    with open_source(path) as source:
        assert source.info.fps == 12 and source.info.length == 4
        source.seek(2)
        assert next(source).index == 2


def test_what_has_no_room_is_thinned_out(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    camera = replace(CAMERA, width=1920, height=1080, cx=960, cy=540)
    (frame,) = made_frames(camera, 1)
    with open_source(write(tmp_path / "made.mkv", [frame])) as source:
        depth = next(source).depth_m
    np.testing.assert_array_equal(depth[::2, ::2], frame.depth_m[::2, ::2])
    np.testing.assert_array_equal(depth[1::2, 1::2], frame.depth_m[::2, ::2])
    assert "1/2 of its resolution" in caplog.text


def test_depth_beyond_the_room_is_counted(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    camera = replace(CAMERA, width=1280, height=720, cx=640, cy=360)
    first, second = made_frames(camera, 2)
    second.depth_m[5, 3] = second.depth_m[6, 1270] = 1
    write(tmp_path / "made.mkv", [first, second])
    assert "2 depth pixels" in caplog.text


def test_what_the_format_cannot_hold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="at most 30 frames per second"):
        MkvWriter(tmp_path / "a.mkv", CAMERA, 60)
    wide = replace(CAMERA, width=5000)
    with pytest.raises(OutputError, match="5000x240 have no room"):
        write(tmp_path / "b.mkv", made_frames(wide, 1))
    late = made_frames(CAMERA, 2)
    with pytest.raises(OutputError, match="not later"):
        write(tmp_path / "c.mkv", [late[0], late[0]])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("width", 0),
        ("width", 10**9),
        ("left", -1),
        ("step", 0),
        ("fps", float("nan")),
        ("top", "x"),
        ("clock_s", 1e300),
    ],
)
def test_absurd_layouts_are_refused(name: str, value: object) -> None:
    layout = choose_layout(np.ones((240, 320), np.uint16), 30)
    calibration = layout.calibration(CAMERA).decode()
    assert parse_layout(calibration) == layout
    document = json.loads(calibration)
    document["DphmLayout"][name] = value
    with pytest.raises(SourceError, match="layout of its frames"):
        parse_layout(json.dumps(document))
