"""FLAME comes back from what is seen of it: a head of known shape, turned and with its mouth open, in noisy depth."""

from __future__ import annotations

from dataclasses import replace

import flame_models
import numpy as np
import pytest
import torch
from flame_files import embedding_on, read_arrays
from flame_scene import Scene, angle_deg, make_scene, perturbed

from dphm_core.dataset.flame.equations import Evidence, Fitted, FrameFit, Head, head_vertices, in_camera
from dphm_core.dataset.flame.find_landmarks import find_embedding
from dphm_core.dataset.flame.fit import HEAD_ROUNDS, fit_frame, fit_head, is_fitted
from dphm_core.dataset.flame.model import FlameModel, build_model, kept_vertices
from dphm_core.errors import Cancelled, CheckpointError
from dphm_core.frames import FACE_HIGH, FACE_LOW
from dphm_core.heads.model import load_model
from dphm_core.meshing.normals import vertex_normals

SHAPE, EXPRESSION, FRAMES = 40, 48, 4


@pytest.fixture(scope="module")
def whole() -> FlameModel:
    return build_model(read_arrays(), SHAPE, EXPRESSION)


@pytest.fixture(scope="module")
def kept(whole: FlameModel) -> np.ndarray:
    return kept_vertices(whole, FACE_LOW / 4 - 0.02, FACE_HIGH / 4 + 0.02)


@pytest.fixture(scope="module")
def fitted(whole: FlameModel, kept: np.ndarray) -> Fitted:
    return Fitted(whole.restricted(kept), embedding_on(whole).on(kept))


@pytest.fixture(scope="module")
def scene(whole: FlameModel) -> Scene:
    return make_scene(whole, embedding_on(whole), FRAMES)


@pytest.fixture(scope="module")
def starts(scene: Scene) -> list[FrameFit]:
    """As far off as rigid alignment is: some 4° and 5 mm, with neither jaw nor expression."""
    random = np.random.default_rng(1)
    return [perturbed(frame, random) for frame in scene.frames]


@pytest.fixture(scope="module")
def found(fitted: Fitted, scene: Scene, starts: list[FrameFit]) -> tuple[Head, list[FrameFit], float]:
    return fit_head(fitted, Head(1.0, torch.zeros(SHAPE)), starts, scene.evidence, lambda *_: None)


def check(fitted: Fitted, scene: Scene, index: int, head: Head, frame: FrameFit) -> None:
    """Within 1°, 1 mm and 3° of the jaw; the surface within 0.3 mm in the median, 1 mm at nearly all places."""
    true = scene.frames[index]
    assert angle_deg(frame.rotation, true.rotation) < 1
    assert (frame.translation - true.translation).norm() < 0.001
    assert abs(float(frame.jaw[0] - true.jaw[0])) < np.radians(3)
    there = in_camera(head_vertices(fitted.model, scene.head, true), scene.head, true)
    here = in_camera(head_vertices(fitted.model, head, frame), head, frame)
    normals = vertex_normals(there, fitted.model.faces)
    seen = normals[:, 2] < -0.3
    apart = np.abs(((here - there) * normals).sum(axis=1))[seen]
    assert np.median(apart) < 0.0003 and np.quantile(apart, 0.95) < 0.001


def test_a_head_comes_back(fitted: Fitted, scene: Scene, found: tuple[Head, list[FrameFit], float]) -> None:
    head, frames, usual_m = found
    assert usual_m < 0.0005
    assert 0.97 < head.scale < 1.07, "scale and shape share the size"
    assert all(angle_deg(frame.rotation, true.rotation) < 1 for frame, true in zip(frames, scene.frames, strict=True))


def test_one_frame_after_the_other_comes_back(
    fitted: Fitted, scene: Scene, starts: list[FrameFit], found: tuple[Head, list[FrameFit], float]
) -> None:
    head, _, usual_m = found
    before = None
    for index in range(FRAMES):
        before, equations = fit_frame(fitted, head, starts[index], scene.evidence[index], before)
        check(fitted, scene, index, head, before)
        assert is_fitted(equations, usual_m)


def test_a_frame_comes_back_by_itself(
    fitted: Fitted, scene: Scene, starts: list[FrameFit], found: tuple[Head, list[FrameFit], float]
) -> None:
    frame, _ = fit_frame(fitted, found[0], starts[3], scene.evidence[3], None)
    check(fitted, scene, 3, found[0], frame)


