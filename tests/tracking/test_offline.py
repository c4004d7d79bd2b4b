"""The three stages: known heads are found, all frames of a chunk count, neighbours are neighbours, files carry over."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from offline_parts import (
    CPU,
    SMALL,
    pose_at,
    posed_template,
    quick,
    random_observation,
    random_prior,
    small_model,
    small_offline_model,
    template_observation,
)

from dphm_core.diffusion.prior_file import EXPRESSION_PRIOR, IDENTITY_PRIOR, save_prior
from dphm_core.errors import DataError
from dphm_core.evaluation.metrics import closest_on_mesh
from dphm_core.frames import FloatArray, Observation
from dphm_core.heads.model import HeadModel, save_model
from dphm_core.heads.numerics import prepare_thread
from dphm_core.tracking.initial_pose import initial_pose
from dphm_core.tracking.offline.config import OfflineConfig
from dphm_core.tracking.offline.fit import OfflineFit, load_offline_model, make_offline_model
from dphm_core.tracking.offline.objective import Objective, Pair
from dphm_core.tracking.offline.scans import ScanBatch, draw
from dphm_core.tracking.offline.track_file import read_tracking_file


@pytest.fixture(autouse=True)
def one_thread() -> None:
    prepare_thread(1)


def small_fit(frames: list[bool], config: OfflineConfig | None = None, priors: bool = False) -> OfflineFit:
    """Frames of a random model; `frames` tells which show a face."""
    model = small_offline_model(priors)
    seen = [random_observation(k, model.head, face) for k, face in enumerate(frames)]
    return OfflineFit(model, seen, config or quick())


@pytest.mark.parametrize("term", ["data", "normal", "landmark"])
def test_every_frame_of_a_chunk_is_in_every_term(term: str) -> None:
    """The original kept only a chunk's last frame in the normal and the landmark term."""
    fit = small_fit([True] * 3)
    fit.run(("init", "incre"))
    optimizer = fit._optimizer
    codes = optimizer.variables.expressions
    for code in codes:
        code.requires_grad_()
    objective = Objective(fit.model.fields, fit.config, torch.Generator().manual_seed(0))
    scans = draw([optimizer.scans[frame] for frame in range(3)], 64, torch.Generator().manual_seed(0))
    terms = objective(optimizer.variables, [0, 1, 2], scans, 10.0, [])
    for gradient in torch.autograd.grad(terms[term], codes):
        assert gradient.abs().max() > 0


def test_a_chunks_loss_is_the_mean_of_its_frames() -> None:
    fit = small_fit([True] * 2, quick(identity_prior=0, expression_prior=0))
    fit.run(("init", "incre"))
    optimizer = fit._optimizer
    optimizer.variables.expressions[1].requires_grad_()
    optimizer.variables.expressions[0].requires_grad_()
    objective = Objective(fit.model.fields, fit.config, torch.Generator())

    def terms(frames: list[int]) -> dict[str, torch.Tensor]:
        scans = [optimizer.scans[frame] for frame in frames]
        first_points = ScanBatch(
            torch.stack([scan.points_cam[:100] for scan in scans]),
            torch.stack([scan.normals_cam[:100] for scan in scans]),
            torch.stack([scan.landmarks_cam for scan in scans]),
            torch.stack([scan.landmarks_seen for scan in scans]),
        )
        return objective(optimizer.variables, frames, first_points, 10.0, [])

    both, first, second = terms([0, 1]), terms([0]), terms([1])
    for name in ("data", "normal", "landmark", "expression norm"):
        torch.testing.assert_close(both[name], (first[name] + second[name]) / 2, rtol=1e-4, atol=1e-6)


def test_the_joint_stage_moves_every_code_pose_and_the_scale() -> None:
    fit = small_fit([True] * 3)
    fit.run(("init", "incre"))
    before = fit.state()
    fit.run(("joint",))
    after = fit.state()
    assert (np.abs(after.expression_codes - before.expression_codes).max(axis=1) > 1e-3).all()
    assert (np.abs(after.rotation - before.rotation).max(axis=(1, 2)) > 1e-6).all()
    assert (np.abs(after.translation_m - before.translation_m).max(axis=1) > 1e-6).all()
    assert np.abs(after.identity_code - before.identity_code).max() > 1e-4
    assert after.scale != before.scale


def test_frames_are_drawn_to_their_true_neighbours_only() -> None:
    """With nothing but smoothness, neighbours meet; a frame after a gap has none and stays."""
    nothing = dict.fromkeys(("data", "normal", "landmark", "symmetry", "identity_norm", "expression_norm"), 0.0)
    fit = small_fit([True] * 4, quick((3, 1, 40), smooth_pose=0.0, **nothing))
    optimizer = fit._optimizer
    for frame, value in ((0, 0.1), (1, 0.3), (3, 5.0)):
        assert optimizer.place(frame, pose_at(frame))
        optimizer.variables.expressions[frame] = torch.full((6,), value)
        optimizer.fitted.add(frame)
    fit.run(("joint",))
    codes = fit.state().expression_codes
    assert np.abs(codes[0] - codes[1]).max() < 0.05
    np.testing.assert_allclose(codes[:2].mean(axis=0), 0.2, atol=0.03)
    np.testing.assert_allclose(codes[2], 5.0)


