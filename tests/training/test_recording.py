"""Synthetic recordings: the same for the same seed, true to their ground truth, each switch does what it says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dphm_core.camera.rays import project
from dphm_core.errors import OutputError, SettingError
from dphm_core.evaluation.ground_truth import GroundTruth
from dphm_core.sources import open_source
from dphm_core.training.ict import HeadGenerator, load_generator
from dphm_core.training.recording import render_frame, write_recording
from dphm_core.training.recording_config import RecordingConfig
from dphm_core.training.recording_scene import Scene

SMALL = {"width": 640, "height": 360, "focal": 305.0, "frames": 12, "seed": 900_100}


@pytest.fixture(scope="module")
def generator(shared_data: Path) -> HeadGenerator:
    return load_generator(shared_data / "ict_facekit")


def frame_of(generator: HeadGenerator, config: RecordingConfig, frame: int = 5) -> tuple[np.ndarray, np.ndarray]:
    color, depth_m, _ = render_frame(Scene(generator, config), config, frame)
    return color, depth_m


@pytest.fixture(scope="module")
def clean(generator: HeadGenerator) -> tuple[np.ndarray, np.ndarray]:
    return frame_of(generator, RecordingConfig.clean(**SMALL))


@pytest.fixture(scope="module")
def recording(generator: HeadGenerator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("synthetic") / "talk"
    done = []
    config = RecordingConfig.clean(**{**SMALL, "frames": 20})
    write_recording(generator, config, folder, lambda frame, frames: done.append((frame, frames)))
    assert done == [(frame + 1, 20) for frame in range(20)]
    return folder


def test_the_same_seed_gives_the_same_frame_and_another_seed_another_person(generator: HeadGenerator) -> None:
    config = RecordingConfig(**SMALL)
    first, again, other = (frame_of(generator, c) for c in (config, config, replace(config, seed=900_101)))
    assert np.array_equal(first[0], again[0])
    assert np.array_equal(first[1], again[1])
    assert not np.array_equal(first[0], other[0])


def test_the_folder_is_a_source_whose_depth_lies_on_the_true_face(recording: Path) -> None:
    truth = GroundTruth.load(recording)
    with open_source(recording) as source:
        frames = list(source)
    assert len(frames) == len(truth) == 20
    assert frames[7].timestamp_s == pytest.approx(7 / 30)
    for frame in frames[::6]:
        chosen = truth.visible[frame.index] & truth.face_vertices
        points = truth.vertices_cam(frame.index)[chosen]
        columns, rows = np.rint(project(points, frame.intrinsics)).astype(int).T
        gap_m = np.abs(frame.depth_m[rows, columns] - points[:, 2])
        assert chosen.sum() > 3000
        assert np.median(gap_m) < 0.0006


def test_ground_truth_is_small_and_its_regions_are_what_they_say(recording: Path) -> None:
    assert (recording / "ground_truth.npz").stat().st_size < 2.5e6
    truth = GroundTruth.load(recording)
    lips, lids = truth.neutral[truth.lip_vertices], truth.neutral[truth.eyelid_vertices]
    assert len(lips) > 100 and len(lids) > 100
    assert not (truth.lip_vertices & ~truth.face_vertices).any()
    assert lips[:, 1].max() < -0.05 < 0.0 < lids[:, 1].min()
    nose, chin = truth.neutral[truth.landmark_vertices[[30, 8]]]
    assert nose[2] == pytest.approx(truth.neutral[:, 2].max(), abs=0.02)
    assert chin[1] < lips[:, 1].min()


def test_head_starts_frontal_neutral_and_at_its_distance(recording: Path) -> None:
    truth = GroundTruth.load(recording)
    assert np.abs(truth.weights[:10]).max() == 0
    assert np.allclose(truth.rotation[:10], np.diag([1, -1, -1]), atol=1e-6)
    assert truth.translation_m[0, 2] == pytest.approx(0.55)
    assert np.abs(truth.weights[-1]).max() > 0.05


def test_a_folder_with_a_recording_is_refused(generator: HeadGenerator, recording: Path) -> None:
    with pytest.raises(OutputError, match="already holds a recording"):
        write_recording(generator, RecordingConfig.clean(**SMALL), recording)


def test_an_interrupted_recording_leaves_nothing(generator: HeadGenerator, tmp_path: Path) -> None:
    def interrupt(done: int, _total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    (tmp_path / "mine").write_text("stays")
    for folder in (tmp_path, tmp_path / "new" / "rec"):
        with pytest.raises(KeyboardInterrupt):
            write_recording(generator, RecordingConfig.clean(**SMALL), folder, interrupt)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def changed(generator: HeadGenerator, clean: tuple[np.ndarray, np.ndarray], **switch: object) -> np.ndarray:
    """Depth with a switch on, less clean depth, metres; NaN where only one of them is valid."""
    depth_m = frame_of(generator, RecordingConfig.clean(**{**SMALL, **switch}))[1]
    return np.where((depth_m > 0) == (clean[1] > 0), depth_m - clean[1], np.nan)


def test_noise_grows_with_its_scale(generator: HeadGenerator, clean: tuple[np.ndarray, np.ndarray]) -> None:
    face = (clean[1] > 0.4) & (clean[1] < 0.55)
    once, twice = (np.nanstd(changed(generator, clean, noise_scale=scale)[face]) for scale in (1.0, 2.0))
    assert 0.0010 < once < 0.0030
    assert twice == pytest.approx(2 * once, rel=0.1)


def test_correlated_noise_is_shared_between_neighbours(
    generator: HeadGenerator, clean: tuple[np.ndarray, np.ndarray]
) -> None:
    face = (clean[1] > 0.4) & (clean[1] < 0.55)
    both = face[:, 1:] & face[:, :-1]

    def likeness(correlated: bool) -> float:
        noise = np.nan_to_num(changed(generator, clean, noise_scale=1.0, correlated_noise=correlated))
        return float(np.corrcoef(noise[:, 1:][both], noise[:, :-1][both])[0, 1])

    assert abs(likeness(False)) < 0.1
    assert 0.25 < likeness(True) < 0.6


def test_flying_pixels_lie_between_foreground_and_wall(
    generator: HeadGenerator, clean: tuple[np.ndarray, np.ndarray]
) -> None:
    depth_m = frame_of(generator, RecordingConfig.clean(**SMALL, flying_pixels=True))[1]
    flying = (depth_m > 0.75) & (depth_m < 1.2)
    assert not (clean[1] > 0.75).any()
    assert 100 < flying.sum() < 3000


def test_infrared_holes_open_in_eyes_and_brows_only_a_little(
    generator: HeadGenerator, clean: tuple[np.ndarray, np.ndarray]
) -> None:
    depth_m = frame_of(generator, RecordingConfig.clean(**SMALL, infrared_holes=True))[1]
    lost = (clean[1] > 0) & (depth_m == 0)
    rows, _ = np.nonzero(lost)
    assert 30 < len(rows) < 1000
    assert np.ptp(rows) < 40  # eyes and brows are one narrow band of a frontal face


def test_hair_glasses_hand_and_second_head_are_seen(
    generator: HeadGenerator, clean: tuple[np.ndarray, np.ndarray]
) -> None:
    hair = changed(generator, clean, hair=True)
    assert np.nanmin(hair) < -0.003
    color_with_glasses, depth_with_glasses = frame_of(generator, RecordingConfig.clean(**SMALL, glasses=True))
    assert np.abs(color_with_glasses.astype(int) - clean[0]).max() > 60
    assert np.nanmin(np.where(clean[1] > 0, depth_with_glasses - clean[1], np.nan)) < -0.01
    assert (frame_of(generator, RecordingConfig.clean(**SMALL, second_head=True))[1] > 0.8).sum() > 2000
    config = RecordingConfig.clean(**SMALL, occluder=True)
    scene = Scene(generator, config)
    _, depth_m, visible = render_frame(scene, config, 6)
    assert ((depth_m > 0.3) & (depth_m < 0.4)).sum() > 1000
    assert visible.sum() < 0.8 * render_frame(scene, config, 0)[2].sum()


def test_everything_at_once_renders(generator: HeadGenerator) -> None:
    config = RecordingConfig(**SMALL, glasses=True, occluder=True, second_head=True)
    color, depth_m = frame_of(generator, config, 6)
    assert color.dtype == np.uint8 and depth_m.dtype == np.float32
    assert np.allclose(depth_m * 1000, np.rint(depth_m * 1000), atol=1e-3)


@pytest.mark.parametrize("wrong", [{"frames": 0}, {"distance_m": 0.1}, {"fps": float("nan")}, {"seed": -1}])
def test_impossible_recordings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(SettingError, match=next(iter(wrong))):
        RecordingConfig(**wrong)  # type: ignore[arg-type]


def test_the_shortest_recording_renders(generator: HeadGenerator) -> None:
    for name in ("talk", "demo", "fast"):
        config = RecordingConfig(**{**SMALL, "frames": 2, "motion": name})
        assert (frame_of(generator, config, 1)[1] > 0).any()
