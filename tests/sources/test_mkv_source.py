from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pyk4a
import pytest
from k4a_recording import RecordedImages, record

from dphm_core import cli
from dphm_core.errors import SourceError
from dphm_core.sources import mkv, open_source
from dphm_core.sources.mkv import COLOR_ONLY, DEPTH_ONLY

PERIOD_USEC = 33_333
START_USEC = 100_000
FLAT_MM = 600


@pytest.fixture(scope="session")
def calibration(shared_data: Path) -> bytes:
    return (shared_data / "azure_kinect_desk/calibration_raw.json").read_bytes()


def picture() -> np.ndarray:
    """(720, 1280, 3) uint8, RGB: flat patches, which survive every colour format."""
    image = np.zeros((720, 1280, 3), np.uint8)
    image[:, :640] = 200, 40, 60
    image[360:, 640:] = 30, 160, 220
    return image


def encoded(color_format: str) -> np.ndarray:
    """`picture` as the camera would send it."""
    rgb = picture()
    if color_format == "COLOR_MJPG":
        return cv2.imencode(".jpg", rgb[..., ::-1])[1].ravel()
    if color_format == "COLOR_BGRA32":
        return cv2.cvtColor(rgb, cv2.COLOR_RGB2BGRA)
    planes = cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420)
    y = planes[:720]
    u, v = planes[720:900].reshape(360, 640), planes[900:].reshape(360, 640)
    chroma = np.stack([u, v], axis=-1)  # (360, 640, 2)
    if color_format == "COLOR_NV12":
        return np.concatenate([y, chroma.reshape(360, 1280)])
    return np.stack([y, chroma.repeat(2, axis=0).reshape(720, 1280)], axis=-1)


def capture(index: int, color: np.ndarray | None, depth: bool = True) -> RecordedImages:
    plane = np.full((576, 640), FLAT_MM + index, np.uint16) if depth else None
    return RecordedImages(START_USEC + index * PERIOD_USEC + 300 * (index % 3), color, plane)


@pytest.fixture(scope="session")
def gaps(tmp_path_factory: pytest.TempPathFactory, calibration: bytes) -> Path:
    """Recording of captures 0..9: 0 and 4 have no depth, 3 has no colour, 6 was never written."""
    path = tmp_path_factory.mktemp("mkv") / "gaps.mkv"
    color = encoded("COLOR_MJPG")
    captures = [capture(i, None if i == 3 else color, i not in (0, 4)) for i in range(10) if i != 6]
    record(path, calibration, captures)
    return path


def test_indices_follow_the_clock_over_gaps(gaps: Path) -> None:
    with open_source(gaps) as source:
        frames = list(source)
        assert [frame.index for frame in frames] == [0, 1, 2, 4, 6, 7, 8]
        assert (source.info.kind, source.info.fps, source.info.length, source.damaged) == ("mkv", 30, 9, 1)
        assert [frame.color is None for frame in frames] == [False, False, True, False, False, False, False]
        seconds = [frame.timestamp_s for frame in frames]
        np.testing.assert_allclose(np.diff(seconds)[:2], PERIOD_USEC * 1e-6, atol=1e-3)


def test_seek_goes_to_the_index_or_the_next_one(gaps: Path) -> None:
    with open_source(gaps) as source:
        for index, reached in ((7, 7), (0, 0), (3, 4), (5, 6), (2, 2), (-3, 0)):
            source.seek(index)
            assert next(source).index == reached
        source.seek(100)
        assert next(source, None) is None


def test_going_back_frame_by_frame_gives_the_same_bytes(gaps: Path) -> None:
    with open_source(gaps) as source:
        frames = list(source)
        for frame in reversed(frames):
            source.seek(frame.index)
            again = next(source)
            assert (again.index, again.timestamp_s) == (frame.index, frame.timestamp_s)
            assert again.depth_m.tobytes() == frame.depth_m.tobytes()
            assert (again.color is None) == (frame.color is None)
            assert again.color is None or again.color.tobytes() == frame.color.tobytes()


def test_depth_is_registered_to_colour(gaps: Path) -> None:
    with open_source(gaps) as source:
        frame = next(source)
    assert frame.depth_m.shape == (720, 1280) and frame.depth_m.dtype == np.float32
    assert (frame.intrinsics.width, frame.intrinsics.height) == (1280, 720)
    seen = frame.depth_m > 0
    assert 0.3 < seen.mean() < 0.9
    # The colour camera looks down by 6 degrees on what is a plane to the depth camera.
    assert abs(np.median(frame.depth_m[seen]) - 0.6) < 0.05
    assert np.ptp(frame.depth_m[seen]) > 0.05


