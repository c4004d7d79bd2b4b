"""Plausible expressions: within what a face can do, and moving together as faces do."""

from __future__ import annotations

import numpy as np
import pytest

from dphm_core.frames import FloatArray
from dphm_core.heads.model import load_model
from dphm_core.training.expressions import EXCLUSIVE
from dphm_core.training.sequences import EMOTIONS, plausible_codes

COUNT = 2000


@pytest.fixture(scope="module")
def names() -> tuple[str, ...]:
    return load_model("default").expression_names


@pytest.fixture(scope="module")
def codes(names: tuple[str, ...]) -> FloatArray:
    return plausible_codes(names, COUNT, np.random.default_rng(0))


def correlation(codes: FloatArray, names: tuple[str, ...], a: str, b: str) -> float:
    return float(np.corrcoef(codes[:, names.index(a)], codes[:, names.index(b)])[0, 1])


def test_codes_are_possible_faces(codes: FloatArray, names: tuple[str, ...]) -> None:
    assert codes.shape == (COUNT, 53) and codes.dtype == np.float32
    assert codes.min() >= 0 and codes.max() <= 1
    assert (codes[:, names.index("mouthClose")] <= codes[:, names.index("jawOpen")]).all()
    for a, b in EXCLUSIVE:
        assert not (codes[:, names.index(a)] * codes[:, names.index(b)]).any()


def test_every_shape_is_used(codes: FloatArray, names: tuple[str, ...]) -> None:
    unused = [name for name, largest in zip(names, codes.max(axis=0), strict=True) if largest < 0.1]
    assert unused == []


def test_every_emotion_is_made_of_known_shapes(names: tuple[str, ...]) -> None:
    known = set(names) | {name[:-2] for name in names if name.endswith("_L")}
    assert {shape for pattern in EMOTIONS.values() for shape in pattern} <= known


@pytest.mark.parametrize("shape", ["mouthSmile", "eyeBlink", "browDown", "eyeWide", "mouthFrown", "mouthStretch"])
def test_both_sides_move_together_but_not_alike(codes: FloatArray, names: tuple[str, ...], shape: str) -> None:
    assert 0.6 < correlation(codes, names, f"{shape}_L", f"{shape}_R") < 0.999


def test_a_smile_lifts_the_cheeks_and_eyes_look_the_same_way(codes: FloatArray, names: tuple[str, ...]) -> None:
    assert correlation(codes, names, "mouthSmile_L", "cheekSquint_L") > 0.5
    assert correlation(codes, names, "eyeLookOut_L", "eyeLookIn_R") > 0.8
    assert correlation(codes, names, "mouthSmile_L", "mouthFrown_L") < 0


def test_the_shapes_depend_on_each_other(codes: FloatArray) -> None:
    """Half as many directions hold the codes as hold the same columns, each shuffled by itself."""
    shuffled = np.random.default_rng(1).permuted(codes, axis=0)

    def directions(values: FloatArray) -> int:
        variances = np.linalg.eigvalsh(np.corrcoef(values.T))[::-1]
        return int(np.searchsorted(variances.cumsum() / variances.sum(), 0.9))

    assert directions(codes) < 0.5 * directions(shuffled)


def test_the_same_chance_makes_the_same_codes(names: tuple[str, ...]) -> None:
    first, again = (plausible_codes(names, 60, np.random.default_rng(5)) for _ in range(2))
    other = plausible_codes(names, 60, np.random.default_rng(6))
    assert np.array_equal(first, again) and not np.array_equal(first, other)
