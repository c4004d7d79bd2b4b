"""Point-to-mesh distances against shapes with known answers and against trimesh."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from scipy.spatial.transform import Rotation

from dphm_core.evaluation.metrics import (
    Spread,
    closest_on_mesh,
    normal_agreement,
    on_mesh,
    recall,
    rotation_angle_deg,
)

TRIANGLE = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]]), np.array([[0, 1, 2]])


@pytest.mark.parametrize(
    ("point", "distance", "closest"),
    [
        ((0.2, 0.3, 0.5), 0.5, (0.2, 0.3, 0)),  # over the inside
        ((0.4, -2, 0), 2.0, (0.4, 0, 0)),  # beyond each edge
        ((-1, 0.7, 0), 1.0, (0, 0.7, 0)),
        ((1, 1, 0), np.sqrt(0.5), (0.5, 0.5, 0)),
        ((-1, -1, 0), np.sqrt(2), (0, 0, 0)),  # beyond each corner
        ((3, 0, 0), 2.0, (1, 0, 0)),
        ((-0.1, 4, 0), np.sqrt(9.01), (0, 1, 0)),
    ],
)
def test_closest_point_of_one_triangle(point: tuple[float, ...], distance: float, closest: tuple[float, ...]) -> None:
    vertices, faces = TRIANGLE
    found, face, weights = closest_on_mesh(np.array([point]), vertices, faces)
    assert found == pytest.approx(distance)
    assert face.tolist() == [0]
    assert on_mesh(vertices, faces, face, weights)[0] == pytest.approx(closest)


def test_a_triangle_without_area_counts_as_a_line() -> None:
    vertices = np.array([[0.0, 0, 0], [1, 0, 0], [2, 0, 0]])
    distance, _, weights = closest_on_mesh(np.array([[1.5, 1, 0], [3, 0, 0]]), vertices, np.array([[0, 1, 2]]))
    assert distance == pytest.approx([1, 1])
    assert weights.sum(axis=1) == pytest.approx(1)


@pytest.mark.parametrize("mesh", [trimesh.creation.icosphere(3), trimesh.creation.torus(1.0, 0.3), None])
def test_distances_are_those_of_trimesh(mesh: trimesh.Trimesh | None) -> None:
    rng = np.random.default_rng(5)
    if mesh is None:  # a bumpy sphere of uneven triangles
        sphere = trimesh.creation.icosphere(3)
        mesh = trimesh.Trimesh(sphere.vertices * rng.uniform(0.8, 1.2, (len(sphere.vertices), 1)), sphere.faces)
    near = mesh.sample(60, seed=1) + rng.normal(0, 0.01, (60, 3))
    points = np.concatenate([rng.uniform(-1.3, 1.3, (60, 3)), near])
    pairs = np.repeat(points, len(mesh.faces), axis=0)
    closest = trimesh.triangles.closest_point(np.tile(mesh.triangles, (len(points), 1, 1)), pairs)
    expected = np.linalg.norm(closest - pairs, axis=1).reshape(len(points), -1).min(axis=1)
    distance, face, weights = closest_on_mesh(points, mesh.vertices, mesh.faces)
    assert distance == pytest.approx(expected, abs=1e-9)
    gap = np.linalg.norm(on_mesh(mesh.vertices, mesh.faces, face, weights) - points, axis=1)
    assert gap == pytest.approx(distance)


def test_vertices_without_triangles_do_not_count() -> None:
    vertices, faces = TRIANGLE
    with_stray = np.concatenate([vertices, np.full((20, 3), 5.0)])
    assert closest_on_mesh(np.array([[5.0, 5, 5]]), with_stray, faces)[0][0] > 5


def test_summary_recall_and_normals() -> None:
    distances = np.array([0.5, 1.5, 3.0, 8.0, np.nan])
    assert Spread.of(distances).mean == pytest.approx(3.25)
    assert Spread.of(distances).median == pytest.approx(2.25)
    assert recall(distances[:4]) == {"1mm": 0.25, "2.5mm": 0.5, "5mm": 0.75}
    assert np.isnan(Spread.of(np.empty(0)).p95) and np.isnan(recall(np.empty(0))["1mm"])
    turned = Rotation.from_rotvec(np.radians([[20, 0, 0], [40, 0, 0], [180, 0, 0]])).as_matrix() @ [0, 0, 1]
    mean, share = normal_agreement(turned, np.tile([0.0, 0, 1], (3, 1)))
    assert mean == pytest.approx((np.cos(np.radians(20)) + np.cos(np.radians(40)) + 1) / 3)
    assert share == pytest.approx(2 / 3)


@pytest.mark.parametrize("angle", [0.0, 0.01, 30.0, 179.9])
def test_rotation_angle(angle: float) -> None:
    start = Rotation.from_euler("xyz", [10, 20, 30], degrees=True)
    turned = start * Rotation.from_rotvec(np.radians(angle) * np.array([0.6, 0, 0.8]))
    assert rotation_angle_deg(start.as_matrix(), turned.as_matrix()) == pytest.approx(angle, abs=1e-4)
