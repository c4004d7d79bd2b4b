"""Vertex normals: the kernel against the plain reference, and against a sphere."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from dphm_core.meshing.normals import vertex_normals, vertex_normals_reference


def test_sphere_normals_point_along_the_radius() -> None:
    sphere = trimesh.creation.icosphere(subdivisions=3)
    normals = vertex_normals(np.float32(sphere.vertices), np.int32(sphere.faces))
    assert normals.dtype is np.dtype(np.float32)
    np.testing.assert_allclose((normals * sphere.vertices).sum(axis=1), 1.0, atol=1e-3)


def test_kernel_equals_reference_on_a_random_mesh() -> None:
    random = np.random.default_rng(0)
    vertices = random.normal(size=(500, 3)).astype(np.float32)
    faces = random.integers(0, 500, size=(2000, 3)).astype(np.int32)
    np.testing.assert_allclose(
        vertex_normals(vertices, faces), vertex_normals_reference(vertices, faces), rtol=0, atol=1e-4
    )


def test_a_vertex_without_faces_has_no_normal() -> None:
    vertices = np.float32([[0, 0, 0], [1, 0, 0], [0, 1, 0], [5, 5, 5]])
    normals = vertex_normals(vertices, np.int32([[0, 1, 2]]))
    np.testing.assert_array_equal(normals, [[0, 0, 1]] * 3 + [[0, 0, 0]])


def test_faces_outside_the_mesh_are_refused() -> None:
    with pytest.raises(ValueError, match="vertices 0 to 7"):
        vertex_normals(np.zeros((3, 3), np.float32), np.int32([[0, 1, 7]]))