@pytest.mark.parametrize("color_format", ["COLOR_MJPG", "COLOR_NV12", "COLOR_YUY2", "COLOR_BGRA32"])
def test_every_colour_format(tmp_path: Path, calibration: bytes, color_format: str) -> None:
    path = tmp_path / "colour.mkv"
    record(path, calibration, [capture(0, encoded(color_format))], color_format)
    with open_source(path) as source:
        color = next(source).color
    assert color is not None and color.shape == (720, 1280, 3)
    inner = np.ones((720, 1280), bool)
    inner[350:370] = inner[:, 630:650] = False
    np.testing.assert_allclose(color[inner].astype(int), picture()[inner].astype(int), atol=6)


def test_damaged_colour_is_skipped(tmp_path: Path, calibration: bytes) -> None:
    path = tmp_path / "damaged.mkv"
    whole = encoded("COLOR_MJPG")
    record(path, calibration, [capture(0, whole[:500]), capture(1, whole)])
    with open_source(path) as source:
        assert [frame.index for frame in source] == [1]
        assert source.damaged == 1


def test_recording_without_colour_has_the_depth_camera(tmp_path: Path, calibration: bytes) -> None:
    path = tmp_path / "depth_only.mkv"
    record(path, calibration, [capture(0, None), capture(1, None)], color_resolution=0)
    with open_source(path) as source:
        frames = list(source)
    assert len(frames) == 2 and frames[1].color is None
    assert source.info.kind == DEPTH_ONLY
    assert frames[1].depth_m.shape == (576, 640) and (frames[1].depth_m == np.float32(0.601)).all()


