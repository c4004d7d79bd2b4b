"""A personal offset: the field itself, and how it moves a distance and a mesh."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from dphm_core.frames import FloatArray
from dphm_core.heads.distance import BakedDistance, ShiftedDistance, shifted
from dphm_core.heads.offset import BORDER, LIMIT, LOW, SHAPE, SPACING, SurfaceOffset, spline_matrix
from dphm_core.heads.surface import moved_along_normals, zero_level

HIGH = LOW + (np.array(SHAPE) - 1) * SPACING
FINE = 0.012


@pytest.fixture(scope="module")
def offset() -> SurfaceOffset:
    coefficients = np.zeros(SHAPE, np.float32)
    inner = coefficients[(slice(BORDER, -BORDER),) * 3]
    inner[:] = LIMIT * np.random.default_rng(0).uniform(-1, 1, inner.shape)
    return SurfaceOffset(coefficients)


def places(count: int, margin: float) -> FloatArray:
    return np.random.default_rng(1).uniform(LOW - margin, HIGH + margin, (count, 3)).astype(np.float32)


def test_it_is_bounded_and_zero_outside(offset: SurfaceOffset) -> None:
    points = places(5000, 0.3)
    values = offset(points)
    assert np.abs(values).max() <= LIMIT
    edge = (BORDER - 2) * SPACING  # a spline reaches two steps
    outside = ((points < LOW + edge) | (points > HIGH - edge)).any(axis=1)
    np.testing.assert_allclose(values[outside], 0, atol=1e-7)
    assert np.abs(values[~outside]).mean() > 0.05 * LIMIT
    np.testing.assert_allclose(SurfaceOffset(np.full(SHAPE, 0.01, np.float32))(points), 0.01, rtol=1e-5)


def test_single_points_a_grid_and_the_matrix_agree(offset: SurfaceOffset) -> None:
    shape = (70, 90, 60)
    grid = offset.on_grid(LOW - 0.02, FINE, shape)
    points = (np.stack(np.indices(shape), axis=-1).reshape(-1, 3) * FINE + LOW - 0.02).astype(np.float32)[::37]
    np.testing.assert_allclose(grid.ravel()[::37], offset(points), atol=2e-6)
    np.testing.assert_allclose(spline_matrix(points) @ offset.coefficients.ravel(), offset(points), atol=1e-6)


def test_a_sum_stays_within_the_limit(offset: SurfaceOffset) -> None:
    assert offset.plus(None) is offset
    both = offset.plus(offset)
    both.check()
    small = np.abs(offset.coefficients) < LIMIT / 2
    np.testing.assert_allclose(both.coefficients[small], 2 * offset.coefficients[small])


@dataclass(frozen=True)
class Plane:
    """Distance of the half-space below z = 0.1, with a hyper coordinate that counts as well."""

    def __call__(self, queries: FloatArray) -> tuple[FloatArray, FloatArray]:
        slope = np.array([0.0, 0.0, 1.0, *[0.5] * (queries.shape[1] - 3)], np.float32)
        return queries @ slope - np.float32(0.1), np.tile(slope, (len(queries), 1))


def smooth_offset() -> SurfaceOffset:
    away = np.linalg.norm(np.stack(np.indices(SHAPE), axis=-1) - np.array([15, 20, 10]), axis=-1)
    return SurfaceOffset((0.8 * LIMIT * np.exp(-0.5 * (away / 3) ** 2) * (away < 7)).astype(np.float32))


@pytest.mark.parametrize("hyper", [0, 2])
def test_a_distance_is_less_by_the_offset_and_so_is_its_gradient(hyper: int) -> None:
    offset, plane = smooth_offset(), Plane()
    moved = shifted(plane, offset)
    assert isinstance(moved, ShiftedDistance)
    queries = np.pad(places(500, 0.0), ((0, 0), (0, hyper)), constant_values=0.2)
    values, gradient = moved(queries)
    np.testing.assert_allclose(values, plane(queries)[0] - offset(queries[:, :3]), atol=2e-4)
    for axis in range(queries.shape[1]):
        step = 0.004 * np.eye(queries.shape[1], dtype=np.float32)[axis]
        ahead, behind = (plane(q)[0] - offset(q[:, :3]) for q in (queries + step, queries - step))
        np.testing.assert_allclose(gradient[:, axis], (ahead - behind) / 0.008, atol=0.02)


def test_a_baked_distance_stays_a_grid_and_its_mesh_follows() -> None:
    offset = smooth_offset()
    shape = tuple(np.ceil((HIGH - LOW) / FINE).astype(int) + 1)
    points = (np.stack(np.indices(shape), axis=-1) * FINE + LOW).astype(np.float32)
    values, gradient = Plane()(points.reshape(-1, 3))
    baked = BakedDistance(np.column_stack([values, gradient]).reshape(*shape, 4), LOW, FINE)
    moved = shifted(baked, offset)
    assert isinstance(moved, BakedDistance) and moved.nodes.dtype == np.float32
    surface = zero_level(values.reshape(shape), LOW, FINE)
    assert surface is not None
    vertices, faces = surface
    after = moved_along_normals(vertices, faces, offset(vertices))
    assert np.abs(baked(after)[0]).max() > 0.5 * LIMIT
    assert np.abs(moved(after)[0]).max() < 0.1 * LIMIT
