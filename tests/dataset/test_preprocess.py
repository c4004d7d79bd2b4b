"""Preprocessing writes the data set's own files, goes on where it was broken off, and takes what is there already."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from sequences import DEMO, contents, make_sequence, save_array

from dphm_core.dataset import layout
from dphm_core.dataset.cut import HIGH, LOW
from dphm_core.dataset.options import PreprocessOptions
from dphm_core.dataset.poses import FIT_FILE, OURS
from dphm_core.dataset.preprocess import preprocess
from dphm_core.errors import CalibrationError, Cancelled, OutputError, SourceError
from dphm_core.frames import Similarity
from dphm_core.landmarks.lift import lift_landmarks
from dphm_core.sources import open_source
from dphm_core.sources.points_folder import draw_depth

INDICES = (0, 1, 3)
TRUTH = np.load(DEMO / "ground_truth.npz")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_sequence(tmp_path_factory.mktemp("data") / "anna_smile", INDICES)
    made = preprocess(folder)
    assert (made.frames, made.earlier, made.aligned, made.damaged) == (3, 0, 3, 0)
    return folder


@pytest.fixture
def copied(done: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(done, tmp_path / "anna_smile"))


def array(folder: Path, kind: str, index: int) -> np.ndarray:
    return np.load(folder / kind / f"{index:05d}.npy", allow_pickle=False)


def true_pose(index: int) -> Similarity:
    return Similarity(TRUTH["rotation"][index], TRUTH["translation_m"][index], float(TRUTH["scale"]))


def test_the_files_are_the_data_sets(done: Path) -> None:
    for index in INDICES:
        points, normals = array(done, "points_new", index), array(done, "normals_new", index)
        assert points.dtype == normals.dtype == np.float32
        assert points.shape == normals.shape and len(points) > 10_000
        assert np.linalg.norm(normals, axis=1) == pytest.approx(1, abs=1e-4)
        assert ((normals * points).sum(axis=1) < 0).all(), "normals look at the camera"
        assert array(done, "lms_3d_mp_new", index).shape == (478, 3)
        relative = array(done, "color/Mediapipe_landmarks", index)
        assert relative.shape == (478, 2) and relative.min() > 0 and relative.max() < 1
    assert not (done / "lms_3d_pip_new").exists()


def test_points_are_the_heads_depth_pixels(done: Path) -> None:
    fit = np.load(done / FIT_FILE)
    with open_source(done) as source:
        for frame in source:
            points = array(done, "points_new", frame.index)
            drawn = draw_depth(points, frame.intrinsics)
            assert (drawn > 0).sum() == len(points), "no two in one pixel, none beside the image"
            assert np.abs(drawn - frame.depth_m)[drawn > 0].max() < 0.015, "only smoothed"
            pose = Similarity(
                fit["rotation_matrices"][frame.index], fit["translation"][frame.index], fit["scale"].item()
            )
            head = pose.to_head(points)
            assert (head > LOW - 1e-4).all() and (head < HIGH + 1e-4).all()


def test_landmarks_in_space_are_lifted_ones(done: Path) -> None:
    with open_source(done) as source:
        frame = next(source)
    size = np.array([frame.intrinsics.width, frame.intrinsics.height])
    lifted = lift_landmarks(array(done, "color/Mediapipe_landmarks", 0) * size - 0.5, frame.depth_m, frame.intrinsics)
    written = array(done, "lms_3d_mp_new", 0)
    known = np.isfinite(lifted).all(axis=1)
    assert known.sum() > 300 and np.isfinite(written).all()
    assert np.abs(written - lifted)[known].max() < 1e-4
    assert (written[~known] == 0).all()


def test_first_poses_are_near_the_truth(done: Path) -> None:
    fit = np.load(done / FIT_FILE)
    assert fit["rotation_matrices"].shape == (4, 3, 3) and fit["translation"].shape == (4, 3)
    assert fit["scale"].shape == (1, 1) and fit["scale"].squeeze().shape == ()
    assert fit[OURS].tolist() == [True, True, False, True]
    nose = np.array([[0, 0, 0.3]], dtype=np.float32)
    for index in INDICES:
        turn = fit["rotation_matrices"][index].T @ TRUTH["rotation"][index]
        assert np.degrees(np.arccos(np.clip((np.trace(turn) - 1) / 2, -1, 1))) < 6
        pose = Similarity(fit["rotation_matrices"][index], fit["translation"][index], fit["scale"].item())
        assert np.linalg.norm(pose.to_camera(nose) - true_pose(index).to_camera(nose)) < 0.015
    assert (fit["translation"][2] == fit["translation"][1]).all(), "the missing frame has its neighbour's"


def test_what_is_done_is_not_done_again(copied: Path) -> None:
    before = contents(copied)
    lost = copied / "points_new" / "00001.npy"
    lost.unlink()
    kept = copied / "points_new" / "00000.npy"
    stamp = kept.stat().st_mtime_ns
    made = preprocess(copied)
    assert (made.frames, made.earlier) == (3, 2)
    assert kept.stat().st_mtime_ns == stamp
    assert contents(copied) == before


def test_overwrite_does_all_again(copied: Path) -> None:
    before = contents(copied)
    save_array(copied / "points_new" / "00000.npy", np.zeros((5, 3), np.float32))
    assert preprocess(copied).earlier == 3
    made = preprocess(copied, options=PreprocessOptions(overwrite=True))
    assert (made.frames, made.earlier, made.aligned) == (3, 0, 3)
    assert contents(copied) == before


@pytest.mark.parametrize("last", [1, 4])
def test_cancelled_it_leaves_whole_files_and_goes_on(done: Path, tmp_path: Path, last: int) -> None:
    folder = make_sequence(tmp_path / "anna_smile", INDICES)

    def tell(steps: int, total: int | None) -> None:
        assert total == 6
        if steps >= last:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        preprocess(folder, tell=tell)
    whole = contents(done)
    assert all(whole[name] == content for name, content in contents(folder).items() if name != FIT_FILE)
    preprocess(folder)
    assert contents(folder).keys() == whole.keys()
    assert array(folder, "points_new", 3).shape == array(done, "points_new", 3).shape


def test_it_writes_elsewhere_when_asked(copied: Path, tmp_path: Path) -> None:
    raw = make_sequence(tmp_path / "raw", [0])
    before = contents(raw)
    made = preprocess(raw, tmp_path / "out")
    assert made.poses == tmp_path / "out" / FIT_FILE
    assert contents(raw) == before
    assert (tmp_path / "out" / "points_new" / "00000.npy").is_file()


def test_a_frame_without_a_face_has_its_points_and_no_landmarks(tmp_path: Path) -> None:
    folder = make_sequence(tmp_path / "s", INDICES, faceless=[0])
    made = preprocess(folder)
    assert (made.frames, made.aligned) == (3, 2)
    assert len(array(folder, "points_new", 0)) > 10_000
    assert (array(folder, "lms_3d_mp_new", 0) == 0).all()
    assert not (folder / "color/Mediapipe_landmarks/00000.npy").exists()


def test_without_any_face_nothing_is_written(tmp_path: Path) -> None:
    folder = make_sequence(tmp_path / "s", [0, 1], faceless=[0, 1])
    before = contents(folder)
    with pytest.raises(CalibrationError, match="no face with depth in any of 2 frames"):
        preprocess(folder)
    assert contents(folder) == before


@pytest.mark.parametrize("columns", [2, 3])
def test_landmarks_that_are_there_are_taken(done: Path, tmp_path: Path, columns: int) -> None:
    folder = make_sequence(tmp_path / "s", INDICES, faceless=[0])  # so that nothing could be detected
    given = array(done, "color/Mediapipe_landmarks", 0)
    given = np.column_stack([given, np.ones(len(given))])[:, :columns]
    path = folder / "color/Mediapipe_landmarks/00000.npy"
    save_array(path, given)
    before = path.read_bytes()
    assert preprocess(folder).aligned == 3
    assert path.read_bytes() == before
    assert array(folder, "lms_3d_mp_new", 0) == pytest.approx(array(done, "lms_3d_mp_new", 0), abs=1e-4)


@pytest.mark.parametrize(
    "content", [b"", b"\x93NUMPY\x01\x00", b"no array", np.zeros((478, 4)), np.zeros((10, 2)), np.array([["a", "b"]])]
)
def test_damaged_landmark_files_are_told_and_left_alone(
    copied: Path, content: bytes | np.ndarray, caplog: pytest.LogCaptureFixture
) -> None:
    path = copied / "color/Mediapipe_landmarks/00000.npy"
    path.write_bytes(content) if isinstance(content, bytes) else save_array(path, content)
    before = path.read_bytes()
    whole = (copied / "lms_3d_mp_new/00000.npy").read_bytes()
    for kind in ("points_new", "lms_3d_mp_new"):
        (copied / kind / "00000.npy").unlink()
    assert preprocess(copied).frames == 3
    assert "00000.npy" in caplog.text and "left out" in caplog.text
    assert path.read_bytes() == before
    assert (copied / "lms_3d_mp_new/00000.npy").read_bytes() == whole


def test_pipnet_landmarks_are_lifted(tmp_path: Path) -> None:
    folder = make_sequence(tmp_path / "s", [0])
    with open_source(folder) as source:
        frame = next(source)
    middle = np.array([frame.intrinsics.width, frame.intrinsics.height]) / 2
    pixels = middle + np.random.default_rng(0).uniform(-40, 40, (98, 2))
    pixels[5] = -100  # outside of the image
    save_array(folder / layout.PIPNET / "00000.npy", pixels)
    preprocess(folder)
    written = array(folder, "lms_3d_pip_new", 0)
    expected = lift_landmarks(pixels.astype(np.float32), frame.depth_m, frame.intrinsics)
    assert written.shape == (98, 3) and (written[5] == 0).all()
    assert np.isfinite(expected).any()
    assert written == pytest.approx(np.nan_to_num(expected), abs=1e-6)


def flame_fit(path: Path, frames: int = 4, **others: np.ndarray) -> dict[str, np.ndarray]:
    """Write the truth as a FLAME fit."""
    arrays = {
        "rotation_matrices": TRUTH["rotation"][:frames],
        "translation": TRUTH["translation_m"][:frames],
        "scale": np.full((1, 1), TRUTH["scale"]),
    }
    arrays |= others
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **arrays)
    return arrays


@pytest.mark.parametrize("place", ["in the sequence", "file", "root"])
def test_a_flame_fit_is_used(copied: Path, tmp_path: Path, place: str) -> None:
    path = {"in the sequence": copied, "file": tmp_path / "x", "root": tmp_path / "root" / "anna_smile"}[
        place
    ] / FIT_FILE
    flame_fit(path)
    before = path.read_bytes()
    given = {"in the sequence": None, "file": path, "root": tmp_path / "root"}[place]
    made = preprocess(copied, options=PreprocessOptions(flame_fit=given, overwrite=True))
    assert made.poses.read_bytes() == before and made.poses.samefile(path)
    head = true_pose(1).to_head(array(copied, "points_new", 1))
    assert (head > LOW - 1e-4).all() and (head < HIGH + 1e-4).all()
    assert head[:, 1].min() < -0.4, "cut where this pose says"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"frames": 3}, "has poses of 3 frames, but the sequence has frame 3"),
        ({"scale": np.zeros((1, 1))}, "translation or scale is absurd"),
        ({"scale": np.ones(4)}, "do not belong together"),
        ({"translation": np.full((4, 3), np.nan)}, "translation or scale is absurd"),
        ({"translation": np.zeros((3, 3))}, "do not belong together"),
        ({"rotation_matrices": np.full((4, 3, 3), np.nan)}, "are no rotations"),
        ({"rotation_matrices": -np.stack([np.eye(3)] * 4)}, "are no rotations"),
        ({"rotation_matrices": np.zeros((0, 3, 3))}, "do not belong together"),
        ({"rotation_matrices": np.array("x")}, "no numbers"),
    ],
)
def test_a_damaged_flame_fit_is_an_error(copied: Path, changes: dict, told: str) -> None:
    flame_fit(copied / FIT_FILE, **changes)
    with pytest.raises(SourceError, match=told):
        preprocess(copied)


def test_a_cut_flame_fit_is_an_error(copied: Path) -> None:
    path = copied / FIT_FILE
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(SourceError, match="is no FLAME fit"):
        preprocess(copied)


def test_what_cannot_be_preprocessed(copied: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="does not exist"):
        preprocess(tmp_path / "nowhere")
    file = tmp_path / "my.mkv"
    file.touch()
    with pytest.raises(SourceError, match="dphm convert"):
        preprocess(file)
    with pytest.raises(OutputError, match="is a file"):
        preprocess(copied, file)
    for place in (tmp_path, copied / FIT_FILE, tmp_path / "nowhere"):  # the first two hold our own
        with pytest.raises(SourceError, match="has no FLAME fit of this sequence"):
            preprocess(copied, options=PreprocessOptions(flame_fit=place))
    shutil.rmtree(copied / "depth")
    with pytest.raises(SourceError, match="preprocessed already"):
        preprocess(copied)


def test_a_real_head(shared_data: Path, tmp_path: Path) -> None:
    mannequin = tmp_path / "mannequin"
    (mannequin / "color").mkdir(parents=True)
    (mannequin / "depth").mkdir()
    for name in ("meta.json", "color/00000.png", "color/00040.png", "depth/00000.png", "depth/00040.png"):
        shutil.copy(shared_data / "truedepth_mannequin" / name, mannequin / name)
    made = preprocess(mannequin)
    assert (made.frames, made.aligned) == (2, 1), "the first frame shows it in profile"
    points = array(mannequin, "points_new", 40)
    assert len(points) > 10_000
    assert 0.2 < np.median(points[:, 2]) < 0.5
