"""FLAME's files are read as data: equal to what the real unpickler gives, and never run, whatever they hold."""

from __future__ import annotations

import io
import os
import pickle
import struct
import sys
import types
from pathlib import Path
from typing import Any

import flame_models
import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from dphm_core.dataset.flame.landmark_file import IBUG_WITHOUT_JAW, read_embedding
from dphm_core.dataset.flame.model_file import FlameArrays, read_flame
from dphm_core.errors import CheckpointError


@pytest.fixture(scope="module")
def arrays() -> dict[str, np.ndarray]:
    return flame_models.flame_arrays()


@pytest.fixture(scope="module")
def python_2_file(arrays: dict[str, np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("flame") / "generic_model.pkl"
    path.write_bytes(flame_models.python_2_pickle(arrays))
    return path


def small_arrays(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The first vertices, for files that are read often."""
    count = 300
    faces = arrays["f"][(arrays["f"] < count).all(axis=1)]
    sliced = {name: arrays[name][:count] for name in ("v_template", "shapedirs", "posedirs", "weights")}
    regressor = np.zeros((5, count))
    regressor[:, :10] = 0.1
    return sliced | {"J_regressor": regressor, "f": faces, "kintree_table": arrays["kintree_table"]}


def same(read: FlameArrays, arrays: dict[str, np.ndarray]) -> bool:
    return (
        np.array_equal(read.template, arrays["v_template"])
        and np.array_equal(read.directions, arrays["shapedirs"])
        and np.array_equal(read.pose_directions, arrays["posedirs"])
        and np.array_equal(read.joint_regressor, arrays["J_regressor"])
        and np.array_equal(read.weights, arrays["weights"])
        and np.array_equal(read.faces, arrays["f"])
        and read.parents == (-1, 0, 1, 1, 1)
    )


def test_python_2s_file(arrays: dict[str, np.ndarray], python_2_file: Path) -> None:
    assert same(read_flame(python_2_file), arrays)


def test_the_standard_unpickler_reads_the_same(
    arrays: dict[str, np.ndarray], python_2_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chumpy, sparse = types.ModuleType("chumpy.ch"), types.ModuleType("scipy.sparse.csc")
    chumpy.Ch = type("Ch", (), {"__module__": "chumpy.ch"})  # type: ignore[attr-defined]
    sparse.csc_matrix = scipy.sparse.csc_matrix  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "chumpy", types.ModuleType("chumpy"))
    monkeypatch.setitem(sys.modules, "chumpy.ch", chumpy)
    monkeypatch.setitem(sys.modules, "scipy.sparse.csc", sparse)
    found = pickle.loads(python_2_file.read_bytes(), encoding="latin1")
    assert np.array_equal(found["shapedirs"].x, arrays["shapedirs"])
    assert found["shapedirs"]._dirty_vars == {"x"}
    assert np.array_equal(found["J_regressor"].toarray(), arrays["J_regressor"])
    assert np.array_equal(found["f"], arrays["f"])


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("layout", ["csc", "csr", "plain"])
def test_python_3s_files(arrays: dict[str, np.ndarray], tmp_path: Path, protocol: int, layout: str) -> None:
    arrays = small_arrays(arrays)
    arrays["posedirs"] = np.asfortranarray(arrays["posedirs"])
    made: dict[str, Any] = dict(arrays)
    if layout != "plain":
        made["J_regressor"] = getattr(scipy.sparse, f"{layout}_matrix")(arrays["J_regressor"])
    path = tmp_path / "flame.pkl"
    path.write_bytes(pickle.dumps(made, protocol=protocol))
    assert same(read_flame(path), arrays)


def test_an_npz(arrays: dict[str, np.ndarray], tmp_path: Path) -> None:
    arrays = small_arrays(arrays)
    np.savez(tmp_path / "flame.npz", **arrays)
    assert same(read_flame(tmp_path / "flame.npz"), arrays)


class Runs:
    """Whoever unpickles this calls something."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self._call = function, arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return self._call


def nested(depth: int) -> bytes:
    """A key that takes 2^depth steps to hash."""
    return b"\x80\x02})" + b"q\x00h\x00\x86" * depth + b"K\x01s."


HOSTILE = {
    "os.system": (pickle.dumps(Runs(os.system, "touch ran")), r"system"),
    "builtins.eval": (pickle.dumps(Runs(eval, "open('ran', 'w')")), r"builtins.eval"),
    "python 2's eval": (b"c__builtin__\neval\n(S'open(\"ran\", \"w\")'\ntR.", r"__builtin__.eval"),
    "numpy.load": (pickle.dumps(Runs(np.load, "ran.npy")), r"numpy.load"),
    "numpy.fromfile": (b"cnumpy\nfromfile\n(S'/etc/passwd'\ntR.", r"numpy.fromfile"),
    "numpy's test runner": (b"cnumpy.testing._private.utils\nrunstring\n(S'1'\n}tR.", r"runstring"),
    "a dotted name": (b"\x80\x04\x8c\x05numpy\x8c\x0ecore.os.system\x93\x8c\x02ls\x85R.", r"numpy.core.os.system"),
    "a persistent object": (b"Pran\n.", "PERSID"),
    "an extension": (b"\x80\x02\x82\x01.", "EXT1"),
    "a memo of gigabytes": (b"\x80\x02Nr\xff\xff\xff\x7f.", "holds no arrays"),
    "a string of gigabytes": (b"\x80\x04\x8e\xff\xff\xff\xff\x0f\x00\x00\x00abc.", "damaged"),
    "a key without end": (nested(64), "damaged"),
    "endless steps": (b"\x80\x02" + b"N0" * 200_000 + b"N.", "steps"),
    "nothing on the stack": (b"\x80\x02.", "damaged"),
    "a list that fills itself": (b"\x80\x02]q\x00h\x00a.", "holds no arrays"),
    "text": (b"# README\n\nGet the model from its site.\n", "neither a pickle nor"),
    "nothing": (b"", "neither a pickle nor"),
    "a number": (b"K\x01.", "holds no arrays"),
}  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.timeout(20)
def test_hostile_files_are_refused_in_one_line(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content, told = HOSTILE[kind]
    monkeypatch.chdir(tmp_path)
    Path("model.pkl").write_bytes(content)
    for read in (read_flame, lambda path: read_embedding(path, np.zeros((1, 3), np.int32))):
        with pytest.raises(CheckpointError, match=told if read is read_flame else None) as error:
            read(Path("model.pkl"))
        assert "\n" not in str(error.value)
    assert [path.name for path in tmp_path.iterdir()] == ["model.pkl"], "nothing ran"


def array_pickle(shape: tuple[int, ...], kind: bytes = b"f8", raw: bytes = b"\0" * 8) -> bytes:
    whole = flame_models.whole
    dtype = b"cnumpy\ndtype\nU" + bytes([len(kind)]) + kind + b"K\0K\1\x87R(K\3U\1<NNN" + whole(-1) * 2 + b"K\0tb"
    start = b"\x80\x02}U\x0av_templatecnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85U\1b\x87R(K\1("
    lengths = b"".join(b"\x8a\x08" + struct.pack("<q", n) for n in shape)
    return start + lengths + b"t" + dtype + b"\x89T" + struct.pack("<I", len(raw)) + raw + b"tbs."


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (array_pickle((10**12, 3)), "says to be of shape"),
        (array_pickle((2**40, 2**40)), "says to be of shape"),
        (array_pickle((-1, 3)), "absurd shape"),
        (array_pickle((1, 1, 1, 1, 1, 1)), "absurd shape"),
        (array_pickle((1,), b"O8"), "no numbers"),
        (array_pickle((1,), b"V8"), "no numbers"),
        (array_pickle((1,)), "'shapedirs' is missing"),
    ],
)
def test_arrays_that_lie_about_themselves(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "model.pkl").write_bytes(content)
    with pytest.raises(CheckpointError, match=told):
        read_flame(tmp_path / "model.pkl")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"v_template": np.zeros((6890, 3))}, "'shapedirs' has the shape"),
        ({"v_template": np.zeros((5, 3))}, "has 5 vertices"),
        ({"v_template": np.array(3.0)}, "has 0 vertices"),
        ({"shapedirs": np.zeros((300, 3, 10))}, r"'shapedirs' has the shape \(300, 3, 10\)"),
        ({"weights": np.zeros((300, 24))}, "'weights' has the shape"),
        ({"weights": np.zeros((300, 5))}, "do not sum to 1"),
        ({"posedirs": np.full((300, 3, 36), np.nan)}, "not finite"),
        ({"f": np.full((7, 3), 300)}, "beyond its vertices"),
        ({"f": np.zeros((0, 3), int)}, "beyond its vertices"),
        ({"kintree_table": np.full((2, 5), 7)}, "no tree"),
        ({"J_regressor": np.full((5, 300), "x")}, "no numbers"),
    ],
)
def test_other_models_are_told(arrays: dict[str, np.ndarray], tmp_path: Path, changes: dict, told: str) -> None:
    np.savez(tmp_path / "model.npz", **(small_arrays(arrays) | changes))
    with pytest.raises(CheckpointError, match=told) as error:
        read_flame(tmp_path / "model.npz")
    assert "generic_model.pkl" in str(error.value)