@pytest.mark.parametrize("depth_mode", [0, 2], ids=["no depth track", "a depth track without images"])
def test_colour_alone_can_be_shown(
    tmp_path: Path, calibration: bytes, depth_mode: int, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "colour.mkv"
    captures = [capture(i, encoded("COLOR_MJPG"), depth=False) for i in (0, 1, 3)]
    record(path, calibration, captures, depth_mode=depth_mode)
    with open_source(path) as source:
        frames = list(source)
        source.seek(2)
        assert next(source).index == 3
    assert source.info.kind == COLOR_ONLY and source.info.length == 4
    assert [frame.index for frame in frames] == [0, 1, 3]
    for frame in frames:
        assert frame.color is not None and frame.color.shape == (720, 1280, 3)
        assert frame.depth_m.shape == (720, 1280) and not frame.depth_m.any()
        assert frame.intrinsics.fx == pytest.approx(611.8, abs=0.1)
    assert frames[2].timestamp_s - frames[0].timestamp_s == pytest.approx(0.1, abs=1e-3)
    assert [record.getMessage() for record in caplog.records] == [
        "colour.mkv has no depth: it can be shown, but no head can be tracked in it"
    ]


def test_colour_alone_is_converted_but_not_tracked(
    tmp_path: Path, calibration: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "colour.mkv"
    record(path, calibration, [capture(i, encoded("COLOR_MJPG"), depth=False) for i in range(2)], depth_mode=0)
    assert cli.main(["track", str(path), "--out", str(tmp_path / "out")]) == 2
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("dphm track: ")]
    assert len(told) == 1 and "colour.mkv has no depth, and tracking needs both depth and colour; " in told[0]
    assert not (tmp_path / "out").exists()
    assert cli.main(["convert", str(path), str(tmp_path / "images")]) == 0
    with open_source(tmp_path / "images") as source:
        frame = next(source)
    assert frame.color is not None and np.abs(frame.color[:300, :600].astype(int) - (200, 40, 60)).max() < 6


def test_depth_alone_is_not_tracked(tmp_path: Path, calibration: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "depth.mkv"
    record(path, calibration, [capture(i, None) for i in range(2)], color_resolution=0)
    assert cli.main(["track", str(path), "--out", str(tmp_path / "out")]) == 2
    assert "depth.mkv has no colour, and tracking needs both" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_infrared_alone_is_refused(tmp_path: Path, calibration: bytes) -> None:
    path = tmp_path / "infrared.mkv"
    pictures = [RecordedImages(33_333 * i, None, None, np.full((1024, 1024), 99, np.uint16)) for i in range(2)]
    record(path, calibration, pictures, color_resolution=0, depth_mode=int(pyk4a.DepthMode.PASSIVE_IR))
    with pytest.raises(SourceError, match=r"infrared\.mkv has neither depth nor colour"):
        open_source(path)


def test_depth_that_ends_early_is_read_up_to_there(
    tmp_path: Path, calibration: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mkv, "MAX_BLANK_CAPTURES", 3)
    path = tmp_path / "early.mkv"
    record(path, calibration, [capture(i, encoded("COLOR_MJPG"), i < 2) for i in range(8)])
    with open_source(path) as source:
        assert [frame.index for frame in source] == [0, 1]
        assert source.damaged == 6 and source.info.kind == "mkv" and source.info.length in (8, 9)


def test_without_any_image_nothing_is_readable(tmp_path: Path, calibration: bytes) -> None:
    path = tmp_path / "nothing.mkv"
    record(path, calibration, [capture(0, None, depth=False)])
    with pytest.raises(SourceError, match=r"nothing\.mkv is cut off or damaged \(.+\), and nothing in it is whole"):
        open_source(path)


@pytest.mark.parametrize("damage", [b'{"CalibrationInformation": {}}', b"not even JSON", b"[]"])
def test_a_calibration_beside_the_file_stands_in_for_a_damaged_one(
    tmp_path: Path, calibration: bytes, damage: bytes
) -> None:
    path = tmp_path / "broken.mkv"
    record(path, damage, [capture(i, encoded("COLOR_MJPG")) for i in range(2)])
    with pytest.raises(SourceError, match=r"broken\.mkv: its calibration is damaged; put .*broken\.calibration\.json"):
        open_source(path)
    beside = tmp_path / "broken.calibration.json"
    beside.write_bytes(calibration)
    record(tmp_path / "whole.mkv", calibration, [capture(i, encoded("COLOR_MJPG")) for i in range(2)])
    with open_source(path) as source, open_source(tmp_path / "whole.mkv") as whole:
        assert source.info.intrinsics == whole.info.intrinsics
        for one, other in zip(source, whole, strict=True):
            np.testing.assert_array_equal(one.depth_m, other.depth_m)
    beside.write_text("{}")
    with pytest.raises(SourceError, match=r"broken\.mkv: Azure Kinect calibration lacks .*; put the one of another"):
        open_source(path)


def test_real_recording(shared_data: Path) -> None:
    with open_source(shared_data / "azure_kinect_desk/recording.mkv") as source:
        frame = next(source)
        assert next(source, None) is None
        source.seek(0)
        assert next(source).index == 0
    assert frame.color is not None and frame.color.shape == (720, 1280, 3)
    assert frame.timestamp_s == pytest.approx(0.800222)
    assert frame.intrinsics.fx == pytest.approx(611.8, abs=0.1)
    expected = cv2.imread(str(shared_data / "azure_kinect_desk/sdk_depth_in_color.png"), cv2.IMREAD_UNCHANGED) * 1e-3
    both = (expected > 0) & (frame.depth_m > 0)
    assert both.sum() > 0.95 * (expected > 0).sum()
    assert np.median(np.abs(frame.depth_m[both] - expected[both])) < 0.001


def test_closed_recording_has_ended(gaps: Path) -> None:
    source = open_source(gaps)
    source.close()
    source.close()
    assert next(source, None) is None


def test_files_that_are_no_recording(tmp_path: Path) -> None:
    for content, complaint in ((b"", "empty file"), (b"no frames at all", "not a Matroska file")):
        path = tmp_path / "broken.mkv"
        path.write_bytes(content)
        with pytest.raises(SourceError, match=complaint):
            open_source(path)


def test_of_a_recording_that_was_cut_off_the_rest_is_read(
    tmp_path: Path, calibration: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "cut.mkv"
    record(path, calibration, [capture(i, encoded("COLOR_MJPG")) for i in range(8)])
    path.write_bytes(path.read_bytes()[:-200_000])
    with open_source(path) as source:
        assert [frame.index for frame in source] == list(range(7))
        source.seek(3)
        assert next(source).index == 3
    assert "cut off or damaged" in caplog.text and "up to 7 frames" in caplog.text


@pytest.mark.parametrize("size", [100, 1000, 800_000])
def test_a_cut_recording_is_an_error_not_a_crash(tmp_path: Path, shared_data: Path, size: int) -> None:
    path = tmp_path / "cut.mkv"
    path.write_bytes((shared_data / "azure_kinect_desk/recording.mkv").read_bytes()[:size])
    with pytest.raises(SourceError, match=r"cut\.mkv is (no Kinect recording|cut off or damaged \(.+\))"):
        open_source(path)
