"""The original's tracking files: written and read back, in both forms of its rotations, and refused where damaged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dphm_core.errors import DataError
from dphm_core.heads.config import HeadConfig
from dphm_core.tracking.offline.track_file import TrackingFile, read_tracking_file

FRAMES = 3
OFFICIAL = HeadConfig()


def made_up() -> TrackingFile:
    rng = np.random.default_rng(0)
    return TrackingFile(
        identity_code=rng.standard_normal(1344).astype(np.float32),
        expression_codes=rng.standard_normal((FRAMES, 200)).astype(np.float32),
        rotation=Rotation.from_euler("xyz", [[170, 20, 5], [180, 0, 0], [-170, -60, 3]], True)
        .as_matrix()
        .astype(np.float32),
        translation_m=rng.uniform(-0.1, 0.6, (FRAMES, 3)).astype(np.float32),
        scale=1.03,
        frame_index=np.array([4, 5, 9]),
    )


def written(path: Path, **changes: Any) -> Path:
    """A file as the original writes it, without frame numbers; None leaves an array out."""
    state = made_up()
    arrays: dict[str, Any] = {
        "lat_rep_shape": state.identity_code[None, None],
        "lat_reps_expr": state.expression_codes[:, None],
        "rot": state.rotation,
        "rot_euler": Rotation.from_matrix(state.rotation).as_quat(scalar_first=True),
        "trans": state.translation_m,
        "scale": np.array([[state.scale]]),
    }
    np.savez(path, **{name: value for name, value in (arrays | changes).items() if value is not None})
    return path


def check_same(read: TrackingFile) -> None:
    state = made_up()
    for name in ("identity_code", "expression_codes", "rotation", "translation_m"):
        np.testing.assert_allclose(getattr(read, name), getattr(state, name), atol=1e-5, err_msg=name)
    assert read.scale == pytest.approx(state.scale)


@pytest.mark.parametrize("euler", [False, True])
def test_it_is_written_in_the_originals_layout_and_read_back(tmp_path: Path, euler: bool) -> None:
    path = tmp_path / "head_init.npz"
    path.write_bytes(made_up().to_bytes(euler))
    with np.load(path, allow_pickle=False) as arrays:
        shapes = {name: arrays[name].shape for name in arrays.files}
        turned = arrays["rot_euler"]
    assert shapes == {
        "lat_rep_shape": (1, 1, 1344), "lat_reps_expr": (FRAMES, 1, 200), "rot": (FRAMES, 3, 3),
        "rot_euler": (FRAMES, 3 if euler else 4), "trans": (FRAMES, 3), "scale": (1,), "frame_index": (FRAMES,),
    }  # fmt: skip
    same = Rotation.from_euler("ZYX", turned) if euler else Rotation.from_quat(turned, scalar_first=True)
    np.testing.assert_allclose(same.as_matrix(), made_up().rotation, atol=1e-5)
    read = read_tracking_file(path, OFFICIAL)
    check_same(read)
    assert read.frame_index is not None and read.frame_index.tolist() == [4, 5, 9]


@pytest.mark.parametrize("kind", ["matrices", "quaternions", "angles"])
def test_the_originals_files_are_read(tmp_path: Path, kind: str) -> None:
    rotation = Rotation.from_matrix(made_up().rotation)
    turned = {"quaternions": rotation.as_quat(scalar_first=True), "angles": rotation.as_euler("ZYX")}
    changes = {} if kind == "matrices" else {"rot": None, "rot_euler": turned[kind]}
    read = read_tracking_file(written(tmp_path / "head_incre.npz", **changes), OFFICIAL)
    check_same(read)
    assert read.frame_index is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lat_rep_shape": None}, "lat_rep_shape"),
        ({"lat_rep_shape": np.zeros((1, 1, 544), np.float32)}, "lat_rep_shape.*1344"),
        ({"lat_reps_expr": np.zeros((FRAMES, 1, 53), np.float32)}, "lat_reps_expr.*200"),
        ({"lat_reps_expr": np.zeros((0, 1, 200), np.float32)}, "lat_reps_expr"),
        ({"trans": np.zeros((FRAMES + 1, 3), np.float32)}, "trans"),
        ({"trans": np.full((FRAMES, 3), np.nan)}, "trans"),
        ({"scale": np.array([1.0, 1.0])}, "scale"),
        ({"scale": np.array(0.0)}, "scale"),
        ({"rot": np.zeros((FRAMES, 3, 3), np.float32)}, "rotations"),
        ({"rot": np.tile(np.diag([1.0, 1.0, -1.0]), (FRAMES, 1, 1))}, "rotations"),
        ({"rot": None, "rot_euler": np.zeros((FRAMES, 6))}, "rot_euler"),
        ({"rot": None, "rot_euler": None}, "rot_euler"),
        ({"frame_index": np.array([3, 2, 1])}, "frame_index"),
        ({"trans": np.array(["a", "b", "c"])}, "trans"),
    ],
)
def test_files_of_another_kind_are_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    path = written(tmp_path / "head_joint.npz", **changes)
    with pytest.raises(DataError, match=message) as caught:
        read_tracking_file(path, OFFICIAL)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_pickles_truncated_and_missing_files_are_refused(tmp_path: Path) -> None:
    pickled = tmp_path / "pickled_init.npz"
    np.savez(pickled, lat_reps_expr=np.array([{"a": 1}], dtype=object))
    cut = tmp_path / "cut_init.npz"
    whole = written(tmp_path / "whole_init.npz").read_bytes()
    cut.write_bytes(whole[: len(whole) // 2])
    for path in (pickled, cut):
        with pytest.raises(DataError, match="not a tracking file"):
            read_tracking_file(path, OFFICIAL)
    with pytest.raises(DataError, match=r"none_init\.npz cannot be read: No such file or directory; give"):
        read_tracking_file(tmp_path / "none_init.npz", OFFICIAL)
