"""Recordings whose depth an Azure Kinect's own depth camera would have seen, and the demo as one of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyk4a
import pytest

from dphm_core import cli
from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.camera.k4a_calibration import DEPTH_WINDOWS, DepthMode
from dphm_core.camera.typical_kinect import DEPTH_CAMERA, DEPTH_TO_COLOR
from dphm_core.frames import FloatArray
from dphm_core.sources import open_source
from dphm_core.sources.mkv_writer import MkvWriter

RECORDINGS = Path(__file__).parents[2] / "recordings"
CAMERA = Intrinsics(1280, 720, 610, 611, 640, 360)
START_S = 1.5


def slope() -> FloatArray:
    """A wall that recedes from left to right, 0.5 to 0.7 m, with a hole."""
    depth = np.tile(np.linspace(0.5, 0.7, 1280, dtype=np.float32), (720, 1))
    depth[300:340, 600:660] = 0
    return depth


def write(path: Path, mode: DepthMode, fps: float = 30, camera: Intrinsics = CAMERA) -> Path:
    depth = slope()[: camera.height, : camera.width]
    with MkvWriter(path, camera, fps, mode) as writer:
        for index in range(3):
            color = np.full((*depth.shape, 3), (10, 90 + index, 200), np.uint8)
            writer.write(color, depth, START_S + index / fps)
    return path


@pytest.mark.parametrize("mode", DepthMode)
def test_the_sdk_plays_it_as_a_kinects_own(tmp_path: Path, mode: DepthMode) -> None:
    with pyk4a.PyK4APlayback(write(tmp_path / "made.mkv", mode)) as playback:
        told = playback.configuration
        assert told["depth_mode"].name == mode.name and told["color_resolution"].name == "RES_720P"
        matrix = playback.calibration.get_camera_matrix(pyk4a.CalibrationType.DEPTH)
        if mode is DepthMode.NFOV_UNBINNED:
            sees = [DEPTH_CAMERA.fx, DEPTH_CAMERA.fy, DEPTH_CAMERA.cx, DEPTH_CAMERA.cy]
            np.testing.assert_allclose(matrix[[0, 1, 0, 1], [0, 1, 2, 2]], sees, atol=1e-3)
        rotation, translation = playback.calibration.get_extrinsic_parameters(
            pyk4a.CalibrationType.DEPTH, pyk4a.CalibrationType.COLOR
        )
        np.testing.assert_allclose(rotation, DEPTH_TO_COLOR.rotation, atol=1e-6)
        np.testing.assert_allclose(translation.ravel(), DEPTH_TO_COLOR.translation_m, atol=1e-6)
        depth = playback.get_next_capture().depth
        assert depth.shape == DEPTH_WINDOWS[mode].size[::-1]
        assert depth[depth > 0].min() > 440 and depth.max() < 770  # its axis is turned up by 5 degrees


@pytest.mark.parametrize("mode", [DepthMode.NFOV_2X2BINNED, DepthMode.WFOV_UNBINNED])
def test_what_is_registered_again_is_what_was_there(tmp_path: Path, mode: DepthMode) -> None:
    with open_source(write(tmp_path / "made.mkv", mode)) as source:
        frames = list(source)
    assert [frame.index for frame in frames] == [0, 1, 2]
    for name in ("width", "height", "fx", "fy", "cx", "cy", "k"):
        assert getattr(frames[0].intrinsics, name) == pytest.approx(getattr(CAMERA, name), abs=1e-6)
    expected, seen = slope(), frames[2].depth_m > 0
    assert seen.mean() > 0.5 and not seen[310:330, 615:645].any()
    both = seen & (expected > 0)
    assert np.abs(frames[2].depth_m - expected)[both].max() < 0.0015
    assert frames[2].timestamp_s == pytest.approx(START_S + 2 / 30, abs=1e-6)
    assert frames[2].color is not None and np.abs(frames[2].color.astype(int) - (10, 92, 200)).max() < 6


def test_smaller_images_lie_in_the_corner(tmp_path: Path) -> None:
    small = replace(CAMERA, width=640, height=480, cx=320, cy=240)
    with open_source(write(tmp_path / "made.mkv", DepthMode.NFOV_2X2BINNED, camera=small)) as source:
        frame = next(source)
    assert frame.depth_m.shape == (720, 1280) and (frame.intrinsics.cx, frame.intrinsics.cy) == pytest.approx(
        (320, 240)
    )
    both = (frame.depth_m[:480, :640] > 0) & (slope()[:480, :640] > 0)
    assert both.mean() > 0.5
    assert np.abs(frame.depth_m[:480, :640] - slope()[:480, :640])[both].max() < 0.0015
    assert not frame.depth_m[490:].any() and not frame.depth_m[:, 650:].any()


def test_the_demo_is_there_in_this_format_too(tmp_path: Path) -> None:
    path = RECORDINGS / "demo.mkv"
    assert path.stat().st_size < 12e6
    with open_source(path) as source, open_source(RECORDINGS / "demo") as folder:
        assert (source.info.kind, source.info.length, source.info.fps) == ("mkv", 50, 30)
        for index in (0, 25, 49):
            source.seek(index)
            folder.seek(index)
            one, other = next(source), next(folder)
            assert one.index == other.index == index
            assert one.timestamp_s == pytest.approx(other.timestamp_s, abs=1e-5)
            assert one.color is not None and other.color is not None
            assert np.abs(one.color.astype(int) - other.color).mean() < 1
            both = (one.depth_m > 0) & (other.depth_m > 0)
            assert both.sum() > 0.8 * (other.depth_m > 0).sum()
            assert np.median(np.abs(one.depth_m - other.depth_m)[both]) < 0.0015


def test_a_folder_has_no_depth_mode(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "images"
    assert cli.main(["convert", str(RECORDINGS / "demo"), str(out), "--depth", "nfov-binned"]) == 2
    assert f"registered to colour and has no mode; give {out}.mkv, or leave it out" in capsys.readouterr().err
    assert not out.exists()


def test_the_command(tmp_path: Path) -> None:
    out = tmp_path / "out.mkv"
    arguments = ["convert", str(RECORDINGS / "demo"), str(out), "--depth", "wfov-binned", "--stop", "2"]
    assert cli.main(arguments) == 0
    with pyk4a.PyK4APlayback(out) as playback:
        assert playback.configuration["depth_mode"].name == "WFOV_2X2BINNED"
        assert playback.get_next_capture().depth.shape == (512, 512)
