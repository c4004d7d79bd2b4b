from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import pytest
from folder_recordings import CALIBRATION, HEIGHT, WIDTH, color_image, depth_image, make_recording, write_image

from dphm_core.errors import SourceError
from dphm_core.sources import open_source
from dphm_core.sources.folder_camera import parse_column

COLUMN = [15.5, 11.0, 30.0, 31.0, 0.5, -2.4, 1.4, 0.4, -2.3, 1.3]


def edit_calibration(folder: Path, **changes: object) -> None:
    kept = {name: value for name, value in (CALIBRATION | changes).items() if value is not None}
    (folder / "calibration.json").write_text(json.dumps({"color": kept}))


def write_meta(folder: Path, **changes: object) -> None:
    entry = {"timestamp_s": 0.0, "fx": 30.0, "fy": 30.0, "cx": 16.0, "cy": 12.0}
    entries = [entry | {"timestamp_s": 0.04 * i, "fx": 30.0 + i} for i in range(4)]
    meta = {"depth_unit_m": 0.0001, "width": WIDTH, "height": HEIGHT, "frames": entries} | changes
    (folder / "meta.json").write_text(json.dumps(meta))


def test_frames_have_registered_images_in_metres_and_rgb(tmp_path: Path) -> None:
    with open_source(make_recording(tmp_path / "anna_smile")) as source:
        frames = list(source)
    assert [frame.index for frame in frames] == [0, 1, 2, 3]
    assert source.info.kind == "folder" and source.info.label == "anna_smile"
    assert (source.info.fps, source.info.length, source.damaged) == (30.0, 4, 0)
    assert frames[3].timestamp_s == pytest.approx(0.1)
    np.testing.assert_array_equal(frames[2].color, color_image(2))
    assert frames[2].depth_m.dtype == np.float32
    np.testing.assert_allclose(frames[2].depth_m, depth_image(2) * 1e-3, rtol=1e-6)
    camera = frames[2].intrinsics
    assert (camera.width, camera.height, camera.fy, camera.k[0], camera.p[0]) == (WIDTH, HEIGHT, 31.0, 0.1, 0.001)
    assert camera.metric_radius == 1.7


def test_seek_goes_to_the_index_or_the_next_one(tmp_path: Path) -> None:
    source = open_source(make_recording(tmp_path, indices=[2, 3, 7]))
    assert source.info.length == 8
    for index, reached in ((3, 3), (4, 7), (0, 2), (-5, 2)):
        source.seek(index)
        assert next(source).index == reached
    source.seek(8)
    assert next(source, None) is None
    source.seek(7)
    assert next(source).timestamp_s == pytest.approx(7 / 30)


def test_jpeg_colour_and_depth_without_colour_are_read(tmp_path: Path) -> None:
    folder = make_recording(tmp_path)
    (folder / "color/00001.png").unlink()
    write_image(folder / "color/00001.jpg", color_image(1)[..., ::-1])
    (folder / "color/00002.png").unlink()
    frames = list(open_source(folder))
    assert frames[1].color is not None and frames[2].color is None
    np.testing.assert_allclose(frames[1].color, color_image(1), atol=12)