def test_a_model_in_millimetres_is_told(arrays: dict[str, np.ndarray], tmp_path: Path) -> None:
    parts = small_arrays(arrays)
    np.savez(tmp_path / "model.npz", **(parts | {"v_template": parts["v_template"] * 1000}))
    with pytest.raises(CheckpointError, match="its head has"):
        read_flame(tmp_path / "model.npz")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere.pkl", tmp_path):
        with pytest.raises(CheckpointError, match="cannot be read"):
            read_flame(path)


def test_pickled_arrays_in_an_npz_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "model.npz", v_template=np.array([Runs(os.system, "touch ran")]))
    with pytest.raises(CheckpointError, match="is no FLAME model"):
        read_flame(tmp_path / "model.npz")


def test_cut_anywhere_it_is_told(arrays: dict[str, np.ndarray], tmp_path: Path) -> None:
    small = small_arrays(arrays)
    packed = io.BytesIO()
    np.savez(packed, **small)
    for content in (flame_models.python_2_pickle(small), packed.getvalue()):
        for end in np.linspace(0, len(content) - 1, 12).astype(int):
            (tmp_path / "model").write_bytes(content[:end])
            with pytest.raises(CheckpointError):
                read_flame(tmp_path / "model")


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_whatever_the_bytes_it_is_read_or_told(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    whole = bytearray(flame_models.python_2_pickle({"v_template": np.zeros((2, 3)), "J_regressor": np.eye(5)}))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "fuzzed.pkl"
    path.write_bytes(bytes(whole))
    with pytest.raises(CheckpointError):
        read_flame(path)


def landmarks_on(count: int) -> dict[str, np.ndarray]:
    return {"lmk_face_idx": np.arange(count) % 50, "lmk_b_coords": np.tile([0.2, 0.3, 0.5], (count, 1))}


FACES = np.arange(150, dtype=np.int32).reshape(50, 3)


@pytest.mark.parametrize("kind", ["pkl", "npz", "npy"])
def test_landmark_files(tmp_path: Path, kind: str) -> None:
    path, parts = tmp_path / f"landmarks.{kind}", landmarks_on(51)
    if kind == "pkl":
        path.write_bytes(pickle.dumps(parts, protocol=2))
    elif kind == "npz":
        np.savez(path, **parts)
    else:
        full = {"full_lmk_faces_idx": np.arange(68)[None] % 50, "full_lmk_bary_coords": np.zeros((1, 68, 3))}
        full["full_lmk_bary_coords"][:] = parts["lmk_b_coords"][0]
        np.save(path, np.array(full))
    found = read_embedding(path, FACES)
    assert tuple(found.landmarks) == IBUG_WITHOUT_JAW
    assert np.array_equal(found.corners[0], FACES[17 if kind == "npy" else 0])
    assert found.weights == pytest.approx(np.tile([0.2, 0.3, 0.5], (51, 1)))


def test_mediapipes_landmarks_come_with_their_numbers(tmp_path: Path) -> None:
    np.savez(tmp_path / "mp.npz", **landmarks_on(105), landmark_indices=np.arange(105) + 60)
    found = read_embedding(tmp_path / "mp.npz", FACES)
    assert np.array_equal(found.landmarks, np.arange(105) + 60)


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        (landmarks_on(50), "50 points"),
        (landmarks_on(51) | {"lmk_face_idx": np.full(51, 50)}, "beyond the mesh"),
        (landmarks_on(51) | {"lmk_b_coords": np.ones((51, 3))}, "do not sum to 1"),
        (landmarks_on(51) | {"lmk_b_coords": np.full((51, 3), np.nan)}, "do not sum to 1"),
        (landmarks_on(105) | {"landmark_indices": np.arange(105) + 400}, "beyond the mesh or the landmarks"),
        ({"lmk_face_idx": np.arange(51)}, "'lmk_b_coords' is missing"),
    ],
)
def test_wrong_landmark_files_are_told(tmp_path: Path, parts: dict, told: str) -> None:
    np.savez(tmp_path / "lm.npz", **parts)
    with pytest.raises(CheckpointError, match=told) as error:
        read_embedding(tmp_path / "lm.npz", FACES)
    assert "leave it out" in str(error.value)
