"""The tracking benchmark: what it says of a track made from the truth, its harder recordings, and a short run."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from time import sleep
from typing import Any, cast

import numpy as np
import pytest
from batch_parts import RedObserver, ScriptedTracker, record

from dphm_core import cli
from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.commands.bench_track import _remarks
from dphm_core.errors import SettingError
from dphm_core.evaluation.ground_truth import GroundTruth
from dphm_core.evaluation.track_benchmark.accuracy import accuracy, delay, error_of_part
from dphm_core.evaluation.track_benchmark.benchmark import TrackBenchmark
from dphm_core.evaluation.track_benchmark.files import write_benchmark
from dphm_core.evaluation.track_benchmark.memory_track import MemoryTrack
from dphm_core.evaluation.track_benchmark.options import TrackBenchmarkOptions
from dphm_core.evaluation.track_benchmark.progress import Progress
from dphm_core.evaluation.track_benchmark.runs import Recording, from_nothing
from dphm_core.evaluation.track_benchmark.spoil import GREY, Board, MoreNoise
from dphm_core.evaluation.track_benchmark.tables import tables
from dphm_core.evaluation.track_benchmark.variants import AS_IT_IS, KNOWN_EXPRESSIONS, NO_PRIOR, variants
from dphm_core.frames import RGBDFrame
from dphm_core.output.pipeline_speed import CameraFrames
from dphm_core.output.track_file import TrackRow, make_track
from dphm_core.places import DEMO_RECORDING as DEMO
from dphm_core.sources import open_source
from dphm_core.sources.base import SourceInfo
from dphm_core.tracking.config import TrackerConfig
from dphm_core.tracking.offline.config import OfflineConfig, StageConfig
from dphm_core.tracking.tracker import HeadTracker
from dphm_core.training.noise import GRAZING_COSINE, GRAZING_SIGMA_M, HEAD_ON_SIGMA_M, DepthFaults, SurfaceImages
from dphm_core.training.noise import spoil_depth as spoil

CAMERA = Intrinsics(width=320, height=240, fx=610, fy=610, cx=160, cy=120)
QUICK = TrackerConfig(calibration_frames=5, calibration_keyframes=2, calibration_iterations=3)
TILT_DEG = 50.0


@pytest.fixture(scope="module")
def truth() -> GroundTruth:
    return GroundTruth.load(DEMO)


def still(truth: GroundTruth) -> GroundTruth:
    """The same head, held still as in its first frame."""
    first = np.zeros(len(truth), dtype=int)
    return replace(
        truth, weights=truth.weights[first], rotation=truth.rotation[first], translation_m=truth.translation_m[first]
    )


def track_of(
    truth: GroundTruth, frames: int, later: int = 0, shake_m: float = 0.0, lost: tuple[int, ...] = ()
) -> MemoryTrack:
    """The truth as if it had been tracked, some frames later, with every vertex shaken, and lost in some frames."""
    rng, rows, vertices = np.random.default_rng(0), [], {}
    for frame in range(frames):
        seen = max(0, frame - later)
        status = "lost" if frame in lost else "tracking"
        pose = None if frame in lost else truth.pose(seen)
        rows.append(TrackRow(frame, frame / 30, status, "", pose, truth.weights[seen], 0.5, None))
        if frame not in lost:
            noise = rng.normal(0, shake_m, truth.neutral.shape) if shake_m else 0
            vertices[frame] = (truth.vertices_cam(seen) + noise).astype(np.float32)
    names = truth.expression_names
    table = make_track(rows, truth.scale, np.zeros(3, np.float32), names, len(names))
    return MemoryTrack(DEMO, table, vertices, truth.faces)


def test_the_truth_as_a_track_has_no_error(truth: GroundTruth) -> None:
    figures = accuracy(track_of(truth, 46), truth)
    assert figures["face_mm"]["mean"] < 1e-3
    assert figures["weights_rms"] == 0
    assert figures["lag_frames"] == pytest.approx(0, abs=0.01)
    assert figures["tracked_share"] == 1
    assert figures["jitter_mm"] is None and figures["occlusions"] == []


def test_a_track_that_is_late_has_that_lag(truth: GroundTruth) -> None:
    assert accuracy(track_of(truth, 50, later=2), truth)["lag_frames"] == pytest.approx(2, abs=0.01)


@pytest.mark.parametrize("late", [-1.4, 0.0, 0.3, 2.5])
def test_a_delay_is_found_to_a_part_of_a_sample(late: float) -> None:
    time = np.arange(90.0)
    assert delay(np.sin((time - late) / 4), np.sin(time / 4)) == pytest.approx(late, abs=0.06)


def test_a_still_heads_tremor_is_measured(truth: GroundTruth) -> None:
    figures = accuracy(track_of(still(truth), 25, shake_m=0.0002), still(truth))
    assert figures["jitter_mm"] == pytest.approx(0.2 * np.sqrt(3), rel=0.03)  # in three directions
    assert figures["jitter_face_mm"] == pytest.approx(0.2 * np.sqrt(3), rel=0.03)
    assert figures["lag_frames"] is None


def test_frames_until_a_face_is_back_are_counted_from_the_occlusions_end(truth: GroundTruth) -> None:
    visible = truth.visible.copy()
    visible[30:36] = False
    hidden = replace(truth, visible=visible)
    lost = tuple(range(31, 39))
    (occlusion,) = accuracy(track_of(hidden, 45, lost=lost), hidden)["occlusions"]
    assert occlusion == {"first": 30, "last": 35, "back_after": 3}
    (never,) = accuracy(track_of(hidden, 45, lost=tuple(range(31, 45))), hidden)["occlusions"]
    assert never["back_after"] is None


def tilted_plane(seed: int) -> RGBDFrame:
    """Depth of a plane that leans back, with the camera's own noise, and a hole."""
    row = (np.arange(CAMERA.height) - CAMERA.cy) / CAMERA.fy
    ideal = 0.6 / (1 + row * np.tan(np.radians(TILT_DEG)))
    depth_m = np.repeat(ideal[:, None], CAMERA.width, axis=1).astype(np.float32)
    cosine = np.full_like(depth_m, np.cos(np.radians(TILT_DEG)))
    nothing = np.zeros_like(depth_m)
    faults = DepthFaults(flying_pixels=False, holes=False)
    measured = spoil(depth_m, SurfaceImages(cosine, nothing, nothing), faults, np.random.default_rng(seed))
    measured[100:120, 100:120] = 0
    return RGBDFrame(7, 0.0, None, measured, CAMERA)