def test_without_landmarks_points_alone_hold_a_frame(
    fitted: Fitted, scene: Scene, starts: list[FrameFit], found: tuple[Head, list[FrameFit], float]
) -> None:
    seen = replace(scene.evidence[1], landmarks=np.full((478, 3), np.nan, np.float32))
    frame, _ = fit_frame(fitted, found[0], starts[1], seen, None)
    assert angle_deg(frame.rotation, scene.frames[1].rotation) < 1.5


def test_without_points_landmarks_alone_give_the_pose(
    fitted: Fitted, scene: Scene, starts: list[FrameFit], found: tuple[Head, list[FrameFit], float]
) -> None:
    nothing = np.zeros((0, 3), np.float32)
    seen = Evidence(nothing, nothing, scene.evidence[1].landmarks)
    frame, equations = fit_frame(fitted, found[0], starts[1], seen, None)
    assert angle_deg(frame.rotation, scene.frames[1].rotation) < 2
    assert not is_fitted(equations, found[2]), "no points lie on it"


def test_what_is_no_head_is_not_fitted(
    fitted: Fitted, scene: Scene, starts: list[FrameFit], found: tuple[Head, list[FrameFit], float]
) -> None:
    random = np.random.default_rng(0)
    points = scene.evidence[0].points + random.normal(0, 0.01, scene.evidence[0].points.shape).astype(np.float32)
    wall = Evidence(points, scene.evidence[0].normals, np.full((478, 3), np.nan, np.float32))
    frame, equations = fit_frame(fitted, found[0], starts[0], wall, None)
    assert not is_fitted(equations, found[2])
    assert torch.isfinite(frame.rotation).all() and torch.isfinite(frame.expression).all()


def test_outliers_do_not_pull(fitted: Fitted, scene: Scene, found: tuple[Head, list[FrameFit], float]) -> None:
    seen, random = scene.evidence[1], np.random.default_rng(0)
    points, landmarks = seen.points.copy(), seen.landmarks.copy()
    points[::5] += random.normal(0, 0.03, points[::5].shape)
    landmarks[::10] += 0.03
    spoilt = Evidence(points, seen.normals, landmarks)
    frame, _ = fit_frame(fitted, found[0], scene.frames[1], spoilt, None)
    assert angle_deg(frame.rotation, scene.frames[1].rotation) < 1
    assert (frame.translation - scene.frames[1].translation).norm() < 0.0015


def test_it_can_be_cancelled_and_tells_its_progress(fitted: Fitted, scene: Scene, starts: list[FrameFit]) -> None:
    told: list[tuple[int, int | None]] = []

    def tell(done: int, total: int | None) -> None:
        told.append((done, total))
        if done == 3:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        fit_head(fitted, Head(1.0, torch.zeros(SHAPE)), starts[:2], scene.evidence[:2], tell)
    assert told == [(k, 2 * HEAD_ROUNDS) for k in range(4)]


def test_landmarks_are_found_without_a_file_of_them(whole: FlameModel, kept: np.ndarray) -> None:
    """FLAME's own mean head is another than the template's, and lies 4.7 mm elsewhere."""
    template = load_model("default").template
    assert template is not None
    model = whole.restricted(kept)
    found = find_embedding(model, template, lambda *_: None)
    known = embedding_on(whole)
    both, here, there = np.intersect1d(found.landmarks, known.landmarks, return_indices=True)
    assert len(both) > 300
    places = np.einsum("nk,nkx->nx", found.weights, model.template.numpy()[found.corners])[here]
    expected = np.einsum("nk,nkx->nx", known.weights, whole.template.numpy()[known.corners])[there]
    apart = np.linalg.norm(places - expected, axis=1)
    assert np.median(apart) < 0.003, "of a mesh with edges of 5 mm, whose nearest vertex was taken"


def test_a_model_that_lies_elsewhere_is_told(whole: FlameModel, kept: np.ndarray) -> None:
    template = load_model("default").template
    assert template is not None
    low = whole.restricted(kept)
    moved = replace(low, template=low.template + torch.tensor([0.0, 0.06, 0.0]))
    with pytest.raises(CheckpointError, match="--flame-landmarks"):
        find_embedding(moved, template, lambda *_: None)


def test_the_test_models_own_numbers() -> None:
    """What the tests stand on: a head of the size and place of FLAME's, with five joints in a tree."""
    arrays = flame_models.flame_arrays()
    assert 4000 < len(arrays["v_template"]) < 6000
    assert arrays["weights"].sum(axis=1) == pytest.approx(1)
