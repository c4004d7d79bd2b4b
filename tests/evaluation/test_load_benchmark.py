"""A recording as a live camera: every frame is observed, or counted among those that are left out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyk4a
import pytest

from dphm_core import cli
from dphm_core.errors import SettingError, SourceError
from dphm_core.evaluation.load_benchmark.benchmark import measure_load
from dphm_core.evaluation.load_benchmark.options import LoadBenchmarkOptions
from dphm_core.evaluation.load_benchmark.recording import write_load_recording
from dphm_core.places import DEMO_RECORDING
from dphm_core.sources import open_source
from dphm_core.sources.writer import FolderWriter

SHORT = LoadBenchmarkOptions(minutes=0.02)


def test_every_frame_is_counted_once() -> None:
    told: list[float] = []
    run = measure_load(str(DEMO_RECORDING), SHORT, told.append)
    assert run.uncounted == 0 and run.given == run.passed_over + run.replaced + run.tracked
    assert run.given == pytest.approx(30 * run.seconds, abs=20)  # and those while it is being stopped
    assert 0 < run.tracked <= run.observed <= run.tracked + run.replaced
    assert min(run.read_ms, run.observe_ms, run.cores, *run.memory_mb) > 0
    assert run.other_cores >= 0
    assert told == sorted(told) and told[-1] == pytest.approx(1.2)


def test_a_camera_that_is_too_fast_loses_frames_and_that_is_told(tmp_path: Path) -> None:
    with open_source(DEMO_RECORDING) as demo, FolderWriter(tmp_path / "fast", demo.info.intrinsics, 900) as writer:
        for index in range(3):
            frame = next(demo)
            writer.write(frame.color, frame.depth_m, index / 900)
    run = measure_load(str(tmp_path / "fast"), SHORT)
    assert run.uncounted == 0 and run.fps == 900
    assert run.passed_over > run.given / 2


def test_the_recording_that_is_made_is_a_kinects_at_1080p(tmp_path: Path) -> None:
    path = tmp_path / "camera.mkv"
    write_load_recording(path, 2)
    with pyk4a.PyK4APlayback(path) as playback:
        told, capture = playback.configuration, playback.get_next_capture()
    assert (told["color_resolution"].name, told["depth_mode"].name) == ("RES_1080P", "NFOV_UNBINNED")
    assert 300_000 < capture.color.nbytes < 600_000 and capture.depth.shape == (576, 640)
    with open_source(path) as source, open_source(DEMO_RECORDING) as demo:
        frame, small = next(source), next(demo)
    assert frame.depth_m.shape == (1080, 1920) and (frame.depth_m > 0).mean() > 0.5
    rows, columns = np.indices((720, 1280))[:, ::9, ::9]
    near = frame.depth_m[rows * 3 // 2, columns * 3 // 2]
    both = (near > 0) & (small.depth_m[::9, ::9] > 0)
    assert np.median(np.abs(near - small.depth_m[::9, ::9])[both]) < 0.003


def test_the_command_prints_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", "load", str(DEMO_RECORDING), "--minutes", "0.01"]) == 0
    rows = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines() if line)
    assert rows["uncounted"] == "0" and rows["memory"].endswith(" MB at the end")
    assert {"camera", "observed", "left", "reading", "observing", "processor", "machine"} < rows.keys()


def test_what_cannot_be_measured_is_refused() -> None:
    with pytest.raises(SettingError, match="minutes"):
        LoadBenchmarkOptions(minutes=0)
    with pytest.raises(SourceError, match="live"):
        measure_load("simulated", SHORT)