@pytest.mark.parametrize("factor", [2, 3])
def test_noise_is_multiplied(factor: int) -> None:
    frame = tilted_plane(0)
    noisy = MoreNoise(factor)(frame)
    valid = frame.depth_m > 0
    assert ((noisy.depth_m > 0) == valid).all()
    middle = np.s_[120:130, 20:300]  # one depth, as near as makes no difference
    added = (noisy.depth_m - frame.depth_m)[middle].std()
    tilt = (1 - np.cos(np.radians(TILT_DEG))) / (1 - GRAZING_COSINE)
    own = (HEAD_ON_SIGMA_M + (GRAZING_SIGMA_M - HEAD_ON_SIGMA_M) * tilt) * (0.6 / 0.5) ** 2
    assert np.hypot(added, own) == pytest.approx(factor * own, rel=0.1)


def test_noise_is_the_same_every_time_and_new_in_every_frame() -> None:
    frame = tilted_plane(0)
    once, again = MoreNoise(2)(frame), MoreNoise(2)(frame)
    assert (once.depth_m == again.depth_m).all()
    assert (MoreNoise(2)(replace(frame, index=8)).depth_m != once.depth_m).mean() > 0.5
    assert MoreNoise(1)(frame) is frame


def test_the_board_hides_one_half_of_the_face(truth: GroundTruth) -> None:
    with open_source(DEMO) as source:
        frame = next(source)
    board = Board(truth)
    covered = board(frame)
    hidden = board.covers(frame.index, frame.intrinsics)
    assert (covered.depth_m[hidden] == 0).all() and (covered.depth_m[~hidden] == frame.depth_m[~hidden]).all()
    assert covered.color is not None and (covered.color[hidden] == GREY).all()
    vertices = board.hides(frame.intrinsics)
    assert vertices[:, truth.face_vertices].mean() == pytest.approx(0.5, abs=0.1)
    left = truth.neutral[:, 0] > 0.05  # of the subject
    assert vertices[0, left & truth.face_vertices].mean() > 0.95


