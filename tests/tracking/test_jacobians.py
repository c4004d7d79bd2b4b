"""Every term's Jacobian against finite differences of its residuals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from dphm_core.frames import FloatArray, Similarity
from dphm_core.heads.config import HeadConfig
from dphm_core.heads.deformation import Deformation
from dphm_core.heads.expression import ExpressionField
from dphm_core.heads.identity import IdentityField
from dphm_core.heads.model import HeadModel
from dphm_core.heads.subject import Subject
from dphm_core.tracking.fit_state import POSE_SIZE, FitState, pose_jacobian_of_head_points
from dphm_core.tracking.terms import distance_residuals, reprojection_residuals, robust_weights

CONFIG = HeadConfig(
    anchors=4, symmetric_pairs=1, neighbours=2, global_dim=3, local_dim=2, identity_width=8, identity_layers=2,
    expression_dim=5, condition_dim=3, expression_width=16, expression_layers=3, hyper_dim=0, position_octaves=1,
)  # fmt: skip
STEP = 2e-3


@dataclass(frozen=True)
class Sphere:
    """The distance of a ball about the origin."""

    radius: float

    def __call__(self, queries: FloatArray) -> tuple[FloatArray, FloatArray]:
        length = np.linalg.norm(queries, axis=1, keepdims=True)
        return length[:, 0] - self.radius, queries / length


@pytest.fixture(scope="module")
def subject() -> Subject:
    """A ball that a small random field bends."""
    torch.manual_seed(1)
    field = ExpressionField(CONFIG).requires_grad_(False)
    anchors = torch.rand(CONFIG.anchors, 3) - 0.5
    nothing = np.zeros(CONFIG.identity_dim, np.float32)
    model = HeadModel(
        CONFIG, IdentityField(CONFIG, anchors), field, nothing, np.zeros((CONFIG.identity_dim, 1)), (), None
    )
    deformation = Deformation(field, torch.from_numpy(nothing), anchors)
    no_mesh = np.zeros((0, 3), np.float32)
    return Subject(model, nothing, 1.1, Sphere(0.3), deformation, no_mesh, np.zeros((0, 3), np.int32))


@pytest.fixture
def state() -> FitState:
    rotation = Rotation.from_euler("xyz", [170, 25, -8], degrees=True).as_matrix().astype(np.float32)
    pose = Similarity(rotation, np.array([0.05, -0.02, 0.6], np.float32), 1.1)
    return FitState(pose, np.linspace(0.1, 0.7, CONFIG.expression_dim, dtype=np.float32))


def differences(residuals: Callable[[FitState], FloatArray], state: FitState) -> FloatArray:
    """Central differences (N, E + 6) of residuals by [expression, pose]."""
    size = len(state.expression)
    columns = []
    for step in STEP * np.eye(size + POSE_SIZE, dtype=np.float32):
        ahead = residuals(state.moved(state.expression + step[:size], step[size:]))
        behind = residuals(state.moved(state.expression - step[:size], -step[size:]))
        columns.append((ahead - behind) / (2 * STEP))
    return np.stack(columns, axis=1)


def random_points(count: int) -> FloatArray:
    return np.random.default_rng(0).uniform(-0.4, 0.4, (count, 3)).astype(np.float32)


def test_pose_jacobian_of_points_seen_from_the_moving_head(state: FitState) -> None:
    points_cam = state.head_to_cam.to_camera(random_points(50))
    gradient = np.random.default_rng(1).standard_normal((50, 3)).astype(np.float32)

    def scalars(moved: FitState) -> FloatArray:
        return np.asarray((moved.head_to_cam.to_head(points_cam) * gradient).sum(axis=1))

    expected = differences(scalars, state)[:, CONFIG.expression_dim :]
    got = pose_jacobian_of_head_points(gradient, points_cam, state.head_to_cam)
    np.testing.assert_allclose(got, expected, atol=5e-3 * np.abs(expected).max())


def test_distance_jacobian_and_normals(subject: Subject, state: FitState) -> None:
    points_cam = state.head_to_cam.to_camera(random_points(200))
    got = distance_residuals(subject, state, points_cam)
    expected = differences(lambda moved: distance_residuals(subject, moved, points_cam).values, state)
    blocks = {"expression": slice(0, CONFIG.expression_dim), "rotation": slice(-6, -3), "translation": slice(-3, None)}
    for name, block in blocks.items():
        scale = np.abs(expected[:, block]).max()
        assert np.percentile(np.abs(got.jacobian[:, block] - expected[:, block]), 98) < 0.02 * scale, name
    assert got.normals_head is not None
    # A head shifted along a model normal comes nearer to the points by as much (times the bent field's slope).
    along = got.normals_head @ state.head_to_cam.rotation.T
    shift = -(got.jacobian[:, -3:] * along).sum(axis=1)
    np.testing.assert_allclose(shift, np.linalg.norm(got.jacobian[:, -3:], axis=1), rtol=1e-3)


def test_distances_are_metres_at_the_subjects_scale(subject: Subject, state: FitState) -> None:
    """Where the field does not bend, a ball of 0.3 units is one of 0.3 / 4 · scale metres."""
    with torch.no_grad():
        still = ExpressionField(CONFIG).requires_grad_(False)
        still.layers[-1].weight.zero_()
        still.layers[-1].bias.zero_()
    plain = Subject(
        subject.model, subject.identity_code, subject.scale, subject.distance,
        Deformation(still, torch.zeros(CONFIG.identity_dim), torch.zeros(CONFIG.anchors, 3)),
        subject.vertices_canonical, subject.faces,
    )  # fmt: skip
    points_cam = state.head_to_cam.to_camera(random_points(50))
    expected = np.linalg.norm(points_cam - state.head_to_cam.translation_m, axis=1) - 0.3 / 4 * 1.1
    np.testing.assert_allclose(distance_residuals(plain, state, points_cam).values, expected, atol=1e-6)


def test_reprojection_jacobian(state: FitState) -> None:
    rng = np.random.default_rng(2)
    rest = random_points(30)
    basis = 0.1 * rng.standard_normal((CONFIG.expression_dim, 30, 3)).astype(np.float32)
    rays = rng.uniform(-0.3, 0.3, (30, 2)).astype(np.float32)

    def points_head(expression: FloatArray) -> FloatArray:
        return np.asarray(rest + np.tensordot(expression, basis, 1), dtype=np.float32)

    def values(moved: FitState) -> FloatArray:
        return reprojection_residuals(points_head(moved.expression), basis, rays, moved.head_to_cam).values

    expected = differences(values, state)
    got = reprojection_residuals(points_head(state.expression), basis, rays, state.head_to_cam).jacobian
    for block in (slice(0, CONFIG.expression_dim), slice(-6, -3), slice(-3, None)):
        np.testing.assert_allclose(got[:, block], expected[:, block], atol=5e-3 * np.abs(expected[:, block]).max())


def test_points_on_their_rays_have_no_reprojection_error(state: FitState) -> None:
    points = random_points(20)
    seen = state.head_to_cam.to_camera(points)
    residuals = reprojection_residuals(
        points, np.zeros((0, 20, 3), np.float32), seen[:, :2] / seen[:, 2:], state.head_to_cam
    )
    assert np.abs(residuals.values).max() < 1e-6


def test_robust_weights_fade_with_the_residual() -> None:
    weights = robust_weights(np.array([0.0, 0.64, 1.0, -10.0], np.float32), 1.0)
    np.testing.assert_allclose(weights, [1.0, 0.5, 0.25, 1e-4], atol=4e-3)
