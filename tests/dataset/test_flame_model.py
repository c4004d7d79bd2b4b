"""FLAME's equations agree with a plain reading of the paper, and the equations of the fit with finite differences."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from flame_files import embedding_on, read_arrays
from flame_scene import FLIP, make_scene
from scipy.spatial.transform import Rotation
from torch.autograd.functional import jacobian

from dphm_core.dataset.flame.equations import Evidence, Fitted, FrameFit, Head, head_vertices, in_camera
from dphm_core.dataset.flame.fit import _moved
from dphm_core.dataset.flame.model import FlameModel, build_model, jaw_only, kept_vertices, rotation_matrices
from dphm_core.dataset.flame.model_file import FlameArrays
from dphm_core.dataset.flame.pairs import pair

SHAPE, EXPRESSION = 20, 48


@pytest.fixture(scope="module")
def arrays() -> FlameArrays:
    return read_arrays()


@pytest.fixture(scope="module")
def model(arrays: FlameArrays) -> FlameModel:
    return build_model(arrays, SHAPE, EXPRESSION)


def reference(arrays: FlameArrays, shape: np.ndarray, expression: np.ndarray, rotations: np.ndarray) -> np.ndarray:
    """Li et al. 2017, section 3, joint by joint and with 4 × 4 transforms, in doubles."""
    coefficients = np.zeros(400)
    coefficients[: len(shape)], coefficients[300 : 300 + len(expression)] = shape, expression
    shaped = arrays.template + arrays.directions @ coefficients
    joints = arrays.joint_regressor @ shaped
    turns = [Rotation.from_rotvec(rotation).as_matrix() for rotation in rotations]
    posed = shaped + arrays.pose_directions @ np.concatenate([(turn - np.eye(3)).ravel() for turn in turns[1:]])
    world: list[np.ndarray] = []
    for joint, parent in enumerate(arrays.parents):
        local = np.eye(4)
        local[:3, :3] = turns[joint]
        local[:3, 3] = joints[joint] - (joints[parent] if joint else 0)
        world.append(world[parent] @ local if joint else local)
    moved = np.zeros_like(posed)
    for joint, transform in enumerate(world):
        place = (posed - joints[joint]) @ transform[:3, :3].T + transform[:3, 3]
        moved += arrays.weights[:, joint : joint + 1] * place
    return moved


@pytest.mark.parametrize("seed", range(3))
def test_vertices_are_the_papers(arrays: FlameArrays, model: FlameModel, seed: int) -> None:
    random = np.random.default_rng(seed)
    shape, expression = random.normal(size=SHAPE), random.normal(size=EXPRESSION)
    rotations = random.normal(0, 0.4, (5, 3))
    expected = reference(arrays, shape, expression, rotations)
    coefficients = torch.from_numpy(np.concatenate([shape, expression])).float()
    found = model.vertices(coefficients, torch.from_numpy(rotations).float()).numpy()
    assert np.abs(found - expected).max() < 1e-6, "metres"
    part = model.restricted(np.arange(50, 400)).vertices(coefficients, torch.from_numpy(rotations).float())
    assert np.abs(part.numpy() - expected[50:400]).max() < 1e-6


def test_at_rest_it_is_the_mean_head_and_turns_about_its_root(arrays: FlameArrays, model: FlameModel) -> None:
    nothing = torch.zeros(model.count)
    assert np.abs(model.vertices(nothing, torch.zeros(5, 3)).numpy() - arrays.template).max() < 1e-6
    rotations = torch.zeros(5, 3)
    rotations[0] = torch.tensor([0.1, -0.7, 0.2])
    root = arrays.joint_regressor[0] @ arrays.template
    turned = (arrays.template - root) @ Rotation.from_rotvec(rotations[0].numpy()).as_matrix().T + root
    assert np.abs(model.vertices(nothing, rotations).numpy() - turned).max() < 1e-6


def test_an_open_jaw_moves_the_chin_and_not_the_brow(model: FlameModel) -> None:
    shut = model.vertices(torch.zeros(model.count), torch.zeros(5, 3))
    moved = model.vertices(torch.zeros(model.count), jaw_only(torch.tensor([0.3, 0.0, 0.0]))) - shut
    jaw = model.weights[:, 2]
    assert moved[jaw > 0.9, 1].mean() < -0.01, "downwards"
    assert moved[jaw == 0].norm(dim=1).max() < 1e-6


def test_derivatives_are_those_of_the_vertices(model: FlameModel) -> None:
    rotations = torch.from_numpy(np.random.default_rng(0).normal(0, 0.3, (5, 3))).float()
    at = torch.zeros(model.count)
    few = model.restricted(np.arange(0, 2000, 100))
    by_torch = jacobian(lambda c: few.vertices(c, rotations), at).permute(2, 0, 1)
    assert (few.derivative(rotations) - by_torch).abs().max() < 1e-6
    assert torch.equal(model.derivative(rotations, SHAPE), model.derivative(rotations)[SHAPE:])


def test_rotations_have_a_derivative_at_zero() -> None:
    slope = jacobian(rotation_matrices, torch.zeros(1, 3))[0, :, :, 0]
    assert slope[:, :, 0] == pytest.approx(np.array([[0, 0, 0], [0, 0, -1], [0, 1, 0]]), abs=1e-4)
    vectors = np.random.default_rng(0).normal(0, 1, (20, 3))
    expected = Rotation.from_rotvec(vectors).as_matrix()
    assert rotation_matrices(torch.from_numpy(vectors).float()).numpy() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("shared", [False, True])
def test_the_gradient_is_that_of_the_residuals(model: FlameModel, shared: bool) -> None:
    """One landmark alone: what is minimised is its Cauchy-weighted square, which finite differences see too."""
    work = Fitted(model, embedding_on(model))
    scene = make_scene(model, work.embedding, 1)
    landmarks = np.full((478, 3), np.nan, np.float32)
    landmarks[4] = scene.evidence[0].landmarks[4] + np.array([0.002, -0.003, 0.001])
    nothing = np.zeros((0, 3), np.float32)
    evidence = Evidence(nothing, nothing, landmarks)
    frame = replace(scene.frames[0], jaw=torch.tensor([0.2, 0.1, -0.1]))
    gradient = work.equations(scene.head, frame, evidence, 0.01, shared).vector
    own = 9 + EXPRESSION
    assert len(gradient) == (own + 1 + SHAPE if shared else own)

    def cost(step: np.ndarray) -> float:
        moved = _moved(frame, step[:own])
        further = step[own:] if shared else np.zeros(1 + SHAPE)
        head = Head(scene.head.scale * np.exp(further[0]), scene.head.shape + torch.from_numpy(further[1:]).float())
        one = int(np.flatnonzero(work.embedding.landmarks == 4)[0])
        vertices = in_camera(head_vertices(model, head, moved).double().float(), head, moved).astype(float)
        place = work.embedding.weights[one] @ vertices[work.embedding.corners[one]]
        return float(np.sum((place - landmarks[4]) ** 2))

    steps = 1e-2 * np.eye(len(gradient))
    scales = np.array([cost(step) - cost(-step) for step in steps])
    ratio = float(gradient @ scales / (scales @ scales))
    assert np.abs(gradient - ratio * scales).max() < 0.02 * np.abs(gradient).max()
    assert ratio > 0


def test_points_are_paired_with_what_is_seen(model: FlameModel) -> None:
    kept = kept_vertices(model, [-0.1, -0.1, -0.02], [0.1, 0.1, 0.1])
    face = model.restricted(kept)
    head = Head(1.0, torch.zeros(SHAPE))
    frame = FrameFit(
        torch.from_numpy(FLIP).float(), torch.tensor([0.0, 0, 0.6]), torch.zeros(3), torch.zeros(EXPRESSION)
    )
    vertices = in_camera(head_vertices(face, head, frame), head, frame)
    scene = make_scene(model, embedding_on(model), 1)
    points, normals = scene.evidence[0].points, scene.evidence[0].normals
    true = in_camera(head_vertices(face, scene.head, scene.frames[0]), scene.head, scene.frames[0])
    pairs = pair(true, face.faces, points, normals, 0.01)
    assert len(pairs.points) > 1000
    assert pairs.weights.min() >= 0 and pairs.weights.sum(axis=1) == pytest.approx(1, abs=1e-5)
    places = np.einsum("nk,nkx->nx", pairs.weights, true[pairs.corners])
    assert np.median(np.linalg.norm(places - points[pairs.points], axis=1)) < 0.001
    rays = np.cross(places, points[pairs.points])
    assert np.median(np.linalg.norm(rays, axis=1)) < 1e-5, "in the direction of the point"
    assert len(pair(vertices + np.float32(1.0), face.faces, points, normals, 0.01).points) == 0
    assert len(pair(true, face.faces, points, -normals, 0.01).points) < 0.02 * len(points), "from behind"
    assert len(pair(true, face.faces, points[:0], normals[:0], 0.01).points) == 0