def test_damaged_frames_are_skipped_counted_and_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = make_recording(tmp_path, range(7))
    whole = (folder / "depth/00001.png").read_bytes()
    (folder / "depth/00001.png").write_bytes(whole[: len(whole) // 2])
    (folder / "color/00002.png").write_bytes(b"")
    (folder / "depth/00003.png").write_bytes(whole[:16] + b"\x7f\xff\xff\xff" * 2 + whole[24:])
    write_image(folder / "depth/00004.png", np.zeros((HEIGHT, WIDTH + 2), np.uint16))
    (folder / "color/00005.png").unlink()
    write_image(folder / "color/00005.jpg", color_image(5))
    jpeg = (folder / "color/00005.jpg").read_bytes()
    (folder / "color/00005.jpg").write_bytes(jpeg[: len(jpeg) // 2])
    source = open_source(folder)
    with caplog.at_level(logging.WARNING):
        assert [frame.index for frame in source] == [0, 6]
    assert source.damaged == 5
    assert len(caplog.records) == 5 and "claims a size of 2147483647x2147483647" in caplog.text


def test_meta_gives_unit_clock_and_a_camera_per_frame(tmp_path: Path) -> None:
    folder = make_recording(tmp_path)
    write_meta(folder)
    source = open_source(folder)
    frames = list(source)
    assert source.info.fps == pytest.approx(25, abs=0.01)
    assert [frame.intrinsics.fx for frame in frames] == [30, 31, 32, 33]
    assert frames[3].timestamp_s == pytest.approx(0.12)
    assert frames[0].depth_m[5, 5] == pytest.approx(0.05)


def test_real_capture_is_read(shared_data: Path) -> None:
    source = open_source(shared_data / "truedepth_mannequin")
    frame = next(source)
    assert source.info.length == 90 and 20 < source.info.fps < 40
    assert frame.color is not None and frame.color.shape == (320, 240, 3)
    assert 0.2 < np.median(frame.depth_m[150:200, 100:150]) < 0.5


def test_column_file_is_read_in_the_plausible_order(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "c00_color_intrinsic.txt"

    def read(*rest: float) -> dict[str, float]:
        path.write_text("\n".join(map(str, [*COLUMN, *rest])))
        return parse_column(path)

    caplog.set_level(logging.INFO)
    assert read()["k6"] == 1.3
    sdk = read(0, 0, -1.3e-4, 2e-4, 1.7)
    assert (sdk["p2"], sdk["p1"], sdk["metric_radius"]) == (-1.3e-4, 2e-4, 1.7)
    assert "codx cody p2 p1 metric_radius" in caplog.text
    guess = read(1.7, 2e-4, -1.3e-4)
    assert (guess["metric_radius"], guess["p1"], guess["p2"]) == (1.7, 2e-4, -1.3e-4)
    assert read(0, 0, -1.3e-4, 2e-4)["p1"] == 2e-4
    assert "p1" not in read(250.0, 3.0, 9.0)
    assert "no plausible order" in caplog.text


def test_recording_with_column_file(tmp_path: Path) -> None:
    folder = make_recording(tmp_path)
    (folder / "calibration.json").unlink()
    (folder / "camera").mkdir()
    (folder / "camera/c00_color_intrinsic.txt").write_text("\n".join(map(str, [*COLUMN, 1.7, 2e-4, -1e-4])))
    camera = open_source(folder).info.intrinsics
    assert (camera.cx, camera.fy, camera.k[5], camera.p) == (15.5, 31.0, 1.3, (2e-4, -1e-4))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("fx", -3.0),
        ("fy", "wide"),
        ("fx", None),
        ("cx", float("nan")),
        ("cy", 1e300),
        ("k1", True),
        ("width", WIDTH + 1),
        ("height", 0),
        ("cx", 2.0 * WIDTH),
    ],
)
def test_absurd_calibration_is_named(tmp_path: Path, field: str, value: object) -> None:
    folder = make_recording(tmp_path)
    edit_calibration(folder, **{field: value})
    with pytest.raises(SourceError, match=rf"calibration\.json.*'{field}'"):
        open_source(folder)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"depth_unit_m": 0}, "'depth_unit_m'"),
        ({"depth_unit_m": None}, "'depth_unit_m'"),
        ({"frames": []}, "'frames' has 0 entries"),
        ({"frames": 7}, "'frames' must be a list"),
        ({"frames": [{"fx": 1}] * 4}, "'fy' is missing"),
        ({"width": WIDTH - 1}, "'width' is 31"),
    ],
)
def test_absurd_meta_is_named(tmp_path: Path, changes: dict[str, object], complaint: str) -> None:
    folder = make_recording(tmp_path)
    write_meta(folder, **changes)
    with pytest.raises(SourceError, match=rf"meta\.json.*{complaint}"):
        open_source(folder)


@pytest.mark.parametrize("text", ["", "[1]", "{", '{"color": 3}', "[" * 100_000])
def test_malformed_json_is_reported(tmp_path: Path, text: str) -> None:
    folder = make_recording(tmp_path)
    (folder / "calibration.json").write_text(text)
    with pytest.raises(SourceError, match=r"calibration\.json"):
        open_source(folder)


def test_damaged_png_files_are_told_by_us_alone(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = make_recording(tmp_path, range(5))
    for index, harm in enumerate(
        [lambda c: c[:-4], lambda c: c[: len(c) // 2], lambda c: c[:60] + b"?" + c[61:], lambda c: c[:30]]
    ):
        path = folder / f"depth/{index:05d}.png"
        path.write_bytes(harm(path.read_bytes()))
    source = open_source(folder)
    assert [frame.index for frame in source] == [4] and source.damaged == 4
    assert "libpng" not in capfd.readouterr().err
