"""Preparing the generator, on a tiny checkout with the same layout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dphm_core.errors import DataError
from dphm_core.training.prepare import prepare, read_obj

NEUTRAL = np.float32([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [2, 2, 2]])


def write_obj(path: Path, vertices: np.ndarray) -> None:
    lines = ["# a comment", "mtllib none.mtl"]
    lines += [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in vertices]
    lines += ["vt 0 0", "vn 0 0 1", "f 1/1/1 2/1/1 3/1/1 4/1/1", "f 3/1/1 4/1/1 5/1/1"]
    path.write_text("\n".join(lines) + "\n")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "ICT-FaceKit" / "FaceXModel"
    folder.mkdir(parents=True)
    write_obj(folder / "generic_neutral_mesh.obj", NEUTRAL)
    for number in range(3):
        write_obj(folder / f"identity{number:03d}.obj", NEUTRAL + (number + 1))
    for number, name in enumerate(("jawOpen", "PupilDilate_L", "browDown_L")):
        write_obj(folder / f"{name}.obj", NEUTRAL - np.float32([0, 0, number]))
    (folder / "vertex_indices.json").write_text('{"idx_to_landmark_verts": [0, 1]}')
    (folder.parent / "LICENSE").write_text("MIT")
    return folder.parent


def test_shapes_become_offsets_from_the_neutral_one(checkout: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    prepare(checkout, tmp_path / "out", lambda done, total: seen.append((done, total)))
    with np.load(tmp_path / "out" / "ict_facekit.npz", allow_pickle=False) as arrays:
        assert np.array_equal(arrays["neutral"], NEUTRAL)
        assert arrays["neutral"].dtype == np.float32
        assert arrays["triangles"].tolist() == [[0, 1, 2], [0, 2, 3], [2, 3, 4]]
        assert arrays["identity"].dtype == np.float16
        assert arrays["identity"][:, 0, 0].tolist() == [1, 2, 3]
        assert arrays["expression_names"].tolist() == ["PupilDilate_L", "browDown_L", "jawOpen"]
        assert arrays["expression"][:, 4, 2].tolist() == [-1, -2, 0]
    assert (tmp_path / "out" / "vertex_indices.json").read_text() == '{"idx_to_landmark_verts": [0, 1]}'
    assert (tmp_path / "out" / "LICENSE").read_text() == "MIT"
    assert seen == [(number, 6) for number in range(1, 7)]


def test_a_shape_with_other_vertices_is_named(checkout: Path, tmp_path: Path) -> None:
    write_obj(checkout / "FaceXModel" / "jawOpen.obj", np.vstack([NEUTRAL, NEUTRAL]))
    with pytest.raises(DataError, match=r"jawOpen\.obj has 10 vertices"):
        prepare(checkout, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", ["", "v 0 0\nf 1 2 3", "v 0 0 zero", "v 0 0 0\nf 1 2 3", "v nan 0 0"])
def test_damaged_meshes_are_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "x.obj").write_text(content)
    with pytest.raises(DataError, match=r"x\.obj cannot be read as an OBJ mesh"):
        read_obj(tmp_path / "x.obj")
