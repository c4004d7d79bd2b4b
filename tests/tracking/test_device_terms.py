"""What runs on devices against its plain counterparts, one by one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from dphm_core.errors import SettingError
from dphm_core.heads.config import HeadConfig
from dphm_core.heads.distance import BakedDistance, NestedDistance
from dphm_core.heads.identity import IdentityField
from dphm_core.tracking.normal_equations import NormalEquations
from dphm_core.tracking.on_device.config import memory_told
from dphm_core.tracking.on_device.fields import distance_on
from dphm_core.tracking.on_device.layout import Layout, fill
from dphm_core.tracking.on_device.linear import box_step, solve_by_factors, solve_by_products
from dphm_core.tracking.on_device.terms import nearest_rotation, rotation_of
from dphm_core.tracking.on_device.tiles import TILE, TiledIdentityField

CPU = torch.device("cpu")


def equations(size: int, seed: int) -> NormalEquations:
    rng = np.random.default_rng(seed)
    made = NormalEquations(size)
    made.add(rng.standard_normal((100, size)) * rng.uniform(0.1, 10, size), rng.standard_normal(100), np.ones(100))
    made.add_diagonal(np.zeros(size), np.full(size, 0.1), slice(None))
    made.hessian = (made.hessian + made.hessian.T) / 2
    return made


@pytest.mark.parametrize("reach", [0.003, 0.05, np.inf])
def test_steps_within_a_box(reach: float) -> None:
    for seed in range(20):
        made = equations(30, seed)
        expected = made.solve(np.full(30, -reach), np.full(30, reach / 2))
        lower, upper = torch.full((30,), -reach).double(), torch.full((30,), reach / 2).double()
        got = box_step(torch.from_numpy(made.hessian), torch.from_numpy(made.gradient), lower, upper).numpy()
        np.testing.assert_allclose(got, expected, atol=1e-9)


@pytest.mark.parametrize("condition", [1e1, 1e3, 1e4])
def test_systems_are_solved_by_products_alone(condition: float) -> None:
    rng = np.random.default_rng(0)
    for size in (6, 59, 206):
        turn = np.linalg.qr(rng.standard_normal((size, size)))[0]
        system = torch.from_numpy(turn @ np.diag(np.geomspace(1, condition, size)) @ turn.T)
        units = torch.from_numpy(rng.uniform(1e-3, 1e3, size))  # radians, metres and weights side by side
        system = (system + system.T) / 2 * units * units[:, None]
        wanted = torch.from_numpy(rng.standard_normal(size)) * units
        expected = solve_by_factors(system, wanted)
        off = (solve_by_products(system, wanted) - expected) * units
        assert float(off.norm() / (expected * units).norm()) < 1e-6


def test_rotations_by_vectors_of_any_length() -> None:
    for vector in np.random.default_rng(0).standard_normal((20, 3)) * np.geomspace(1e-9, 1, 20)[:, None]:
        rotation = rotation_of(torch.from_numpy(vector))
        np.testing.assert_allclose(rotation.numpy(), Rotation.from_rotvec(vector).as_matrix(), atol=1e-14)
    assert torch.equal(rotation_of(torch.zeros(3)), torch.eye(3))


def test_the_nearest_rotation_is_that_of_the_singular_values() -> None:
    rotation = Rotation.from_euler("xyz", [170, 20, -10], degrees=True).as_matrix()
    rough = rotation + 1e-4 * np.random.default_rng(0).standard_normal((3, 3))
    u, _, vt = np.linalg.svd(rough)
    np.testing.assert_allclose(nearest_rotation(torch.from_numpy(rough)).numpy(), u @ vt, atol=1e-12)


def test_grids_are_looked_up_inside_and_outside() -> None:
    rng = np.random.default_rng(0)
    nodes = rng.standard_normal((6, 5, 7, 4)).astype(np.float32)
    baked = BakedDistance(nodes, np.array([-0.2, -0.1, 0.3], np.float32), 0.05)
    queries = rng.uniform([-0.3, -0.2, 0.2], [0.2, 0.2, 0.7], (500, 3)).astype(np.float32)
    values, gradient = distance_on(baked, CPU)(torch.from_numpy(queries))
    np.testing.assert_allclose(values.numpy(), baked(queries)[0], atol=1e-4)
    np.testing.assert_allclose(gradient.numpy(), baked(queries)[1], atol=1e-4)


def test_the_finest_grid_that_holds_a_query_answers() -> None:
    rng = np.random.default_rng(1)
    whole = BakedDistance(rng.standard_normal((6, 5, 7, 4)).astype(np.float32), np.float32([-0.2, -0.1, 0.3]), 0.05)
    finer = BakedDistance(rng.standard_normal((4, 4, 4, 4)).astype(np.float32), np.float32([-0.15, -0.05, 0.4]), 0.04)
    nested = NestedDistance(whole, (finer,))
    queries = rng.uniform(whole.origin - 0.05, whole.end + 0.05, (3000, 3)).astype(np.float32)
    assert 20 < finer.holds(queries).sum() < 2000
    device = distance_on(nested, CPU)
    for got, expected in zip(device(torch.from_numpy(queries)), nested(queries), strict=True):
        np.testing.assert_allclose(got.numpy(), expected, atol=1e-3)
    np.testing.assert_array_equal(device.values(torch.from_numpy(queries)), device(torch.from_numpy(queries))[0])


def test_a_distance_of_no_known_kind_is_refused() -> None:
    with pytest.raises(TypeError, match="function"):
        distance_on(lambda queries: (queries[:, 0], queries), CPU)


@pytest.mark.parametrize("count", [1, TILE, 3 * TILE + 5])
def test_tiles_hold_every_row_once_however_they_fall(count: int) -> None:
    torch.manual_seed(0)
    sizes = HeadConfig(global_dim=6, local_dim=3, identity_width=16, identity_layers=2, expression_dim=4)
    field = IdentityField(sizes, torch.rand(sizes.anchors, 3) - 0.5).requires_grad_(False)
    tiled = TiledIdentityField.of(field, CPU)
    identity = 0.1 * torch.randn(2, sizes.identity_dim)
    spread = torch.tensor([1.0, 0.001])[:, None, None]  # all over the head, and all at one expert
    queries = (torch.rand(2, count, 5) - 0.5) * spread
    torch.testing.assert_close(tiled(queries, identity), field(queries, identity), atol=2e-6, rtol=0)


def test_too_little_memory_is_told_in_one_line() -> None:
    with pytest.raises(SettingError, match="'cuda:1' has not enough free memory"), memory_told(torch.device("cuda:1")):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate")


def test_arrays_share_a_buffer() -> None:
    layout = Layout({"a": (2, 3), "b": (), "c": (4,)})
    buffer = torch.zeros(layout.size)
    arrays = layout.arrays(buffer)
    fill(arrays["a"], np.array([[1, 2, 3]], np.float32))
    arrays["b"][...] = 7
    assert buffer.tolist() == [1, 2, 3, 1, 2, 3, 7, 0, 0, 0, 0]
    views = layout.views(buffer)
    assert views["b"].shape == () and torch.equal(layout.joined(views), buffer)
