"""Malformed recordings: no crash, no hang, no half-written output, and one line with cause and cure.

docs/bad-input.md shows what is told in each case; `python scripts/bad_input_table.py` writes it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import read_everything
from damage import Malformed
from folder_recordings import make_recording
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from malformed import ALL, OWN_READERS, WHOLE
from malformed_images import IMAGES, png
from malformed_kinects import KINECTS
from malformed_texts import CLOCKS

from dphm_core import cli
from dphm_core.errors import SourceError
from dphm_core.sources import UnreadableFrame, open_source
from dphm_core.sources.images import decode_color, read_depth

TIME_LIMIT_S = 60
pytestmark = pytest.mark.timeout(2 * TIME_LIMIT_S)
NAMED = pytest.mark.parametrize("case", OWN_READERS, ids=lambda case: case.name)
BY_NAME = {case.name: case for case in ALL}
QUICK = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.floats(allow_subnormal=False) | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=5,
)


def made(case: Malformed, place: Path) -> Path:
    if case.name == "depth/ without permission" and os.geteuid() == 0:
        pytest.skip("root may read everything")
    return case.make(place)


def check(case: Malformed, outcome: read_everything.Outcome) -> None:
    """Hold what came of it against what is promised."""
    assert case.told in outcome.told
    assert not any("\n" in line for line in (outcome.error or "", *outcome.warnings))
    assert all(len(line) < 600 for line in (outcome.error or "", *outcome.warnings))
    if outcome.error is not None:
        assert outcome.frames == 0 and "; " in outcome.error  # the cause; the cure
    if case.readable >= 0:
        assert (outcome.error is None, outcome.frames) == (case.readable > 0, case.readable)


@NAMED
def test_reading_ends_with_frames_or_one_line(case: Malformed, tmp_path: Path) -> None:
    check(case, read_everything.read_everything(made(case, tmp_path)))


@pytest.mark.parametrize("case", (*WHOLE, *KINECTS), ids=lambda case: case.name)
def test_reading_kinect_files_ends_so_too(case: Malformed, tmp_path: Path) -> None:
    command = [sys.executable, read_everything.__file__, str(made(case, tmp_path))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIME_LIMIT_S)
    assert done.returncode == 0, done.stderr
    check(case, read_everything.Outcome(**json.loads(done.stdout.splitlines()[-1])))


@NAMED
def test_conversion_is_whole_or_absent(case: Malformed, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in").mkdir()
    source, out = made(case, tmp_path / "in"), tmp_path / "out"
    code = cli.main(["convert", str(source), str(out)])
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("dphm convert:")]
    if code == 0:
        outcome = read_everything.read_everything(out)
        assert outcome.error is None and outcome.frames > 0 and outcome.damaged == 0 and not errors
    else:
        assert (code, len(errors)) == (2, 1) and not out.exists()


@pytest.mark.parametrize(
    "name",
    [
        "colour in depth/ and depth in color/",
        "'fx' is nan",
        "frames.stack cut at 5%",
        "MKV cut at 30.00%",
        "times fall",
    ],
)
def test_tracking_leaves_nothing_behind(name: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    source, out = made(BY_NAME[name], tmp_path / "in"), tmp_path / "out"
    command = [sys.executable, "-m", "dphm_core.cli", "track", str(source), "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIME_LIMIT_S)
    told = [line for line in done.stderr.splitlines() if line.startswith("dphm track: ")]
    assert (done.returncode, len(told)) == (2, 1) and "Traceback" not in done.stderr
    assert not out.exists()


def test_there_are_enough_and_the_table_has_them_all() -> None:
    assert len(BY_NAME) == len(ALL) >= 25
    table = (Path(__file__).parents[2] / "docs/bad-input.md").read_text()
    assert all(f"| {name} |" in table for name in BY_NAME)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_recording(tmp_path_factory.mktemp("images"))


@QUICK
@given(
    name=st.sampled_from(["calibration.json", "meta.json", "timestamps.json"]),
    key=st.sampled_from(["color", "frames", "timestamps_s", "fps", "depth_unit_m", "fx", "k1", "width"]),
    value=JSON_VALUES,
)
def test_any_json_is_read_or_refused(tmp_path: Path, name: str, key: str, value: object) -> None:
    folder = tmp_path / "take"
    if not folder.exists():
        make_recording(folder)
    path = folder / name
    before = path.read_bytes() if path.exists() else None
    whole = json.loads(before) if before else {"depth_unit_m": 0.001, "frames": [{}] * 4, "timestamps_s": [0, 1, 2, 3]}
    inner = whole["color"] if key in ("fx", "k1", "width") and "color" in whole else whole
    inner[key] = value
    path.write_text(json.dumps(whole))
    try:
        outcome = read_everything.read_everything(folder)
    finally:
        path.unlink() if before is None else path.write_bytes(before)
    assert (outcome.frames == 4) == (outcome.error is None)


@QUICK
@given(data=st.data())
def test_any_image_bytes_are_read_or_refused(whole: Path, tmp_path: Path, data: st.DataObject) -> None:
    jpeg = bytes(cv2.imencode(".jpg", np.full((24, 32, 3), 90, np.uint8))[1])
    start = data.draw(st.sampled_from([(whole / "depth/00000.png").read_bytes(), jpeg, png(32, 24, b"\x78\x9c")]))
    content = bytearray(start)
    for _ in range(data.draw(st.integers(0, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    del content[data.draw(st.integers(0, len(content))) :]
    (tmp_path / "image.png").write_bytes(content)
    for read in (lambda: read_depth(tmp_path / "image.png"), lambda: decode_color(bytes(content), "image")):
        try:
            assert max(read().shape) <= 8192
        except UnreadableFrame as told:
            assert "\n" not in str(told)


def test_times_go_on_by_the_frame_rate(tmp_path: Path) -> None:
    few = next(case for case in CLOCKS if case.name == "too few times")
    with open_source(few.make(tmp_path)) as source:
        assert [frame.timestamp_s for frame in source] == pytest.approx([7.0, 7.1, 7.1 + 1 / 30, 7.1 + 2 / 30])


def test_whole_recordings_are_read_without_a_word(tmp_path: Path) -> None:
    for case in WHOLE[:2]:
        (tmp_path / case.name).mkdir()
        assert read_everything.read_everything(case.make(tmp_path / case.name)) == read_everything.Outcome(frames=4)


def test_damaged_frames_are_counted(tmp_path: Path) -> None:
    sizes = next(case for case in IMAGES if case.name.startswith("a size of its own"))
    with open_source(sizes.make(tmp_path)) as source:
        assert len(list(source)) == 1 and source.damaged == 3


def test_a_name_that_is_none_is_refused() -> None:
    for name in ("", " ", "https://example.org/take.mkv", "a\0b", "x" * 5000, "~nobody-of-that-name/take"):
        with pytest.raises(SourceError):
            open_source(name)
