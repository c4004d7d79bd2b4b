"""Any source as a folder of images: what is kept, what is refused, and that nothing half-done stays."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from stack_recordings import CAMERA, make_frame, make_stack

from dphm_core import cli
from dphm_core.errors import Cancelled, OutputError, SourceError
from dphm_core.recording.convert import ConvertOptions, convert
from dphm_core.sources import open_source
from dphm_core.sources.selection import Selection
from dphm_core.sources.stack_file import MARKER, STACK_FILE
from dphm_core.sources.writer import FolderWriter


def not_told(done: int, total: int | None) -> None:
    pass


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    """A recording with a gap, frames without colour, and one that is damaged."""
    make_stack(tmp_path / "take", (0, 1, 2, 4, 6, 7))
    return tmp_path / "take"


@pytest.mark.parametrize("color", ["png", "jpg"])
def test_frames_stay_what_they_were(stack: Path, tmp_path: Path, color) -> None:
    told = []
    made = convert(stack, tmp_path / "out", ConvertOptions(color), lambda *step: told.append(step))
    assert (made.frames, made.damaged, made.missing, made.folder) == (6, 0, 0, tmp_path / "out")
    assert told == [(done, 6) for done in range(7)]
    with open_source(stack) as before, open_source(tmp_path / "out") as after:
        assert after.info.kind == "folder" and after.info.fps == 15 and after.info.intrinsics == CAMERA
        for one, other in zip(before, after, strict=True):
            assert one.index == other.index and one.timestamp_s == pytest.approx(other.timestamp_s)
            np.testing.assert_array_equal(one.depth_m, other.depth_m)
            if one.color is None or other.color is None:
                assert one.color is other.color
            elif color == "png":
                np.testing.assert_array_equal(one.color, other.color)
            else:
                assert np.abs(one.color.astype(int) - other.color).mean() < 4
    assert {path.suffix for path in (tmp_path / "out/color").iterdir()} == {f".{color}"}


def test_a_part_is_counted_from_its_beginning(stack: Path, tmp_path: Path) -> None:
    convert(stack, tmp_path / "out", ConvertOptions(selection=Selection(2, None, 2)), not_told)
    with open_source(tmp_path / "out") as source:
        frames = list(source)
    assert [frame.index for frame in frames] == [0, 1, 2] and source.info.fps == 7.5
    assert [frame.timestamp_s for frame in frames] == pytest.approx([2 / 15, 4 / 15, 6 / 15])


def test_missing_numbers_have_a_time_too(stack: Path, tmp_path: Path) -> None:
    convert(stack, tmp_path / "out", ConvertOptions(), not_told)
    with open_source(tmp_path / "out") as source:
        source.seek(4)
        assert next(source).timestamp_s == pytest.approx(4 / 15)


def test_what_was_recorded_is_kept_for_people(stack: Path, tmp_path: Path) -> None:
    convert(stack, tmp_path / "out", ConvertOptions(), not_told)
    assert json.loads((tmp_path / "out/timestamps.json").read_text())["device"] == "take"
    convert(stack, tmp_path / "out.mkv", ConvertOptions(), not_told)
    assert b"\x7b\xa9" + (1 << 56 | 4).to_bytes(8, "big") + b"take" in (tmp_path / "out.mkv").read_bytes()[:2000]


def test_a_folder_in_use_is_refused(stack: Path, tmp_path: Path) -> None:
    for taken, reason in ((stack, "is not empty"), (stack / "calibration.json", "is a file")):
        with pytest.raises(OutputError, match=f"{reason}; choose a new folder"):
            convert(stack, taken, ConvertOptions(), not_told)
    assert {path.name for path in stack.iterdir()} == {"calibration.json", "frames.stack"}


@pytest.mark.parametrize("exists", [True, False])
def test_cancelled_it_leaves_nothing_behind(stack: Path, tmp_path: Path, exists: bool) -> None:
    if exists:
        (tmp_path / "out").mkdir()

    def tell(done: int, total: int | None) -> None:
        if done == 3:
            raise Cancelled("Converting was cancelled")

    with pytest.raises(Cancelled):
        convert(stack, tmp_path / "out", ConvertOptions(), tell)
    assert (tmp_path / "out").exists() == exists
    assert not exists or not any((tmp_path / "out").iterdir())


def test_a_part_without_frames_is_told(stack: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no frame in this part"):
        convert(stack, tmp_path / "out", ConvertOptions(selection=Selection(3, 4)), not_told)
    assert not (tmp_path / "out").exists()


def test_damaged_and_missing_frames_are_told(stack: Path, tmp_path: Path) -> None:
    content = (stack / STACK_FILE).read_bytes()
    third = content.find(MARKER, content.find(MARKER, content.find(MARKER) + 1) + 1)
    (stack / STACK_FILE).write_bytes(content[: third + 99] + b"?" + content[third + 100 :])
    made = convert(stack, tmp_path / "out", ConvertOptions(), not_told)
    assert (made.frames, made.damaged, made.missing) == (5, 1, 0)
    with open_source(tmp_path / "out") as source:
        assert [frame.index for frame in source] == [0, 1, 4, 6, 7]


def test_a_camera_is_converted_up_to_a_number(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is live and has no end; tell where to stop"):
        convert("simulated", tmp_path / "out", ConvertOptions(), not_told)
    made = convert("simulated", tmp_path / "out", ConvertOptions(selection=Selection(0, 3)), not_told)
    assert made.frames >= 1 and made.frames + made.missing == 3


def test_the_command(stack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert cli.main(["convert", str(stack), str(out), "--color", "jpg", "--stop", "3"]) == 0
    assert capsys.readouterr().out == f"3 frames in {out}\n"
    assert cli.main(["convert", str(stack), str(out)]) == 2
    assert f"dphm convert: {out} is not empty" in capsys.readouterr().err


def test_an_mkv_file_has_the_same_frames(stack: Path, tmp_path: Path) -> None:
    made = convert(stack, tmp_path / "new/out.mkv", ConvertOptions(), not_told)
    assert (made.frames, made.damaged, made.missing, made.folder) == (6, 0, 0, tmp_path / "new/out.mkv")
    with open_source(stack) as before, open_source(made.folder) as after:
        assert after.info.kind == "mkv" and after.info.fps == 15 and after.info.length == 8
        for one, other in zip(before, after, strict=True):
            assert one.index == other.index and one.timestamp_s == pytest.approx(other.timestamp_s, abs=1e-6)
            np.testing.assert_array_equal(one.depth_m, other.depth_m)
            if one.color is None or other.color is None:
                assert one.color is other.color
            else:
                assert np.abs(one.color.astype(int) - other.color).mean() < 4
    with pytest.raises(OutputError, match="is there already"):
        convert(stack, made.folder, ConvertOptions(), not_told)


@pytest.mark.parametrize(("fps", "every", "kept"), [(60, 1, 2), (60, 2, 2), (90, 1, 3), (31, 1, 2), (30, 1, 1)])
def test_of_a_fast_camera_an_mkv_file_has_every_so_many_th_frame(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, fps: int, every: int, kept: int
) -> None:
    frames = [replace(make_frame(index), timestamp_s=index / fps) for index in range(9)]
    with FolderWriter(tmp_path / "fast", CAMERA, fps) as writer:
        for frame in frames:
            writer.write(frame.color, frame.depth_m, frame.timestamp_s)
    made = convert(tmp_path / "fast", tmp_path / "out.mkv", ConvertOptions(selection=Selection(every=every)), not_told)
    assert (made.frames, made.missing) == (-(-9 // kept), 0)
    with open_source(tmp_path / "out.mkv") as source:
        assert source.info.fps == fps / kept
        for one, other in zip(frames[::kept], source, strict=True):
            assert other.timestamp_s == pytest.approx(one.timestamp_s, abs=1e-6)
            np.testing.assert_array_equal(one.depth_m, other.depth_m)
    assert (f"of every {kept} frames, one is written" in caplog.text) == (kept > every)


def test_of_an_mkv_file_that_fails_nothing_stays(stack: Path, tmp_path: Path) -> None:
    def cancel(done: int, total: int | None) -> None:
        if done == 2:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        convert(stack, tmp_path / "out.mkv", ConvertOptions(), cancel)
    with pytest.raises(SourceError, match="no frame in this part"):
        convert(stack, tmp_path / "out.mkv", ConvertOptions(selection=Selection(3, 4)), not_told)
    assert [path.name for path in tmp_path.iterdir()] == [stack.name]


@pytest.mark.skipif(os.name != "posix", reason="needs a signal that stands for Ctrl-C")
def test_ctrl_c_leaves_nothing_behind(tmp_path: Path) -> None:
    make_stack(tmp_path / "take", range(3))
    slow = (
        "import sys, time; from dphm_core import cli; from dphm_core.sources.writer import FolderWriter as w;"
        "f = w.write; w.write = lambda *a: (f(*a), print('.', flush=True), time.sleep(9)); cli.main(sys.argv[1:])"
    )
    command = [sys.executable, "-c", slow, "convert", str(tmp_path / "take"), str(tmp_path / "out")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline() == ".\n"
        time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert "dphm convert: interrupted" in process.stderr.read()
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["film.mp4", "take.BAG"])
def test_no_folder_is_called_like_a_file_of_another_kind(name: str, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=rf"no \{Path(name).suffix} files are written; give .*\.mkv, or a folder"):
        convert("demo", tmp_path / name, ConvertOptions(), lambda _done, _total: None)
    assert list(tmp_path.iterdir()) == []
