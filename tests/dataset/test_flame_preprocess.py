"""`dphm preprocess SEQ --flame FILE` from beginning to end, on the demo's frames and with wrong files."""

from __future__ import annotations

import shutil
from pathlib import Path

import flame_models
import numpy as np
import pytest
from sequences import DEMO, contents, make_sequence

from dphm_core.cli import main
from dphm_core.dataset.options import PreprocessOptions
from dphm_core.dataset.poses import FIT_FILE, FITTED, OURS, read_flame_fit
from dphm_core.dataset.preprocess import preprocess
from dphm_core.errors import Cancelled, SettingError

INDICES = (0, 1, 3, 40)
TRUTH = np.load(DEMO / "ground_truth.npz")
JAW_OPEN = list(TRUTH["expression_names"]).index("jawOpen")


@pytest.fixture(scope="module")
def flame(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("flame") / "generic_model.pkl"
    path.write_bytes(flame_models.python_2_pickle(flame_models.flame_arrays()))
    np.savez(path.with_name("landmarks.npz"), **flame_models.landmark_arrays())
    return path


@pytest.fixture(scope="module")
def options(flame: Path) -> PreprocessOptions:
    return PreprocessOptions(flame=flame, flame_landmarks=flame.with_name("landmarks.npz"))


@pytest.fixture(scope="module")
def done(options: PreprocessOptions, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_sequence(tmp_path_factory.mktemp("data") / "anna_smile", INDICES)
    made = preprocess(folder, options=options)
    assert (made.frames, made.aligned) == (4, 4)
    assert made.flame_mm is not None and made.flame_mm < 1.5
    return folder


@pytest.fixture
def copied(done: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(done, tmp_path / "anna_smile"))


def test_the_file_is_what_the_data_set_has_and_more(done: Path) -> None:
    with np.load(done / FIT_FILE, allow_pickle=False) as found:
        shapes = {name: found[name].shape for name in found.files}
        fit = dict(found)
    assert shapes == {
        "rotation_matrices": (41, 3, 3), "translation": (41, 3), "scale": (1, 1), "fitted": (41,), "shape": (1, 100),
        "expression": (41, 50), "jaw_pose": (41, 3), "residual_mm": (41,),
    }  # fmt: skip
    assert np.flatnonzero(fit[FITTED]).tolist() == list(INDICES)
    assert np.isfinite(fit["residual_mm"][list(INDICES)]).all() and np.isnan(fit["residual_mm"][2])
    assert (fit["expression"][2] == fit["expression"][1]).all(), "a missing frame has its neighbour's"
    assert np.abs(fit["shape"]).max() < 5


def test_poses_and_jaw_are_near_the_truth(done: Path) -> None:
    fit = np.load(done / FIT_FILE)
    for index in INDICES:
        turn = fit["rotation_matrices"][index].T @ TRUTH["rotation"][index]
        assert np.degrees(np.arccos(np.clip((np.trace(turn) - 1) / 2, -1, 1))) < 3
    opened = TRUTH["weights"][40, JAW_OPEN] - TRUTH["weights"][0, JAW_OPEN]
    assert opened > 0.3
    assert np.degrees(fit["jaw_pose"][40, 0] - fit["jaw_pose"][0, 0]) > 5


def test_it_is_read_as_a_fit_and_kept(
    copied: Path, options: PreprocessOptions, caplog: pytest.LogCaptureFixture
) -> None:
    read = read_flame_fit([copied / FIT_FILE])
    assert read is not None and len(read[1]) == 41
    before = contents(copied)
    made = preprocess(copied, options=options)
    assert "is a FLAME fit already" in caplog.text
    assert (made.earlier, made.aligned, made.flame_mm) == (4, 4, None)
    assert contents(copied) == before


def test_overwrite_makes_our_own_anew_and_never_anothers(copied: Path, options: PreprocessOptions) -> None:
    again = PreprocessOptions(flame=options.flame, flame_landmarks=options.flame_landmarks, overwrite=True)
    before = contents(copied)
    assert preprocess(copied, options=again).flame_mm is not None
    assert contents(copied) == before, "the same, to the last bit"
    fit = dict(np.load(copied / FIT_FILE))
    np.savez(copied / FIT_FILE, **{name: fit[name] for name in ("rotation_matrices", "translation", "scale")})
    foreign = (copied / FIT_FILE).read_bytes()
    assert preprocess(copied, options=again).flame_mm is None
    assert (copied / FIT_FILE).read_bytes() == foreign


def test_a_sequence_that_was_done_without_flame_is_fitted(
    done: Path, options: PreprocessOptions, tmp_path: Path
) -> None:
    folder = make_sequence(tmp_path / "s", INDICES[:2])
    assert preprocess(folder).flame_mm is None
    assert OURS in np.load(folder / FIT_FILE)
    points = (folder / "points_new/00000.npy").read_bytes()
    made = preprocess(folder, options=options)
    assert made.earlier == 2 and made.flame_mm is not None
    assert FITTED in np.load(folder / FIT_FILE)
    assert (folder / "points_new/00000.npy").read_bytes() == points


def test_cancelled_while_fitting_the_rigid_poses_stay(copied: Path, options: PreprocessOptions, done: Path) -> None:
    (copied / FIT_FILE).unlink()
    told: list[int] = []

    def tell(steps: int, total: int | None) -> None:
        assert total == 12 and steps <= 12
        told.append(steps)
        if steps >= 10:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        preprocess(copied, options=options, tell=tell)
    assert told == sorted(told)
    assert OURS in np.load(copied / FIT_FILE)
    preprocess(copied, options=options)
    assert contents(copied) == contents(done)


def test_options_that_contradict_each_other(copied: Path, options: PreprocessOptions) -> None:
    with pytest.raises(SettingError, match="give one of them"):
        preprocess(copied, options=PreprocessOptions(flame=options.flame, flame_fit=copied))
    with pytest.raises(SettingError, match="goes with --flame"):
        preprocess(copied, options=PreprocessOptions(flame_landmarks=options.flame_landmarks))


def test_the_command(flame: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make_sequence(tmp_path / "s", [0, 1])
    assert main(["preprocess", str(folder), "--flame", str(flame)]) == 0
    said = capsys.readouterr().out
    assert "2 of them with a pose of their own" in said
    assert "FLAME fitted: points lie" in said and "mm from its surface" in said


@pytest.mark.parametrize("wrong", ["README.md", "cut.npz", "other.npz", "fit.npz", "nowhere.pkl"])
def test_wrong_files_are_one_line_and_nothing_is_written(
    wrong: str, flame: Path, done: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = tmp_path / wrong
    arrays = flame_models.flame_arrays()
    if wrong == "README.md":
        given.write_text("# FLAME\n\nSee its site.\n")
    elif wrong == "cut.npz":
        np.savez(given, v_template=arrays["v_template"], weights=arrays["weights"])
        given.write_bytes(given.read_bytes()[:-1000])
    elif wrong == "other.npz":
        np.savez(given, **(arrays | {"weights": np.ones((len(arrays["weights"]), 24)) / 24}))
    elif wrong == "fit.npz":
        shutil.copy(done / FIT_FILE, given)
    folder = make_sequence(tmp_path / "s", [0])
    before = contents(folder)
    assert main(["preprocess", str(folder), "--flame", str(given)]) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert wrong in said and "generic_model.pkl" in said
    assert contents(folder) == before
