"""The baked distance against its plain lookup and against the network it was baked from."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dphm_core.frames import FloatArray
from dphm_core.heads.baking import FINER_MAX, FINER_MIN, Resolution, bake
from dphm_core.heads.config import HeadConfig
from dphm_core.heads.distance import BOX_MAX, BOX_MIN, BakedDistance, FieldDistance, NestedDistance
from dphm_core.heads.identity import IdentityField

CONFIG = HeadConfig(
    anchors=6,
    symmetric_pairs=2,
    neighbours=6,
    global_dim=4,
    local_dim=2,
    identity_width=12,
    identity_layers=2,
    hyper_dim=0,
)
SPACING = 0.03


@pytest.fixture(scope="module")
def field() -> IdentityField:
    """A small random field: smooth, because every anchor is everybody's neighbour and the first layer is gentle."""
    torch.manual_seed(3)
    anchors = (torch.rand(CONFIG.anchors, 3) - 0.5) * torch.from_numpy(BOX_MAX - BOX_MIN)
    field = IdentityField(CONFIG, anchors).requires_grad_(False)
    field.weights[0] *= 0.5
    field.biases[-1].zero_()
    return field


@pytest.fixture(scope="module")
def baked(field: IdentityField) -> BakedDistance:
    grid = bake(field, torch.zeros(CONFIG.identity_dim), Resolution(SPACING, None))
    assert isinstance(grid, BakedDistance)
    return grid


def queries(count: int, margin: float) -> FloatArray:
    rng = np.random.default_rng(0)
    return rng.uniform(BOX_MIN + margin, BOX_MAX - margin, (count, 3)).astype(np.float32)


def test_compiled_lookup_is_the_plain_one_inside_and_outside_the_box(baked: BakedDistance) -> None:
    points = queries(2000, margin=-0.2)
    for fast, plain in zip(baked(points), baked.reference(points), strict=True):
        np.testing.assert_allclose(fast, plain, atol=2e-3 * np.abs(plain).max())


def test_lookup_interpolates_a_linear_distance_exactly() -> None:
    slope, origin = np.array([0.5, -1.0, 2.0], np.float32), np.array([-1.0, 0.0, 1.0], np.float32)
    axes = np.meshgrid(*(np.arange(5) * 0.25 + low for low in origin), indexing="ij")
    positions = np.stack(axes, axis=-1)
    nodes = np.concatenate([(positions @ slope)[..., None], np.broadcast_to(slope, positions.shape)], axis=-1)
    linear = BakedDistance(np.ascontiguousarray(nodes, dtype=np.float32), origin, 0.25)
    points = (origin + np.random.default_rng(1).random((100, 3)) * 0.99).astype(np.float32)
    values, gradient = linear(points)
    np.testing.assert_allclose(values, points @ slope, atol=1e-5)
    np.testing.assert_allclose(gradient, np.broadcast_to(slope, gradient.shape), atol=1e-5)


def test_near_the_surface_the_grid_follows_the_network(field: IdentityField, baked: BakedDistance) -> None:
    points = queries(4000, margin=2 * SPACING)
    truth, gradient = FieldDistance(field, torch.zeros(CONFIG.identity_dim))(points)
    near = np.abs(truth) < 0.02
    assert near.sum() > 200
    values, slopes = baked(points[near])
    assert np.percentile(np.abs(values - truth[near]), 99) < 1e-3  # a quarter of a millimetre
    assert np.median(np.abs(slopes - gradient[near])) < 0.02 * np.median(np.linalg.norm(gradient, axis=1))


def test_network_gradient_is_its_finite_difference(field: IdentityField) -> None:
    distance = FieldDistance(field, torch.randn(CONFIG.identity_dim))
    points = queries(100, margin=0.0)
    _, gradient = distance(points)
    step = 1e-3
    for axis in range(3):
        shift = np.eye(3, dtype=np.float32)[axis] * step
        difference = (distance(points + shift)[0] - distance(points - shift)[0]) / (2 * step)
        assert np.median(np.abs(difference - gradient[:, axis])) < 1e-2


def test_finer_grids_answer_where_lips_and_lids_are_and_the_whole_one_elsewhere(field: IdentityField) -> None:
    identity = torch.zeros(CONFIG.identity_dim)
    nested = bake(field, identity, Resolution(SPACING, SPACING / 3))
    assert isinstance(nested, NestedDistance) and len(nested.finer) == len(FINER_MIN)
    points = queries(4000, margin=0.0)
    points[:900] = np.concatenate(
        [np.random.default_rng(box).uniform(FINER_MIN[box], FINER_MAX[box], (300, 3)) for box in range(3)]
    )
    values, gradient = nested(points)
    held = np.stack([grid.holds(points) for grid in nested.finer])
    assert held[:, :900].any(axis=0).all() and held.sum(axis=0).max() == 1
    for grid, inside in (*zip(nested.finer, held, strict=True), (nested.whole, ~held.any(axis=0))):
        np.testing.assert_array_equal(values[inside], grid(points[inside])[0])
        np.testing.assert_array_equal(gradient[inside], grid(points[inside])[1])
    truth = FieldDistance(field, identity)(points)[0]
    near = held.any(axis=0) & (np.abs(truth) < 0.03)
    assert near.sum() > 100
    off, off_whole = (np.abs(distance(points[near])[0] - truth[near]).mean() for distance in (nested, nested.whole))
    assert off < 0.3 * off_whole
