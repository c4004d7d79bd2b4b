"""The solver on a device with the official layout: hyper coordinates, un-named codes, no template; here on the CPU."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from device_parts import body, body_model, seen, states
from offline_parts import random_prior

from dphm_core.heads.distance import BakedDistance, FieldDistance, ShiftedDistance
from dphm_core.heads.model import HeadModel
from dphm_core.heads.numerics import prepare_thread
from dphm_core.heads.subject import Subject
from dphm_core.tracking.config import TrackerConfig
from dphm_core.tracking.descent import Descent
from dphm_core.tracking.fit_state import FitState
from dphm_core.tracking.frame_solver import FrameSolver
from dphm_core.tracking.on_device.fields import distance_on
from dphm_core.tracking.on_device.program import FitProgram
from dphm_core.tracking.on_device.solver import DeviceSolver

CPU, NOWHERE = torch.device("cpu"), torch.device("meta")
CONFIG = TrackerConfig(points=500)
FRAMES = 4

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def model(one_thread: None) -> HeadModel:
    prepare_thread(1)
    return body_model()


@pytest.fixture(scope="module")
def subject(model: HeadModel) -> Subject:
    return body(model)


def test_a_sequence_of_the_models_own_surface_is_tracked_with_one_topology(model: HeadModel, subject: Subject) -> None:
    plain, solver = FrameSolver(subject, CONFIG), DeviceSolver(subject, CONFIG, None, CPU)
    truth = states(model, FRAMES)
    state, iterations = FitState.at_rest(truth[0].head_to_cam, model.config.expression_dim), 8
    for index, true in enumerate(truth):
        observation = seen(subject, true, index)
        expected, got = plain.solve(observation, state, iterations), solver.solve(observation, state, iterations)
        assert np.abs(got.state.head_to_cam.translation_m - expected.state.head_to_cam.translation_m).max() < 5e-5
        np.testing.assert_allclose(got.state.expression, expected.state.expression, atol=1e-2)
        assert got.residual_m < 1e-4 and got.inliers > 0.99
        mesh = got.state.head_to_cam.to_camera(solver.posed_vertices(got.state.expression))
        skin = true.head_to_cam.to_camera(subject.inverse_warp(subject.vertices_canonical, true.expression))
        assert mesh.shape == skin.shape
        assert np.linalg.norm(mesh - skin, axis=1).mean() < 1e-3  # vertex k is the same point, moved by some 16 mm
        state, iterations = got.state, 3


def test_the_mesh_is_carried_along_as_the_plain_warp_does(model: HeadModel, subject: Subject) -> None:
    solver, truth = DeviceSolver(subject, CONFIG, None, CPU), states(model, 3)
    for index, state in enumerate(truth):
        if index == 1:
            solver._runner.memory.posed[::2] = torch.nan  # as after a fit that went wrong
            solver.solve(seen(subject, state, index), state)
        fit = solver.solve(seen(subject, state, index), state)
        expected = subject.inverse_warp(subject.vertices_canonical, fit.state.expression)
        np.testing.assert_allclose(solver.posed_vertices(fit.state.expression), expected, atol=4e-4)  # 0.1 mm


@pytest.mark.parametrize("with_prior", [False, True])
def test_no_number_on_the_device_decides_what_is_computed(subject: Subject, with_prior: bool) -> None:
    """It runs with tensors that have shapes but hold nothing."""
    prior = random_prior(subject.model.config.expression_dim) if with_prior else None
    program = FitProgram(subject, CONFIG, prior, NOWHERE)
    results, memory = program.run(torch.empty(program.inputs.size, device=NOWHERE), program.at_rest(), Descent(2, 2))
    assert results.shape == (program.results.size,) and results.device == NOWHERE
    assert [part.shape for part in memory] == [part.shape for part in program.at_rest()]


def test_networks_on_a_device_give_the_plain_distances(subject: Subject) -> None:
    assert isinstance(subject.distance, FieldDistance)
    queries = np.random.default_rng(0).uniform(-0.4, 0.4, (700, 5)).astype(np.float32)
    nodes = np.random.default_rng(1).standard_normal((5, 6, 7, 4)).astype(np.float32)
    offset = BakedDistance(nodes, np.array([-0.3, -0.25, -0.2], np.float32), 0.1)
    for distance in (subject.distance, ShiftedDistance(subject.distance, offset)):
        values, gradient = distance_on(distance, CPU)(torch.from_numpy(queries))
        expected = distance(queries)
        np.testing.assert_allclose(values.numpy(), expected[0], atol=2e-5)
        # Where two anchors are equally near, the gradient jumps.
        assert np.percentile(np.abs(gradient.numpy() - expected[1]), 99) < 1e-3
