"""The command line: quick help, one-line errors with exit code 2, and what each command prints."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from batch_parts import CAMERA, record

from dphm_core import __version__, cli
from dphm_core.commands import look
from dphm_core.commands.track import summary
from dphm_core.errors import SettingError
from dphm_core.evaluation.field_benchmark import field_benchmark

HEAVY = ("torch", "cv2", "mediapipe", "numba", "scipy", "matplotlib", "pyk4a")


def modules_after(*arguments: str) -> set[str]:
    """Modules that a command line has imported by its end."""
    code = "import sys; from dphm_core.cli import main\ntry: main()\nexcept SystemExit: pass\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


def test_help_comes_in_half_a_second() -> None:
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        done = subprocess.run([sys.executable, "-m", "dphm_core.cli", "--help"], capture_output=True, text=True)
        seconds.append(time.perf_counter() - start)
        assert done.returncode == 0
        assert all(name in done.stdout for name in cli.COMMANDS)
    assert min(seconds) < 0.5


@pytest.mark.parametrize("words", [["--help"], ["track", "--help"], ["info", "--help"]])
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    assert not modules_after(*words) & set(HEAVY)


def test_no_command_needs_anything_slow_for_its_help() -> None:
    modules = {f"dphm_core.commands.{kind.partition(':')[0]}" for kind, _ in cli.COMMANDS.values()}
    code = f"import sys, {', '.join(sorted(modules))}\nprint(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert modules <= set(loaded)
    assert not set(loaded) & (set(HEAVY) - {"scipy"})  # scipy: where `dphm synth` names its motions


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([*name.split(), "--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert f"usage: dphm {name}" in shown
    assert "--verbose" in shown


def test_track_has_its_options(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["track", "--help"])
    shown = capsys.readouterr().out
    for option in ("--model", "--device", "--start", "--stop", "--every", "--format", "--overwrite", "--out"):
        assert option in shown


def test_a_group_shows_its_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["synth", "--help"]) == 0
    shown = capsys.readouterr().out
    assert "synth prepare" in shown
    assert "track" not in shown.replace("recording", "")


@pytest.mark.parametrize(
    ("words", "listed"),
    [
        (["nonsense"], "dphm --help"),
        (["synth", "nonsense"], "dphm synth --help"),
        (["train", "heads", "nonsense"], "dphm train heads --help"),
        (["--nonsense"], "dphm --help"),
    ],
)
def test_unknown_commands_exit_with_2(words: list[str], listed: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(words) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == f"dphm: there is no command '{' '.join(words)}'; {listed} lists them\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["trak", "demo"], "there is no command 'trak'; is 'track' meant? dphm --help lists them"),
        (["synth", "scan"], "there is no command 'synth scan'; is 'synth scans' meant? dphm synth --help lists them"),
        (["bench", "trak", "demo"], "there is no command 'bench trak'; is 'bench track' meant? dphm --help lists them"),
        (["train", "heds"], "there is no command 'train heds'; is 'train heads' meant? dphm train --help lists them"),
    ],
)
def test_a_slip_in_a_commands_name_is_told_what_may_be_meant(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(words) == 2
    assert capsys.readouterr().err == f"dphm: {told}\n"


def test_what_may_not_be_looked_at_is_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def locked(path: Path) -> bool:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "is_file", locked)
    assert cli.main(["export", str(tmp_path / "t"), "--out", str(tmp_path / "out")]) == 2
    told = capsys.readouterr().err
    assert told == f"dphm export: {tmp_path / 't' / 'track.npz'}: Permission denied; check its permissions\n"


def test_what_is_not_allowed_and_is_no_file_is_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def locked(_path: Path) -> bool:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "is_file", locked)
    assert cli.main(["export", str(tmp_path / "t"), "--out", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err == "dphm export: Operation not permitted; check its permissions\n"


def test_the_demo_is_preprocessed_into_another_folder_only(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["preprocess", "demo"]) == 2
    told = capsys.readouterr().err
    assert told.startswith("dphm preprocess: the demo recording belongs to the program") and "--out" in told
    assert list(tmp_path.iterdir()) == []


def test_recording_and_track_the_wrong_way_round_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "track.npz").write_bytes(b"")
    assert cli.main(["evaluate", str(tmp_path), "demo"]) == 2
    told = capsys.readouterr().err
    assert told == f"dphm evaluate: {tmp_path} is the track; give the recording first: demo {tmp_path}\n"


def test_a_command_that_was_renamed_tells_its_new_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["train", "heads", "identity", "--generator", "ict", "--out", "runs"]) == 2
    assert capsys.readouterr().err == "dphm: 'train heads identity' is now 'train heads generator identity'\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["track"], "Missing from dphm track: SOURCE --out PATH; see dphm track --help"),
        (["track", "x", "--out", "y", "--nonsense"], "Unrecognized options: --nonsense; see"),
        (["track", "x", "--out", "y", "--start", "a"], "Error parsing --start: 'a' is no INT; see"),
        (["bench", "record", "--seconds", "x"], "Error parsing --seconds: 'x' is no FLOAT; see"),
        (["track", "x", "--out", "y", "--format", "png"], "invalid choice 'png' for argument '--format'"),
        (["bench", "--repeats"], "Missing value for argument '--repeats'"),
        (["track", "x", "--out", "y", "--stop", "a"], "Error parsing --stop: 'a' is no INT; see"),
        (["convert", "demo", "--out", "y.mkv"], "dphm convert: 'out' is missing; it has no --out before it; see"),
    ],
)
def test_wrong_options_are_one_line(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    captured = capsys.readouterr()
    assert ended.value.code == 2
    assert captured.out == ""
    assert captured.err.count("\n") == 1 and told in captured.err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"dphm {__version__}\n"


def no_depth(recording: Path) -> None:
    for path in (recording / "depth").iterdir():
        path.unlink()


def no_color(recording: Path) -> None:
    for path in (recording / "color").iterdir():
        path.unlink()


def no_calibration(recording: Path) -> None:
    (recording / "calibration.json").unlink()


def eight_bit_depth(recording: Path) -> None:
    for path in (recording / "depth").iterdir():
        cv2.imwrite(str(path), np.full((CAMERA.height, CAMERA.width), 60, dtype=np.uint8))


def damaged_everywhere(recording: Path) -> None:
    for path in (recording / "depth").iterdir():
        path.write_bytes(b"no picture")


@pytest.mark.parametrize("spoil", [no_depth, no_color, no_calibration, eight_bit_depth, damaged_everywhere])
def test_bad_recordings_are_one_line_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], spoil: object
) -> None:
    recording = record(tmp_path / "rec", [True] * 3)
    assert callable(spoil)
    spoil(recording)
    assert_refused(["track", str(recording), "--out", str(tmp_path / "out")], capsys)
    assert not (tmp_path / "out").exists()


def assert_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert cli.main(words) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.strip().splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith(f"dphm {words[0]}: ")
    return lines[0]


def test_missing_and_empty_sources_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    for source in ("missing", "empty"):
        told = assert_refused(["track", str(tmp_path / source), "--out", str(tmp_path / "out")], capsys)
        assert source in told
    assert not (tmp_path / "out").exists()


def test_a_full_output_folder_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recording = record(tmp_path / "rec", [True] * 3)
    told = assert_refused(["track", str(recording), "--out", str(recording)], capsys)
    assert "--overwrite" in told


def test_an_empty_range_of_frames_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recording = record(tmp_path / "rec", [True] * 3)
    for options in (["--start", "3"], ["--start", "2", "--stop", "1"], ["--every", "0"]):
        assert_refused(["track", str(recording), "--out", str(tmp_path / "out"), *options], capsys)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("model", ["no-such-model", "wrong-kind"])
def test_a_model_of_the_wrong_kind_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], model: str) -> None:
    recording = record(tmp_path / "rec", [True] * 3)
    folder = tmp_path / "wrong-kind"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"format": "something else"}))
    (folder / "model.safetensors").write_bytes(b"weights")
    words = ["track", str(recording), "--out", str(tmp_path / "out"), "--model", str(tmp_path / model)]
    assert model in assert_refused(words, capsys)
    assert not (tmp_path / "out").exists()


def test_a_device_that_is_not_there_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recording = record(tmp_path / "rec", [True] * 3)
    words = ["track", str(recording), "--out", str(tmp_path / "out"), "--device", "abacus"]
    assert "abacus" in assert_refused(words, capsys)


def test_ctrl_c_exits_with_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(look.Bench, "run", lambda self, say: signal.raise_signal(signal.SIGINT))
    assert cli.main(["bench"]) == 130
    assert capsys.readouterr().err == "dphm bench: interrupted\n"


def test_a_count_that_is_none_is_told_as_the_samples(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["sample", "--out", str(tmp_path / "out"), "--count", "0"]
    assert "a sample's count must be 1 to 100000, not 0" in assert_refused(words, capsys)


def test_an_interruption_says_what_became_of_the_work(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*_: object) -> None:
        raise KeyboardInterrupt("before any frame had a head")

    monkeypatch.setattr(look.Bench, "run", run)
    assert cli.main(["bench"]) == 130
    assert capsys.readouterr().err == "dphm bench: interrupted before any frame had a head\n"


def test_info_tells_what_a_recording_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["info", str(record(tmp_path / "rec", [True] * 3))]) == 0
    shown = capsys.readouterr().out
    assert "3, 0.1 s at 30 per second" in shown
    assert "48x32" in shown
    assert "0.60 to 0.60 m" in shown


def test_info_counts_the_frames_that_are_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recording = record(tmp_path / "rec", [True] * 12)
    for index in range(9):
        for kind in ("color", "depth"):
            (recording / kind / f"{index:05d}.png").unlink()
    assert cli.main(["info", str(recording)]) == 0
    shown = capsys.readouterr().out
    assert "3, 0.1 s with gaps, up to number 11, at 30 per second" in shown
    assert not any(line.endswith((" ", ",")) for line in shown.splitlines())


def test_evaluate_leaves_figures_per_frame_to_the_file() -> None:
    figures = {"scan": {"mean_mm": 0.51234, "frames": 9, "per_frame": [1.0]}, "ground_truth": None}
    assert list(look.single_figures(figures)) == [("scan mean_mm", "0.512"), ("scan frames", "9")]


def test_evaluating_what_is_no_track_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no track" in assert_refused(["evaluate", str(tmp_path), str(tmp_path)], capsys)


def test_bench_prints_a_table_of_stages_and_one_of_fields(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", "--repeats", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["median", "95", "%"]
    assert lines[1].count("ms") == 2
    fields = lines[lines.index("") + 1 :]
    assert fields[0].split()[-1] == "points/s"
    assert all(float(line.split()[-1].replace(",", "")) > 0 for line in fields[1:])


@pytest.mark.parametrize("repeats", ["0", "-1"])
def test_bench_without_repeats_is_refused(repeats: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "repeat" in assert_refused(["bench", "--repeats", repeats], capsys)


@pytest.mark.parametrize("device", ["cuda:99", "abacus"])
def test_bench_on_a_device_that_is_not_there_is_refused(device: str) -> None:
    with pytest.raises(SettingError, match=device):
        field_benchmark(1, device=device)


def refused_training(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert cli.main(["train", *words]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and len(captured.err.strip().splitlines()) == 1
    return captured.err


def test_training_refuses_damaged_files_in_one_line(
    tmp_path: Path, shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, cut = shared_data / "ict_facekit", tmp_path / "cut"
    cut.mkdir()
    (cut / "vertex_indices.json").write_bytes((whole / "vertex_indices.json").read_bytes())
    (cut / "ict_facekit.npz").write_bytes((whole / "ict_facekit.npz").read_bytes()[:100_000])
    out = ["--out", str(tmp_path / "out")]
    field = ["heads", "generator", "expression", "--generator"]
    assert "not a prepared" in refused_training([*field, str(cut), *out], capsys)
    for part in ("identity", "expression"):
        (tmp_path / f"{part}.pt").write_bytes(b"garbage")
    words = ["export", "--generator", str(whole), "--training", str(tmp_path), *out]
    assert "expression.pt" in refused_training(words, capsys)
    (tmp_path / "file").write_text("")
    words = [*field, str(whole), "--out", str(tmp_path / "file")]
    assert "cannot be made" in refused_training(words, capsys)


def test_training_tells_how_far_it_is(tmp_path: Path, shared_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    generator = ["--generator", str(shared_data / "ict_facekit")]
    words = ["heads", "generator", "expression", *generator, "--out", str(tmp_path)]
    small = ["--steps", "1", "--batch", "1", "--points", "50", "--pool", "1", "--held-out", "1"]
    assert cli.main(["train", *words, *small]) == 0
    assert "expression step 1/1" in capsys.readouterr().err


def test_app_hands_over_to_the_installed_window(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    point = SimpleNamespace(load=lambda: lambda: seen.append(sys.argv))
    monkeypatch.setattr(look, "entry_points", lambda **_: [point])
    monkeypatch.setattr(sys, "argv", ["dphm"])
    assert cli.main(["app", "kinect", "--model", "other"]) == 0
    assert seen == [["dphm-app", "kinect", "--model", "other"]]


def test_app_without_the_window_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(look, "entry_points", lambda **_: [])
    assert "not installed" in assert_refused(["app"], capsys)


def test_prepare_refuses_what_is_no_checkout(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["synth", "prepare", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert "is no checkout of ICT-FaceKit" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_synth_recording_makes_a_recording(
    tmp_path: Path, shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["synth", "recording", "--generator", str(shared_data / "ict_facekit"), "--out", str(tmp_path / "rec")]
    small = ["--frames", "2", "--width", "160", "--height", "90", "--focal", "76"]
    assert cli.main([*words, *small]) == 0
    assert cli.main(["info", str(tmp_path / "rec")]) == 0
    assert "160x90" in capsys.readouterr().out


def test_the_summary_fits_a_screen_and_names_what_counts() -> None:
    report = {
        "frames": 100, "tracked": 98, "residual_mm": 0.71, "calibration_s": 4.25, "frames_per_second": 31.5,
        "pipeline_frames_per_second": None, "pipeline_measured": False, "latency_ms": {"median": 28.0, "p95": 140.0},
        "peak_memory_mb": 800.0, "damaged_frames": 2, "missing_frames": 3, "interrupted": True, "broken_off": True,
        "confidence": {"mean": 0.96, "least": 0.41},
    }  # fmt: skip
    lines = summary(report, Path("somewhere/out")).splitlines()
    assert len(lines) < 20
    assert lines[0] == "frames        100, 98 tracked, 2 damaged, 3 missing, interrupted, the recording broke off"
    assert "0.71 mm" in lines[1]
    assert "96% on average, 41% at least" in lines[2]
    assert lines[-1].endswith(os.fspath(Path("somewhere/out")))


@pytest.mark.skipif(sys.platform == "win32", reason="a shell's pipe")
def test_output_that_nobody_reads_on_is_no_error() -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    with os.fdopen(write_end, "wb") as closed:
        done = subprocess.run(
            [sys.executable, "-m", "dphm_core.cli", "info", "demo"], stdout=closed, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 141
    assert done.stderr == ""