def test_smoothness_is_per_frame_and_draws_the_frame_not_its_neighbour() -> None:
    terms = {}
    for smoothness, gap in (("norm", 1), ("norm", 2), ("squared", 1)):
        fit = small_fit([True] * 2, replace(quick(), pose_smoothness=smoothness))  # type: ignore[arg-type]
        optimizer = fit._optimizer
        for frame in range(2):
            assert optimizer.place(frame, pose_at(frame))
            optimizer.variables.expressions[frame] = torch.full((6,), 0.5 * frame)
            for leaf, _, _ in optimizer.variables.leaves(fit.config.init, [frame]):
                leaf.requires_grad_()
        scans = draw([optimizer.scans[1]], 8, torch.Generator().manual_seed(0))
        objective = Objective(fit.model.fields, fit.config, torch.Generator())
        found = objective(optimizer.variables, [1], scans, 10.0, [Pair(1, 0, gap)])
        names = ("expression change", "rotation change", "translation change")
        terms[smoothness, gap] = np.array([found[name].item() for name in names])
        moved, still = optimizer.variables.expressions[1], optimizer.variables.expressions[0]
        by_moved, by_still = torch.autograd.grad(found["expression change"], (moved, still), allow_unused=True)
        assert by_moved is not None and by_still is None
    turn = 2 * np.sin(np.radians(2.0) / 4)  # the poses are 2° and 2 mm apart
    np.testing.assert_allclose(terms["norm", 1], [6 * 0.25, turn, 0.002], rtol=1e-3)
    np.testing.assert_allclose(terms["norm", 2], terms["norm", 1] / 2, rtol=1e-5)
    np.testing.assert_allclose(terms["squared", 1], [6 * 0.25, turn**2, 0.002**2], rtol=1e-3)


def test_smoothness_holds_the_incremental_stage_at_the_frame_before() -> None:
    def change(weight: float) -> float:
        fit = small_fit([True] * 2, quick(smooth_expression=weight))
        fit.run(("init", "incre"))
        codes = fit.state().expression_codes
        return float(np.linalg.norm(codes[1] - codes[0]))

    assert change(1000.0) < 0.5 * change(0.0)


def test_frames_without_a_face_take_their_neighbours_pose_and_those_without_a_head_are_left_out() -> None:
    fit = small_fit([False, True, False, True], quick())
    empty = np.zeros((0, 3), np.float32)
    fit.observations[3] = replace(fit.observations[3], points_cam=empty, normals_cam=empty)
    fit.run(("init", "incre", "joint"))
    assert fit.fitted == [0, 1, 2]
    state = fit.state()
    assert state.frame_index is not None and state.frame_index.tolist() == [0, 1, 2]
    turn = np.degrees(np.arccos(np.clip((np.einsum("tij,ij->t", state.rotation, state.rotation[1]) - 1) / 2, -1, 1)))
    assert turn.max() < 15


def test_there_is_nothing_where_no_face_is() -> None:
    fit = small_fit([False, False])
    fit.run(("init", "incre", "joint"))
    assert fit.fitted == []


def test_an_interruption_keeps_the_frames_that_are_done() -> None:
    config = quick((6, 3, 2))
    steps: list[tuple[str, int, int]] = []
    model = small_offline_model()
    seen = [random_observation(k, model.head) for k in range(4)]
    fit = OfflineFit(model, seen, config, lambda *step: steps.append(step), lambda: len(steps) >= 6 + 3 + 2)
    done: list[str] = []
    fit.run(("init", "incre", "joint"), lambda name, _state: done.append(name))
    assert fit.fitted == [0, 1]  # the third frame was in the middle of its steps
    assert steps[5] == ("init", 6, 6) and steps[6] == ("incre", 1, 9)
    assert "joint" not in done


def test_an_interrupted_first_stage_leaves_nothing() -> None:
    model = small_offline_model()
    fit = OfflineFit(model, [random_observation(0, model.head)], quick(), stop=lambda: True)
    fit.run(("init", "incre", "joint"))
    assert fit.fitted == []


def test_a_later_stage_starts_from_the_file_of_an_earlier_one(tmp_path: Path) -> None:
    fit = small_fit([True] * 3)
    fit.run(("init",))
    path = tmp_path / "head_init.npz"
    path.write_bytes(fit.state().to_bytes())
    fit.run(("incre",))
    again = small_fit([True] * 3)
    read = read_tracking_file(path, again.model.head.config)
    again.resume(read, first_only=True)
    assert again.fitted == [0]
    np.testing.assert_allclose(again.state().identity_code, read.identity_code, atol=1e-6)
    again.run(("incre",))
    assert again.fitted == [0, 1, 2]
    np.testing.assert_allclose(again.state().translation_m, fit.state().translation_m, atol=0.01)


