"""What a person has beyond the model: a known bump is found, and nothing is where there is nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from scipy.spatial.transform import Rotation
from tiny_models import MODES, write_tiny_model

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.errors import CalibrationError
from dphm_core.frames import MM_PER_UNIT, FloatArray, Observation, RGBDFrame, Similarity
from dphm_core.heads.deformation import Deformation
from dphm_core.heads.distance import BOX_MAX, BOX_MIN, BakedDistance
from dphm_core.heads.model import load_model
from dphm_core.heads.offset import LIMIT, LOW, SHAPE, SurfaceOffset
from dphm_core.heads.offset import SPACING as SPACING_OF_NODES
from dphm_core.heads.subject import Subject
from dphm_core.heads.surface import zero_level
from dphm_core.tracking.fit_state import FitState
from dphm_core.tracking.personal import PersonalResidual, fuse
from dphm_core.tracking.subject_file import KnownSubject, load_subject, load_subject_of, model_fingerprint, save_subject

SPACING, RADIUS, SCALE = 0.014, 0.24, 1.05
FRAMES, POINTS, NOISE_M = 16, 6000, 0.001
PEAK = np.array([0.1, 0.1, 0.195], np.float32)
Shape = Callable[[FloatArray], FloatArray]


def flat(directions: FloatArray) -> FloatArray:
    return np.zeros(len(directions), np.float32)


def bump(directions: FloatArray) -> FloatArray:
    """2.5 mm high, some 2 cm wide."""
    away = np.linalg.norm(RADIUS * directions - PEAK, axis=1)
    return (2.5 / MM_PER_UNIT * np.exp(-0.5 * (away / 0.06) ** 2)).astype(np.float32)


@pytest.fixture(scope="module")
def ball(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    """A ball that no expression bends, on a grid, with a mesh of its own."""
    model = load_model(write_tiny_model(tmp_path_factory.mktemp("models") / "small"))
    model.expression_field.layers[-1].weight.zero_()
    model.expression_field.layers[-1].bias.zero_()
    code = np.zeros(model.config.identity_dim, np.float32)
    deformation = Deformation(model.expression_field, torch.from_numpy(code), torch.from_numpy(model.anchors(code)))
    count = np.ceil((BOX_MAX - BOX_MIN) / SPACING).astype(int) + 1
    places = np.stack(np.indices(count), axis=-1) * SPACING + BOX_MIN
    values = (np.linalg.norm(places, axis=-1) - RADIUS).astype(np.float32)
    nodes = np.stack([values, *np.gradient(values, SPACING)], axis=-1)
    surface = zero_level(values, BOX_MIN, SPACING)
    assert surface is not None
    return Subject(model, code, SCALE, BakedDistance(nodes, BOX_MIN, SPACING), deformation, *surface)


def frames_of(
    subject: Subject, shape: Shape, noise_m: float = NOISE_M, drift_m: FloatArray | None = None
) -> list[tuple[Observation, FitState]]:
    """Turning head, seen from its front; the poses that are told of it are off by `drift_m`, camera axes."""
    rng = np.random.default_rng(0)
    frames = []
    for yaw in np.linspace(-25, 25, FRAMES):
        rotation = Rotation.from_euler("xy", [180, yaw], degrees=True).as_matrix().astype(np.float32)
        pose = Similarity(rotation, np.array([0.02, -0.03, 0.55], np.float32), SCALE)
        directions = rng.standard_normal((POINTS, 3)).astype(np.float32)
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        facing = -directions @ rotation[2]
        # A camera's pixels are even in the picture: the more a place is turned away, the fewer points it gets.
        directions = directions[(facing > 0.2) & (facing > rng.random(POINTS))]
        points = pose.to_camera(directions * (RADIUS + shape(directions))[:, None])
        points *= 1 + noise_m * rng.standard_normal((len(points), 1)).astype(np.float32) / 0.5
        image = np.zeros((0, 0), np.float32)
        frame = RGBDFrame(len(frames), 0.0, None, image, Intrinsics(640, 480, 500.0, 500.0, 320.0, 240.0))
        told = replace(pose, translation_m=pose.translation_m + (0 if drift_m is None else drift_m))
        observation = Observation(frame, points.astype(np.float32), directions @ rotation.T, None)
        frames.append((observation, FitState.at_rest(told, subject.model.config.expression_dim)))
    return frames


def error_mm(subject: Subject, shape: Shape) -> FloatArray:
    """How far vertices on the ball's front, which was seen well, are off; less what a shift explains."""
    vertices = subject.vertices_canonical[subject.vertices_canonical[:, 2] > 0.6 * RADIUS]
    length = np.linalg.norm(vertices, axis=1)
    directions = vertices / length[:, None]
    error = (length - RADIUS - shape(directions)) * MM_PER_UNIT
    return error - directions @ np.linalg.lstsq(directions, error, rcond=None)[0]


@pytest.fixture(scope="module")
def found(ball: Subject) -> Subject:
    subject = fuse(ball, frames_of(ball, bump))
    assert subject is not None
    return subject


def test_a_bump_is_found(ball: Subject, found: Subject) -> None:
    assert np.abs(error_mm(ball, bump)).mean() > 0.3
    assert np.abs(error_mm(ball, bump)).max() > 1.4
    assert np.abs(error_mm(found, bump)).mean() < 0.1
    assert np.abs(error_mm(found, bump)).max() < 0.5
    on_surface = found.vertices_canonical[found.vertices_canonical[:, 2] > 0.5 * RADIUS]
    assert np.abs(found.distance(on_surface)[0]).mean() * MM_PER_UNIT < 0.1


