"""Live Link Face's table, read back by column names, with rotations and times that are known; the original's file."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dphm_core import cli
from dphm_core.errors import SettingError
from dphm_core.export.arkit_livelink import COLUMNS, frame_rate, head_angles, livelink_bytes, timecode
from dphm_core.export.codes import Codes, official_bytes
from dphm_core.export.convention import Convention
from dphm_core.export.export import export_track
from dphm_core.export.options import Axes, ExportOptions
from dphm_core.output.saved_track import SavedTrack
from dphm_core.tracking.offline.track_file import read_tracking_file

HEADER = (
    "Timecode,BlendshapeCount,EyeBlinkLeft,EyeLookDownLeft,EyeLookInLeft,EyeLookOutLeft,EyeLookUpLeft,EyeSquintLeft,"
    "EyeWideLeft,EyeBlinkRight,EyeLookDownRight,EyeLookInRight,EyeLookOutRight,EyeLookUpRight,EyeSquintRight,"
    "EyeWideRight,JawForward,JawRight,JawLeft,JawOpen,MouthClose,MouthFunnel,MouthPucker,MouthRight,MouthLeft,"
    "MouthSmileLeft,MouthSmileRight,MouthFrownLeft,MouthFrownRight,MouthDimpleLeft,MouthDimpleRight,MouthStretchLeft,"
    "MouthStretchRight,MouthRollLower,MouthRollUpper,MouthShrugLower,MouthShrugUpper,MouthPressLeft,MouthPressRight,"
    "MouthLowerDownLeft,MouthLowerDownRight,MouthUpperUpLeft,MouthUpperUpRight,BrowDownLeft,BrowDownRight,BrowInnerUp,"
    "BrowOuterUpLeft,BrowOuterUpRight,CheekPuff,CheekSquintLeft,CheekSquintRight,NoseSneerLeft,NoseSneerRight,"
    "TongueOut,HeadYaw,HeadPitch,HeadRoll,LeftEyeYaw,LeftEyePitch,LeftEyeRoll,RightEyeYaw,RightEyePitch,RightEyeRoll"
)
"""As the app writes it."""
HEAD = ("HeadYaw", "HeadPitch", "HeadRoll")
NAMELESS = np.array([], dtype=np.str_)


def rows_of(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode())))


def test_the_columns_are_the_apps() -> None:
    assert ",".join(COLUMNS) == HEADER
    assert len(COLUMNS) == 2 + 61


@pytest.mark.parametrize("axes", ["opencv", "y-up", "z-up"])
def test_a_table_reads_back(saved: SavedTrack, axes: Axes) -> None:
    """Whatever axes the rest of the export is in, this table has its own."""
    rows = rows_of(livelink_bytes(Codes.of(saved.track, [0, 1, 2], Convention("head", axes, "mm"))))
    assert len(rows) == 2  # frame 4 has no head
    names = saved.track.expression_names.tolist()
    for row, track_row in zip(rows, (0, 2), strict=True):
        assert row["BlendshapeCount"] == "61"
        code = dict(zip(names, saved.track.expression_codes[track_row].tolist(), strict=True))
        for column, source in (
            ("JawOpen", "jawOpen"),
            ("EyeBlinkLeft", "eyeBlink_L"),
            ("MouthSmileRight", "mouthSmile_R"),
        ):
            assert float(row[column]) == pytest.approx(code[source], abs=1e-7)
        assert all(float(row[name]) == 0 for name in ("TongueOut", "EyeLookUpLeft", "LeftEyeYaw", "RightEyeRoll"))
        assert all(re.fullmatch(r"-?\d+\.\d+", row[name]) for name in COLUMNS[2:])
    assert [float(rows[0][angle]) for angle in HEAD] == pytest.approx([0, 0, 0], abs=1e-6)
    # frame 7 is turned by half a radian to the subject's left
    assert [float(rows[1][angle]) for angle in HEAD] == pytest.approx([0.5, 0, 0], abs=1e-6)


@pytest.mark.parametrize(
    ("angles", "nose", "left_ear"),
    [
        ((0.3, 0, 0), [1, 0, 1], [1, 0, -1]),  # to the subject's left
        ((0, 0.3, 0), [0, -1, 1], [1, 0, 0]),  # down
        ((0, 0, 0.3), [0, 0, 1], [1, 1, 0]),  # left ear up
    ],
)
def test_the_signs_of_the_angles(angles: tuple[float, ...], nose: list[int], left_ear: list[int]) -> None:
    """Where nose (z) and left ear (x) of a head that looked into the camera (y up) go."""
    turned = Rotation.from_euler("YXZ", angles).as_matrix()
    assert np.sign(np.round(turned @ [0, 0, 1], 9)).tolist() == nose
    assert np.sign(np.round(turned @ [1, 0, 0], 9)).tolist() == left_ear
    np.testing.assert_allclose(head_angles(turned[None]), [angles], atol=1e-9)


def test_any_rotation_comes_back() -> None:
    angles = np.random.default_rng(0).uniform(-1.4, 1.4, (50, 3))
    np.testing.assert_allclose(head_angles(Rotation.from_euler("YXZ", angles).as_matrix()), angles, atol=1e-9)
    assert np.isnan(head_angles(np.full((1, 3, 3), np.nan))).all()


@pytest.mark.parametrize(
    ("time_s", "fps", "told"),
    [
        (0.0, 30, "00:00:00:00.000"),
        (0.5, 30, "00:00:00:15.000"),
        (3661.25, 60, "01:01:01:15.000"),
        (1 / 90, 30, "00:00:00:00.333"),
        (0.9999999, 30, "00:00:01:00.000"),
        (59.99999999, 29.97, "00:01:00:00.000"),
        (1.999, 29.97, "00:00:01:29.940"),
        (86400 + 5.0, 30, "00:00:05:00.000"),
    ],
)
def test_timecodes(time_s: float, fps: float, told: str) -> None:
    assert timecode(time_s, fps) == told


def test_timecodes_read_back_as_times() -> None:
    for time_s in np.random.default_rng(0).uniform(0, 80_000, 200):
        hours, minutes, seconds, frames = timecode(float(time_s), 29.97).split(":")
        again = int(hours) * 3600 + int(minutes) * 60 + int(seconds) + float(frames) / 29.97
        assert again == pytest.approx(time_s, abs=2e-5)


def test_the_frame_rate_is_the_recordings(saved: SavedTrack) -> None:
    track = replace(saved.track, frame_index=np.array([0, 2, 4]), timestamp_s=np.array([5.0, 5.1, 5.2]))
    assert frame_rate(track) == 20
    assert frame_rate(Codes.of(track, [1], Convention()).track) == 30
    assert rows_of(livelink_bytes(Codes.of(track, [0, 2], Convention())))[1]["Timecode"] == "00:00:05:04.000"


def test_a_model_without_names_is_refused_in_one_line(saved: SavedTrack, tmp_path: Path) -> None:
    nameless = replace(saved, track=replace(saved.track, expression_names=NAMELESS))
    with pytest.raises(SettingError, match="no named shapes"):
        export_track(nameless, tmp_path / "out", ExportOptions(meshes="none", codes="livelink"), lambda *_: None)
    assert not (tmp_path / "out").exists()


def test_the_originals_file_reads_back(saved: SavedTrack, tmp_path: Path) -> None:
    nameless = replace(saved, track=replace(saved.track, expression_names=NAMELESS))
    export_track(nameless, tmp_path / "out", ExportOptions(meshes="none", codes="official", unit="mm"), lambda *_: None)
    path = tmp_path / "out" / "codes.official.npz"
    again = read_tracking_file(path, saved.subject.model.config)
    assert again.frame_index is not None and again.frame_index.tolist() == [3, 7]
    np.testing.assert_array_equal(again.expression_codes, saved.track.expression_codes[[0, 2]])
    np.testing.assert_array_equal(again.translation_m, saved.track.translation_m[[0, 2]])
    assert again.scale == pytest.approx(float(saved.track.scale))
    with np.load(path, allow_pickle=False) as arrays:
        assert arrays["lat_rep_shape"].shape == (1, 1, len(saved.track.identity_code))
        assert arrays["lat_reps_expr"].shape == (2, 1, saved.track.expression_codes.shape[1])
        assert arrays["rot_euler"].shape == (2, 4)


def test_named_weights_are_nothing_for_the_originals_tools(saved: SavedTrack) -> None:
    with pytest.raises(SettingError, match="original DPHM's tools cannot decode"):
        official_bytes(Codes.of(saved.track, [0], Convention()))


def test_the_command_line(results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["export", str(results), "--out", str(tmp_path / "out"), "--meshes", "none", "--codes"]
    assert cli.main([*words, "livelink"]) == 0
    content = (tmp_path / "out" / "codes.livelink.csv").read_bytes()
    assert content.decode().splitlines()[0] == HEADER
    assert cli.main([*words, "csv", "--overwrite"]) == 0  # the earlier export's table goes
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["codes.csv", "conventions.json"]
    capsys.readouterr()
    assert cli.main([*words, "official", "--overwrite"]) == 2
    assert "named blendshape weights" in capsys.readouterr().err
    assert (tmp_path / "out" / "codes.csv").is_file()
