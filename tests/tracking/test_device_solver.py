"""The solver on a device against the plain one: with the default model on the demo recording, here on the CPU."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from dphm_core.diffusion.prior import LatentPrior
from dphm_core.errors import SettingError
from dphm_core.frames import Observation, TrackedFrame, TrackStatus
from dphm_core.heads.latent_prior import load_model_prior
from dphm_core.heads.offset import LIMIT, SHAPE, SurfaceOffset
from dphm_core.heads.subject import Subject, personalised
from dphm_core.tracking import create_tracker, solver_on
from dphm_core.tracking.config import TrackerConfig
from dphm_core.tracking.descent import Descent
from dphm_core.tracking.fit_state import FitState
from dphm_core.tracking.frame_solver import FrameSolver
from dphm_core.tracking.on_device import linear
from dphm_core.tracking.on_device.config import DeviceConfig
from dphm_core.tracking.on_device.linear import solve_by_factors, solve_by_products
from dphm_core.tracking.on_device.program import FitProgram
from dphm_core.tracking.on_device.solver import DeviceSolver
from dphm_core.tracking.tracker import HeadTracker

FirstPass = tuple[HeadTracker, list[TrackedFrame]]
CPU = torch.device("cpu")
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


@pytest.fixture(scope="module")
def prior(first_pass: FirstPass) -> LatentPrior:
    return load_model_prior("default", "expression", first_pass[0].model)


def subject_of(first_pass: FirstPass) -> Subject:
    subject = first_pass[0].subject
    assert subject is not None
    return subject


def state_of(frame: TrackedFrame) -> FitState:
    assert frame.head_to_cam is not None and frame.expression_code is not None
    return FitState(frame.head_to_cam, frame.expression_code)


def assert_same(got: FitState, expected: FitState) -> None:
    points = np.array([[0, 0, 0], [0.3, 0.3, 0.4], [-0.3, -0.4, 0]], np.float32)
    apart = got.head_to_cam.to_camera(points) - expected.head_to_cam.to_camera(points)
    assert np.linalg.norm(apart, axis=1).max() < 5e-5
    np.testing.assert_allclose(got.expression, expected.expression, atol=1e-2)


@pytest.mark.parametrize(
    ("face", "solve"), [(True, solve_by_factors), (False, solve_by_factors), (True, solve_by_products)]
)
def test_it_fits_as_the_plain_solver_does(
    first_pass: FirstPass, observations: list[Observation], prior: LatentPrior, face: bool,
    solve: Callable[[Tensor, Tensor], Tensor], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(linear, "solve_symmetric", solve)
    subject, config = subject_of(first_pass), first_pass[0].config
    plain, solver = FrameSolver(subject, config, prior), DeviceSolver(subject, config, prior, CPU)
    state = state_of(first_pass[1][10])
    for observation in observations[11:15]:
        given = observation if face else replace(observation, landmarks=None)
        expected, got = plain.solve(given, state), solver.solve(given, state)
        assert_same(got.state, expected.state)
        assert got.residual_m == pytest.approx(expected.residual_m, rel=1e-3)
        assert got.inliers == pytest.approx(expected.inliers, abs=0.005)
        assert got.shape_error_m == pytest.approx(expected.shape_error_m, rel=0.02)
        mesh = solver.posed_vertices(got.state.expression)
        np.testing.assert_allclose(mesh, subject.posed_vertices(got.state.expression), atol=1e-5)
        state = expected.state


def test_it_fits_a_personal_shape_as_the_plain_solver_does(
    first_pass: FirstPass, observations: list[Observation]
) -> None:
    coefficients = np.zeros(SHAPE, np.float32)
    coefficients[12:19, 12:20, 10:22] = 0.2 * LIMIT
    subject, config = personalised(subject_of(first_pass), SurfaceOffset(coefficients)), first_pass[0].config
    state = state_of(first_pass[1][11])
    fits = [
        solver.solve(observations[12], state)
        for solver in (FrameSolver(subject, config), DeviceSolver(subject, config, None, CPU))
    ]
    assert_same(fits[1].state, fits[0].state)
    assert fits[1].residual_m == pytest.approx(fits[0].residual_m, rel=1e-3)
    without = FrameSolver(subject_of(first_pass), config).solve(observations[12], state)
    assert abs(fits[0].residual_m - without.residual_m) > 1e-5


def test_from_rest_with_fewer_points_than_there_is_room_for(
    first_pass: FirstPass, observations: list[Observation], prior: LatentPrior
) -> None:
    """Padding counts for nothing; many weights come to their bounds on the way."""
    subject, config = subject_of(first_pass), first_pass[0].config
    start = FitState.at_rest(state_of(first_pass[1][11]).head_to_cam, subject.model.config.expression_dim)
    sparse = observations[12].points_cam[::9], observations[12].normals_cam[::9]
    given = replace(observations[12], points_cam=sparse[0], normals_cam=sparse[1])
    plain, solver = FrameSolver(subject, config, prior), DeviceSolver(subject, config, prior, CPU)
    for before in (plain, solver):
        before.solve(observations[11], start)
    expected, got = plain.solve(given, start, 10), solver.solve(given, start, 10)
    assert len(sparse[0]) < config.points
    assert_same(got.state, expected.state)
    assert got.inliers == pytest.approx(expected.inliers, abs=0.005)
    assert got.state.expression.min() >= 0 and got.state.expression.max() <= 1


def test_no_number_on_the_device_decides_what_is_computed(first_pass: FirstPass, prior: LatentPrior) -> None:
    """It runs with tensors that have shapes but hold nothing."""
    nowhere = torch.device("meta")
    program = FitProgram(subject_of(first_pass), first_pass[0].config, prior, nowhere)
    results, _ = program.run(torch.empty(program.inputs.size, device=nowhere), program.at_rest(), Descent(2, 3))
    assert results.shape == (program.results.size,) and results.device == nowhere


def test_without_points_nothing_moves(first_pass: FirstPass, observations: list[Observation]) -> None:
    none = np.zeros((0, 3), np.float32)
    solver, start = DeviceSolver(subject_of(first_pass), TrackerConfig(), None, CPU), state_of(first_pass[1][11])
    fit = solver.solve(replace(observations[12], points_cam=none, normals_cam=none), start)
    assert fit.state is start and np.isnan(fit.residual_m)
    expected = subject_of(first_pass).posed_vertices(start.expression)
    np.testing.assert_allclose(solver.posed_vertices(start.expression), expected, atol=1e-5)


def test_a_tracker_follows_with_it(first_pass: FirstPass, observations: list[Observation]) -> None:
    plain, frames = first_pass
    assert plain.known is not None

    def make_solver(subject: Subject, config: TrackerConfig, prior: LatentPrior | None) -> DeviceSolver:
        return DeviceSolver(subject, config, prior, CPU)

    tracker = HeadTracker(plain.model, plain.config, make_solver=make_solver)
    tracker.use_subject(plain.known)
    for observation, before in zip(observations[8:12], frames[8:12], strict=True):
        tracked = tracker.track(observation)
        assert tracked.status is TrackStatus.TRACKING and tracked.confidence > 0.8
        assert tracked.vertices_cam is not None and before.vertices_cam is not None
        assert np.linalg.norm(tracked.vertices_cam - before.vertices_cam, axis=1).mean() < 1e-3


def test_devices_are_chosen_by_name() -> None:
    assert solver_on("cpu") is FrameSolver
    with pytest.raises(SettingError, match="neither cpu nor cuda"):
        solver_on("meta")
    if not torch.cuda.is_available():
        with pytest.raises(SettingError, match="'cuda' cannot be used here"):
            create_tracker(device="cuda")


@needs_cuda
@pytest.mark.parametrize(("graph", "tf32"), [(True, True), (True, False), (False, False)])
def test_cuda_fits_as_the_plain_solver_does(
    first_pass: FirstPass, observations: list[Observation], prior: LatentPrior, graph: bool, tf32: bool
) -> None:
    """With graphs: run by itself, recorded, replayed twice, in fits of 3 and of 10 steps."""
    subject, config = subject_of(first_pass), first_pass[0].config
    solver = DeviceSolver(subject, config, prior, torch.device("cuda"), DeviceConfig(graph, tf32))
    plain, state = FrameSolver(subject, config, prior), state_of(first_pass[1][10])
    for observation in observations[11:15]:
        for count in (3, 10):
            expected, got = plain.solve(observation, state, count), solver.solve(observation, state, count)
            assert_same(got.state, expected.state)
        mesh = solver.posed_vertices(got.state.expression)
        np.testing.assert_allclose(mesh, subject.posed_vertices(got.state.expression), atol=2e-4)  # 0.05 mm
        state = expected.state
    assert solver.recorded is graph


@needs_cuda
def test_cuda_is_waited_for_only_at_the_end(
    first_pass: FirstPass, observations: list[Observation], prior: LatentPrior
) -> None:
    config, state = first_pass[0].config, state_of(first_pass[1][10])
    solver = DeviceSolver(subject_of(first_pass), config, prior, torch.device("cuda"), DeviceConfig(graph=False))
    solver.solve(observations[11], state)
    before = torch.cuda.get_sync_debug_mode()
    torch.cuda.set_sync_debug_mode("error")  # which lets the stream's own synchronisation pass
    try:
        solver.solve(observations[12], state)
    finally:
        torch.cuda.set_sync_debug_mode(before)
