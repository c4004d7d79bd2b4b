"""Motions: what they promise of the mouth, the eyes and the pose."""

from __future__ import annotations

import numpy as np
import pytest

from dphm_core.training.motion import FRONTAL, MOTION_NAMES, motion
from dphm_core.training.motion import _weights as spread

SIDED = ("browDown", "browOuterUp", "eyeBlink", "eyeSquint", "cheekSquint", "mouthSmile", "mouthStretch")
SHAPES = (
    *(f"{name}_{side}" for name in SIDED for side in "LR"),
    *("jawOpen", "mouthClose", "mouthFunnel", "mouthPucker"),
)
FPS = 30.0


def made(name: str, frames: int = 150, seed: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return motion(name, frames, FPS, np.random.default_rng(seed), SHAPES)  # type: ignore[arg-type]


def yaw_deg(rotations: np.ndarray) -> np.ndarray:
    return np.degrees(np.arcsin((FRONTAL @ rotations)[:, 0, 2]))


@pytest.mark.parametrize("name", MOTION_NAMES)
def test_weights_and_rotations_are_valid_and_repeatable(name: str) -> None:
    weights, rotations, translations = made(name)
    assert weights.shape == (150, len(SHAPES)) and weights.dtype == np.float32
    assert weights.min() >= 0 and weights.max() <= 1
    assert (weights[:, SHAPES.index("mouthClose")] <= weights[:, SHAPES.index("jawOpen")]).all()
    assert np.allclose(rotations @ rotations.transpose(0, 2, 1), np.eye(3), atol=1e-5)
    assert np.allclose(np.linalg.det(rotations), 1, atol=1e-5)
    assert np.allclose(rotations[:10], FRONTAL, atol=1e-6) and not translations[:10].any()
    assert all(np.array_equal(a, b) for a, b in zip(made(name), (weights, rotations, translations), strict=True))


def test_static_is_still() -> None:
    weights, rotations, translations = made("static")
    assert not weights.any() and not translations.any() and np.allclose(rotations, FRONTAL)


def test_talk_blinks_fully_moves_the_mouth_and_hardly_the_head() -> None:
    weights, rotations, _ = made("talk")
    shut = weights[:, SHAPES.index("eyeBlink_L")] > 0.95
    assert 3 <= shut.sum() <= 30
    assert np.array_equal(weights[:, SHAPES.index("eyeBlink_L")], weights[:, SHAPES.index("eyeBlink_R")])
    assert weights[:, SHAPES.index("jawOpen")].max() > 0.25
    assert np.abs(yaw_deg(rotations)).max() < 12


def test_turn_reaches_45_degrees_to_both_sides() -> None:
    yaw = yaw_deg(made("turn")[1])
    assert 40 < yaw.max() < 52 and -52 < yaw.min() < -40


def test_fast_opens_the_mouth_within_4_frames() -> None:
    jaw = made("fast")[0][:, SHAPES.index("jawOpen")]
    assert (jaw[24:] - jaw[20:-4]).max() > 0.8
    assert np.abs(np.diff(yaw_deg(made("fast")[1]))).max() * FPS > 150


def test_demo_turns_blinks_and_smiles() -> None:
    weights, rotations, _ = made("demo", 75)
    assert 20 < yaw_deg(rotations).max() < 32 and -32 < yaw_deg(rotations).min() < -20
    assert weights[-5:, SHAPES.index("mouthSmile_L")].min() > 0.5
    assert (weights[:, SHAPES.index("eyeBlink_R")] > 0.95).sum() >= 5


def test_mouth_close_never_exceeds_jaw_open() -> None:
    weights = spread({"mouthClose": np.ones(4), "jawOpen": np.full(4, 0.3)}, np.ones(4), SHAPES)
    assert weights[:, SHAPES.index("mouthClose")] == pytest.approx(0.3)