def test_errors_are_told_apart_by_part(truth: GroundTruth) -> None:
    track, left = track_of(truth, 3), truth.neutral[:, 0] > 0
    shifted = {k: v + np.where(left[:, None], np.float32(0.003), 0) for k, v in track.vertices.items()}
    track = replace(track, vertices=shifted)
    part = np.broadcast_to(left, truth.visible.shape)
    assert error_of_part(track, truth, part) > 1 > 0.2 > error_of_part(track, truth, ~part)


def test_every_variant_changes_one_thing() -> None:
    config = TrackerConfig()
    found = {variant.name: variant for variant in variants(config, has_prior=True)}
    assert next(iter(found)) == AS_IT_IS and found[AS_IT_IS].config == config
    assert found[NO_PRIOR].config == replace(config, prior_spread=0.0)
    assert found[f"noise ×3, {NO_PRIOR}"].noise == 3
    assert found[f"half hidden, {KNOWN_EXPRESSIONS}"].known_expressions
    assert not any(NO_PRIOR in variant.name for variant in variants(config, has_prior=False))
    assert not any(variant.known_expressions for variant in variants(config, has_prior=True, named=False))


def test_a_camera_gives_frames_at_their_time_and_skips_those_that_nobody_took() -> None:
    frames = [replace(tilted_plane(0), index=k) for k in range(12)]
    source = CameraFrames(frames, SourceInfo("folder", "twelve", CAMERA, 50.0, 12))
    taken = []
    for frame in source:
        taken.append(frame.index)
        sleep(0.05)
    assert taken[0] == 0 and taken[-1] == 11 and taken == sorted(taken)
    assert 0 < source.missed == 12 - len(taken)
    start = source.captured_s[0]
    assert all(source.captured_s[k] - start == pytest.approx(k / 50) for k in taken)


def test_somebody_yet_unknown_is_played_until_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dphm_core.evaluation.track_benchmark.runs.Observer", RedObserver)
    tracker = ScriptedTracker()
    tracker.calibration_faces = 8
    recording = Recording.read(record(tmp_path, [True, True, True, False]), 10)
    found = from_nothing(recording, cast(HeadTracker, tracker))
    # Six frames there and back show five faces, and one comes every 33 ms.
    assert 0.25 < found["identity_s"] == found["first_mesh_s"] < 2
    assert max(tracker.tracked) < 60


@pytest.fixture(scope="module")
def result() -> dict[str, Any]:
    options = TrackBenchmarkOptions(frames=16, repeats=1, from_nothing=False)
    return TrackBenchmark(options, QUICK).run([DEMO])


def test_a_run_tells_speed_and_errors(result: dict[str, Any]) -> None:
    row = result["recordings"]["demo"]
    speed, live = row["speed"], row["live"]
    assert speed["frames_per_second"] > 1 and speed["core_ms_per_frame"] > 1
    assert set(speed["stages_ms"]) == {"landmarks", "observe", "solve", "mesh"}
    assert "distance_residuals" in " ".join(speed["solve_parts"]) and sum(speed["solve_parts"].values()) <= 1.01
    assert 0 < speed["latency_ms"]["median"] <= speed["latency_ms"]["p99"]
    assert live["frames"] == 16 and 0 <= live["dropped"] < 16
    assert row["accuracy"]["tracked_share"] == 1 and row["accuracy"]["face_mm"]["mean"] < 1.5
    assert row["accuracy"]["weights_rms"] < 0.2


