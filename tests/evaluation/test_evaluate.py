"""Evaluation of tracks made from the truth: none of the error, or just as much as was put in."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import trimesh

from dphm_core.errors import DataError
from dphm_core.evaluation.evaluate import evaluate
from dphm_core.evaluation.ground_truth import GroundTruth
from dphm_core.training.ict import load_generator
from dphm_core.training.recording import write_recording
from dphm_core.training.recording_config import RecordingConfig

FRAMES = 6
SHIFT_M = np.array([0.0, 0.0, 0.002], dtype=np.float32)


@pytest.fixture(scope="module")
def sequence(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recordings") / "clean"
    config = RecordingConfig.clean(seed=900_110, frames=FRAMES, width=640, height=360, focal=305.0)
    write_recording(load_generator(shared_data / "ict_facekit"), config, folder)
    return folder


@pytest.fixture
def make_track(sequence: Path, tmp_path: Path) -> Callable[..., Path]:
    """Save the truth as if it had been tracked, shifted, for some of the frames."""

    def make(shift_m: np.ndarray, frames: range = range(FRAMES), extension: str = "ply", every: int = 1) -> Path:
        truth = GroundTruth.load(sequence)
        (tmp_path / "track" / "meshes").mkdir(parents=True)
        for frame in frames:
            mesh = trimesh.Trimesh(truth.vertices_cam(frame) + shift_m, truth.faces, process=False)
            mesh.export(tmp_path / "track" / "meshes" / f"{frame:05d}.{extension}")
        covered = np.arange(0, FRAMES, every)
        np.savez(
            tmp_path / "track" / "track.npz",
            frame_index=covered,
            timestamp_s=covered / 30,
            status=np.where(np.isin(covered, frames), "tracking", "searching"),
            reason=np.array([""] * len(covered)),
            rotation=truth.rotation[covered],
            translation_m=truth.translation_m[covered] + shift_m,
            scale=np.float32(1),
            identity_code=np.zeros(5, np.float32),
            expression_codes=truth.weights[covered],
            expression_names=np.array(truth.expression_names),
            residual_mm=np.zeros(len(covered), np.float32),
            landmarks_cam=np.zeros((len(covered), 478, 3), np.float32),
        )
        return tmp_path / "track"

    return make


def test_the_truth_as_a_track_has_no_error(sequence: Path, make_track: Callable[..., Path]) -> None:
    track = make_track(np.zeros(3, dtype=np.float32))
    figures = evaluate(sequence, track)
    truth, scan = figures["ground_truth"], figures["scan"]
    for measure in ("face_mm", "lips_mm", "eyelids_mm", "correspondence_mm", "translation_mm"):
        assert truth[measure]["mean"] < 1e-3, measure
    assert truth["rotation_deg"]["mean"] < 1e-2
    assert truth["tracked_share"] == scan["tracked_share"] == 1
    assert scan["mean_mm"] < 0.5 and scan["recall_2.5mm"] > 0.97
    assert scan["gated_share"] < 0.02 and scan["normal_within_30deg"] > 0.9


def test_a_shift_of_two_millimetres_is_found(sequence: Path, make_track: Callable[..., Path]) -> None:
    figures = evaluate(sequence, make_track(SHIFT_M))
    truth, scan = figures["ground_truth"], figures["scan"]
    assert 1.2 < truth["face_mm"]["mean"] < 2.0  # along the slant of cheeks less than the shift
    assert truth["translation_mm"]["mean"] == pytest.approx(2.0, abs=1e-3)
    assert truth["rotation_deg"]["mean"] < 1e-2
    assert 1.2 < scan["mean_mm"] < 2.2


def test_drift_shows_in_correspondence(sequence: Path, make_track: Callable[..., Path]) -> None:
    track = make_track(np.zeros(3, dtype=np.float32))
    truth = GroundTruth.load(sequence)
    last = track / "meshes" / f"{FRAMES - 1:05d}.ply"
    moved = truth.vertices_cam(FRAMES - 1) + 2 * SHIFT_M
    trimesh.Trimesh(moved, truth.faces, process=False).export(last)
    drift = evaluate(sequence, track)["ground_truth"]["per_frame"]["correspondence_mm"]
    assert drift[-1] == pytest.approx(4.0, abs=1e-2) and drift[-2] < 1e-3


def test_missing_frames_lower_the_tracked_share(sequence: Path, make_track: Callable[..., Path]) -> None:
    figures = evaluate(sequence, make_track(SHIFT_M, range(3, FRAMES)))
    assert figures["ground_truth"]["tracked_share"] == pytest.approx(0.5)
    assert figures["scan"]["meshes"] == 3 and figures["scan"]["frames"] == FRAMES


def test_the_tracked_share_is_of_the_frames_that_the_track_covers(
    sequence: Path, make_track: Callable[..., Path]
) -> None:
    figures = evaluate(sequence, make_track(SHIFT_M, range(0, FRAMES, 3), every=3))
    assert figures["ground_truth"]["tracked_share"] == figures["scan"]["tracked_share"] == 1
    assert figures["scan"]["frames"] == FRAMES // 3


def test_a_track_of_obj_meshes_is_as_good(sequence: Path, make_track: Callable[..., Path]) -> None:
    figures = evaluate(sequence, make_track(np.zeros(3, dtype=np.float32), range(2), "obj"))
    assert figures["ground_truth"]["face_mm"]["mean"] < 1e-3 and figures["scan"]["meshes"] == 2


def test_the_track_of_another_head_in_the_same_frames_is_refused(
    sequence: Path, make_track: Callable[..., Path]
) -> None:
    track = make_track(np.array([0.1, 0.0, 0.3], dtype=np.float32))
    with pytest.raises(DataError, match="another recording"):
        evaluate(sequence, track)
    assert not (track / "evaluation.json").exists()


def test_figures_and_plot_are_written_where_asked(
    sequence: Path, make_track: Callable[..., Path], tmp_path: Path
) -> None:
    track = make_track(SHIFT_M, range(2))
    figures = evaluate(sequence, track, tmp_path / "figures")
    written = json.loads((tmp_path / "figures" / "evaluation.json").read_text())
    assert written["scan"]["mean_mm"] == pytest.approx(figures["scan"]["mean_mm"])
    assert (tmp_path / "figures" / "evaluation.png").read_bytes().startswith(b"\x89PNG")
    assert not (track / "evaluation.json").exists()


def test_a_recording_without_truth_is_compared_with_its_scan(
    sequence: Path, make_track: Callable[..., Path], tmp_path: Path
) -> None:
    bare = shutil.copytree(sequence, tmp_path / "bare")
    (bare / "ground_truth.npz").unlink()
    figures = evaluate(bare, make_track(SHIFT_M, range(2)))
    assert figures["ground_truth"] is None and figures["scan"]["meshes"] == 2


@pytest.mark.parametrize("harm", ["no table", "no mesh", "damaged table", "damaged mesh", "another recording"])
def test_tracks_that_cannot_be_evaluated_are_refused_in_one_line(
    sequence: Path, make_track: Callable[..., Path], harm: str
) -> None:
    track = make_track(SHIFT_M, range(1))
    mesh = track / "meshes" / "00000.ply"
    if harm == "no table":
        (track / "track.npz").unlink()
    elif harm == "no mesh":
        mesh.unlink()
    elif harm == "damaged table":
        (track / "track.npz").write_bytes(b"PK not a zip")
    elif harm == "damaged mesh":
        mesh.write_bytes(mesh.read_bytes()[:2000])
    else:
        arrays = dict(np.load(track / "track.npz"))
        np.savez(track / "track.npz", **{**arrays, "frame_index": arrays["frame_index"] + 500})
        mesh.rename(track / "meshes" / "00500.ply")
    with pytest.raises(DataError) as caught:
        evaluate(sequence, track)
    assert str(track) in str(caught.value) and "\n" not in str(caught.value)


def test_ground_truth_that_does_not_fit_is_refused(sequence: Path, tmp_path: Path) -> None:
    arrays = dict(np.load(sequence / "ground_truth.npz"))
    arrays["weights"] = arrays["weights"][:, 1:]
    np.savez(tmp_path / "ground_truth.npz", **arrays)
    with pytest.raises(DataError, match="'weights' has shape"):
        GroundTruth.load(tmp_path)