def test_a_file_of_other_frames_is_refused() -> None:
    fit = small_fit([True] * 3)
    fit.run(("init", "incre"))
    other = small_fit([True] * 2)
    with pytest.raises(DataError, match="frame 2"):
        other.resume(fit.state(), first_only=False)
    with pytest.raises(DataError, match="3 frames"):
        other.resume(replace(fit.state(), frame_index=None), first_only=False)


@pytest.mark.parametrize("form", ["denoising", "distillation"])
def test_priors_take_part_where_the_model_has_them(form: str) -> None:
    config = replace(quick(), prior=form)  # type: ignore[arg-type]
    with_priors, without = (small_fit([True] * 2, config, priors) for priors in (True, False))
    for fit in (with_priors, without):
        fit.run(("init", "incre", "joint"))
    assert np.abs(with_priors.state().identity_code - without.state().identity_code).max() > 1e-4
    assert np.isfinite(with_priors.state().expression_codes).all()


def test_an_identity_prior_may_be_over_coefficients() -> None:
    head = small_model()
    modes = head.identity_basis.shape[1]
    fields = make_offline_model(head, random_prior(modes), None, CPU).fields
    coefficients = np.arange(1, modes + 1, dtype=np.float32)
    latents = fields.identity_latents(torch.from_numpy(head.identity_code(coefficients)))
    np.testing.assert_allclose(latents.numpy(), coefficients[None], atol=1e-4)


def test_a_model_without_prior_files_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    save_model(small_model(), tmp_path)
    with caplog.at_level(logging.WARNING):
        model = load_offline_model(tmp_path)
    assert model.fields.identity_prior is None and model.fields.expression_prior is None
    assert "identity_diffusion" in caplog.text and "expression_diffusion" in caplog.text


def test_prior_files_of_a_model_are_taken(tmp_path: Path) -> None:
    save_model(small_model(), tmp_path)
    save_prior(random_prior(SMALL.identity_dim), tmp_path / IDENTITY_PRIOR)
    save_prior(random_prior(SMALL.expression_dim), tmp_path / EXPRESSION_PRIOR)
    fields = load_offline_model(tmp_path).fields
    assert fields.identity_prior is not None and fields.expression_prior is not None


def known_head(model: HeadModel) -> tuple[list[Observation], list[FloatArray]]:
    """What a camera sees of a head in three frames, and its true vertices, camera frame."""
    rng = np.random.default_rng(1)
    coefficients = rng.standard_normal(model.identity_basis.shape[1]).astype(np.float32)
    weights = np.zeros(len(model.expression_names), np.float32)
    weights[model.expression_names.index("mouthSmile_L")] = 0.5
    seen, vertices_cam = [], []
    for frame in range(3):
        weights[model.expression_names.index("jawOpen")] = 0.3 + 0.05 * frame
        posed = posed_template(model, coefficients, weights)
        seen.append(template_observation(frame, model, posed, pose_at(frame)))
        vertices_cam.append(pose_at(frame).to_camera(posed))
    return seen, vertices_cam


def test_a_known_head_is_found_again(default_model: HeadModel) -> None:
    """Points of the model itself; the fitted surface against the true skin, and against the mean head of the start."""
    seen, true = known_head(default_model)
    papers = OfflineConfig()
    config = replace(
        papers,
        init=replace(papers.init, rounds=60, points=400, milestones=(30, 45)),
        incremental=replace(papers.incremental, points=400),
        joint=replace(papers.joint, points=400, rounds=3),
    )
    fit = OfflineFit(make_offline_model(default_model, None, None, CPU), seen, config)
    fit.run(("init", "incre", "joint"))
    assert fit.fitted == [0, 1, 2]
    assert default_model.template is not None
    template, skin = default_model.template, default_model.template.tracked
    for tracked, vertices_cam in zip(fit.tracked_frames(fit.subject()), true, strict=True):
        start = initial_pose(default_model, tracked.observation)
        assert start is not None and tracked.vertices_cam is not None
        before, after = (
            closest_on_mesh(vertices_cam[skin], mesh, template.faces)[0].mean()
            for mesh in (start.to_camera(template.mean), tracked.vertices_cam)
        )
        assert after < 0.7 * before
        assert tracked.residual_mm < 1.0


def test_the_fields_and_the_mesh_of_a_template_are_of_one_identity(default_model: HeadModel) -> None:
    fit = OfflineFit(make_offline_model(default_model, None, None, CPU), known_head(default_model)[0], quick((3, 1, 1)))
    fit.run(("init",))
    code = fit.state().identity_code
    coefficients = np.linalg.lstsq(default_model.identity_basis, code - default_model.identity_mean, rcond=None)[0]
    assert np.abs(coefficients).max() > 0.1
    np.testing.assert_allclose(default_model.identity_code(coefficients), code, atol=1e-5)