def test_all_of_it_is_written(result: dict[str, Any], tmp_path: Path) -> None:
    row = result["recordings"]["demo"]
    figures = {name: value for name, value in row["accuracy"].items() if name != "per_frame"}
    names = [variant.name for variant in variants(QUICK, has_prior=True)]
    offline = {
        "frames": [4, 8],
        "s_per_frame": 20.0,
        "times_slower": None,
        "offline": row["accuracy"],
        "realtime": None,
    }
    full = {**row, "ablations": dict.fromkeys(names, figures) | {"no normals": None}, "offline": offline}
    write_benchmark({**result, "recordings": {"demo": full}}, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        *("bench_track.json", "bench_track.md", "stages.png", "noise.png", "errors.png")
    }
    assert json.loads((tmp_path / "bench_track.json").read_text())["recordings"]["demo"]["live"]["frames"] == 16
    told = (tmp_path / "bench_track.md").read_text()
    assert re.search(r"\| no normals +\|( +– \|){5} +0\.0% \|", told)
    assert len(tables({**result, "recordings": {"demo": full}})) == 5


def test_without_ground_truth_there_are_times_only(result: dict[str, Any]) -> None:
    row = {name: value for name, value in result["recordings"]["demo"].items() if name != "accuracy"}
    bare = {**result, "recordings": {"mine": {**row, "ground_truth": False}}}
    assert [title for title, _ in tables(bare)] == ["Speed", "Time per frame"]
    assert "times only" in _remarks(bare)[0]


def test_the_offline_method_fits_the_frames_that_are_tracked_too(truth: GroundTruth) -> None:
    told: list[str] = []

    class Told(Progress):
        def phase(self, text: str) -> None:
            told.append(text)

    stage = StageConfig(rounds=2, points=100, expression_rate=1e-3, pose_rate=1e-4)
    options, offline = TrackBenchmarkOptions(frames=12, offline_frames=3), OfflineConfig(stage, stage, stage)
    found = TrackBenchmark(options, QUICK, offline, Told()).compare_offline(DEMO, 2.0)
    assert found["frames"] == [3, 5] and found["priors"] == ["identity", "expression"]
    assert found["offline"]["per_frame"]["frame"] == found["realtime"]["per_frame"]["frame"] == [3, 4, 5]
    assert 0 < found["offline"]["face_mm"]["mean"] < 20 and 0 < found["offline"]["weights_rms"] < 1
    assert found["times_slower"] == round(2 * found["s_per_frame"], 1) > 0
    assert any("offline, joint" in text for text in told)


def test_an_interruption_keeps_what_is_done() -> None:
    class Stopped(TrackBenchmark):
        def measure(self, path: Path, row: dict[str, Any]) -> None:
            if path.name == "second":
                raise KeyboardInterrupt
            row["frames"] = 3

    found = Stopped(TrackBenchmarkOptions()).run([Path("first"), Path("second")])
    assert found["interrupted"] and found["recordings"] == {"first": {"frames": 3}}
    with pytest.raises(KeyboardInterrupt):
        Stopped(TrackBenchmarkOptions()).run([Path("second")])


def test_no_frames_are_refused() -> None:
    with pytest.raises(SettingError, match="frames"):
        TrackBenchmarkOptions(frames=0)


def test_the_longer_of_two_commands_is_meant(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", "track", str(tmp_path / "nowhere")]) == 2
    assert re.fullmatch(r"dphm bench track: \S+ does not exist; [^\n]+", capsys.readouterr().err.strip())
    assert cli.main(["bench", "--repeats", "0"]) == 2
    assert capsys.readouterr().err.startswith("dphm bench: a benchmark takes 1 repeat or more")