def test_vertices_and_faces_keep_their_order(ball: Subject, found: Subject) -> None:
    assert found.faces is ball.faces
    moved = found.vertices_canonical - ball.vertices_canonical
    assert np.linalg.norm(moved, axis=1).max() * MM_PER_UNIT < 3.0
    behind = ball.vertices_canonical[:, 2] < -0.15
    np.testing.assert_allclose(moved[behind], 0, atol=1e-6)


def test_noise_alone_and_what_poses_explain_give_nothing(ball: Subject) -> None:
    assert fuse(ball, frames_of(ball, flat)) is None
    drift = np.array([0.0012, 0.0, -0.0015], np.float32)
    drifted = fuse(ball, frames_of(ball, flat, drift_m=drift))
    assert drifted is None or np.abs(error_mm(drifted, flat)).mean() < 0.1


def test_a_rigid_motion_beside_a_bump_is_left_to_the_poses(ball: Subject) -> None:
    found = fuse(ball, frames_of(ball, bump, drift_m=np.array([0.0, 0.0, 0.001], np.float32)))
    assert found is not None and found.offset is not None
    assert np.abs(error_mm(found, bump)).mean() < 0.2
    opposite = np.array([[-0.5, -0.5, 0.7]], np.float32) * RADIUS
    assert np.abs(found.offset(opposite)).max() * MM_PER_UNIT < 0.35  # the drift is 0.7 mm there


def test_the_same_frames_give_the_same_offset(ball: Subject, found: Subject) -> None:
    again = fuse(ball, frames_of(ball, bump))
    assert found.offset is not None and again is not None and again.offset is not None
    np.testing.assert_array_equal(found.offset.coefficients, again.offset.coefficients)


def test_a_second_round_adds_to_the_first(ball: Subject, found: Subject) -> None:
    frames = frames_of(ball, bump)
    assert found.offset is not None
    again = PersonalResidual(found)
    for frame in frames:
        again.add(*frame)
    more = again.solve()
    assert more is None or np.abs(more.coefficients).max() < 0.5 * np.abs(found.offset.coefficients).max()


def test_hair_is_left_out(ball: Subject) -> None:
    """Fuzzy depth above the forehead, 4 mm before the skin, is not taken for it."""
    frames = frames_of(ball, bump)
    rng = np.random.default_rng(1)
    haired = []
    for observation, state in frames:
        height = state.head_to_cam.to_head(observation.points_cam)[:, 1]
        fuzz_m = np.where(height > 0.17, 0.004 + 0.003 * rng.standard_normal(len(height)), 0)
        points = observation.points_cam + observation.normals_cam * fuzz_m[:, None].astype(np.float32)
        haired.append((replace(observation, points_cam=points.astype(np.float32)), state))
    found = fuse(ball, haired)
    assert found is not None and found.offset is not None
    up = np.array([[0.0, 0.9, 0.44], [0.1, 0.9, 0.42], [-0.15, 0.88, 0.45]], np.float32) * RADIUS
    assert np.abs(found.offset(up)).max() * MM_PER_UNIT < 1.0


def test_frames_far_from_the_model_and_few_frames_say_nothing(ball: Subject) -> None:
    assert fuse(ball, frames_of(ball, bump, drift_m=np.array([0.0, 0.0, 0.3], np.float32))) is None
    assert fuse(ball, []) is None
    assert fuse(ball, frames_of(ball, bump)[:5]) is None


@pytest.fixture
def known(ball: Subject) -> KnownSubject:
    coefficients = np.zeros(SHAPE, np.float32)
    coefficients[15, 18, 15] = -0.7 * LIMIT
    return KnownSubject(
        np.linspace(-1, 1, MODES, dtype=np.float32), 1.02, 0.0006, 0.0002, ball.model.name,
        model_fingerprint(ball.model), SurfaceOffset(coefficients),
    )  # fmt: skip


def test_an_offset_is_saved_with_its_subject(ball: Subject, known: KnownSubject, tmp_path: Path) -> None:
    path = tmp_path / "me"
    save_subject(known, path)
    again = load_subject_of(path, ball.model)
    assert known.offset is not None and again.offset is not None
    np.testing.assert_allclose(again.offset.coefficients, known.offset.coefficients, rtol=1e-3)
    assert path.stat().st_size < 70_000
    with_offset, without = again.subject(ball.model), replace(again, offset=None).subject(ball.model)
    assert with_offset.offset is not None and without.offset is None
    there = (LOW + SPACING_OF_NODES * np.array([[15, 18, 15]])).astype(np.float32)
    assert with_offset.distance(there)[0] > without.distance(there)[0] + 0.1 * LIMIT


def test_files_without_an_offset_still_load(known: KnownSubject, tmp_path: Path) -> None:
    save_subject(replace(known, offset=None), tmp_path / "me")
    assert "offset" not in load_file(tmp_path / "me")
    assert load_subject(tmp_path / "me").offset is None


@pytest.mark.parametrize(
    ("offset", "told"),
    [
        (torch.zeros(SHAPE[:2]), "coefficients instead of"),
        (torch.full(SHAPE, 2 * LIMIT), "more than 5 mm"),
        (torch.full(SHAPE, float("nan")), "more than 5 mm"),
    ],
)
def test_what_is_no_offset_is_refused_in_one_line(
    ball: Subject, known: KnownSubject, tmp_path: Path, offset: torch.Tensor, told: str
) -> None:
    save_subject(known, tmp_path / "me")
    facts = {"format": "dphm-subject/1", "model": known.model, "fingerprint": known.fingerprint}
    save_file({**load_file(tmp_path / "me"), "offset": offset.half()}, tmp_path / "me", facts)
    with pytest.raises(CalibrationError, match=told) as error:
        load_subject_of(tmp_path / "me", ball.model)
    assert "\n" not in str(error.value)
