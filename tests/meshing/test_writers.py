"""Mesh files: read back by another library, quick to make, all or nothing."""

from __future__ import annotations

import io
import time
from pathlib import Path

import numpy as np
import pytest
import trimesh

from dphm_core.errors import OutputError
from dphm_core.meshing.normals import vertex_normals_reference
from dphm_core.meshing.writers import ENCODERS, mesh_encoder, write_mesh

RNG = np.random.default_rng(0)
VERTICES = RNG.normal(0, 0.1, (200, 3)).astype(np.float32)
FACES = RNG.integers(0, 200, (390, 3)).astype(np.int32)


@pytest.mark.parametrize(("extension", "tolerance"), [(".ply", 0.0), (".obj", 1e-6)])
def test_a_written_mesh_reads_back(tmp_path: Path, extension: str, tolerance: float) -> None:
    path = tmp_path / f"head{extension}"
    write_mesh(path, VERTICES, FACES)
    mesh = trimesh.load_mesh(path, process=False, maintain_order=True)
    assert np.abs(np.asarray(mesh.vertices, np.float32) - VERTICES).max() <= tolerance
    assert (mesh.faces == FACES).all()
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_normals_read_back(tmp_path: Path) -> None:
    ball = trimesh.creation.icosphere(2, radius=0.1)
    vertices, faces = ball.vertices.astype(np.float32), ball.faces.astype(np.int32)
    encoded = {name: mesh_encoder(name, faces, "a ball", normals=True)(vertices) for name in (".ply", ".obj")}
    read = trimesh.exchange.ply.load_ply(io.BytesIO(encoded[".ply"]))
    np.testing.assert_allclose(read["vertex_normals"], vertex_normals_reference(vertices, faces), atol=1e-5)
    np.testing.assert_array_equal(read["vertices"], vertices)
    assert (read["faces"] == faces).all()
    lines = [line.split() for line in encoded[".obj"].decode().splitlines()]
    turned = np.array([line[1:] for line in lines if line[0] == "vn"], float)
    np.testing.assert_allclose(turned, read["vertex_normals"], atol=6e-5)
    assert next(line[1:] for line in lines if line[0] == "f") == [f"{corner + 1}//{corner + 1}" for corner in faces[0]]
    (tmp_path / "ball.obj").write_bytes(encoded[".obj"])
    mesh = trimesh.load_mesh(tmp_path / "ball.obj", process=False, maintain_order=True)
    np.testing.assert_allclose(mesh.vertices, vertices, atol=1e-6)
    assert (mesh.faces == faces).all()


def test_a_head_is_encoded_as_ply_in_less_than_5_ms() -> None:
    vertices = RNG.normal(0, 1, (16_000, 3)).astype(np.float32)
    encode = mesh_encoder(".ply", RNG.integers(0, 16_000, (32_000, 3)).astype(np.int32))
    seconds = []
    for _ in range(20):
        start = time.perf_counter()
        encode(vertices)
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.005


def test_unknown_extensions_are_refused_by_name() -> None:
    with pytest.raises(OutputError, match=r"'\.stl'.*\.ply, \.obj"):
        mesh_encoder(".stl", FACES)
    assert set(ENCODERS) == {".ply", ".obj"}


def test_faces_must_name_vertices_that_exist(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="the mesh has 100"):
        write_mesh(tmp_path / "head.ply", VERTICES[:100], FACES)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("vertices", "faces", "told"),
    [
        ([], [], r"vertices are rows of three real numbers, not float64 of the shape \(0,\)"),
        (VERTICES[:, :2], FACES, r"vertices are .* of the shape \(\d+, 2\)"),
        (None, FACES, "vertices are rows of three real numbers, not object"),
        ([[0, 0, 0], [1]], FACES, "vertices are rows of three real numbers, and these are not equally long"),
        (VERTICES, VERTICES, "faces are rows of three whole numbers, not float32"),
        (VERTICES, [[0, 1, 2, 3]], r"faces are .* of the shape \(1, 4\)"),
        (VERTICES, [[0, 1, 1 << 40]], "faces name vertices"),
    ],
)
def test_tables_of_other_shapes_and_kinds_are_refused(
    tmp_path: Path, vertices: object, faces: object, told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        write_mesh(tmp_path / "head.ply", vertices, faces)  # type: ignore[arg-type]
    with pytest.raises(OutputError, match=r"'\.fbx'; choose one of \.ply, \.obj"):
        write_mesh(tmp_path / "head.fbx", vertices, faces)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_lists_and_other_kinds_of_numbers_are_converted(tmp_path: Path) -> None:
    write_mesh(tmp_path / "a.ply", VERTICES, FACES)
    write_mesh(tmp_path / "b.ply", VERTICES.astype(float).tolist(), FACES.tolist())  # type: ignore[arg-type]
    assert (tmp_path / "b.ply").read_bytes() == (tmp_path / "a.ply").read_bytes()


def test_a_file_that_cannot_be_written_is_told_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"missing.head\.ply cannot be written.*make the folder .*missing first"):
        write_mesh(tmp_path / "missing" / "head.ply", VERTICES, FACES)


def test_a_failed_write_leaves_the_earlier_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "head.ply"
    path.mkdir()
    with pytest.raises(OutputError, match="cannot be written"):
        write_mesh(path, VERTICES, FACES)
    assert list(tmp_path.iterdir()) == [path]
