"""Principal shapes of a sequence: as few as come within the bound, found a chunk at a time, or the most allowed."""

from __future__ import annotations

import numpy as np
import pytest

from dphm_core.errors import Cancelled
from dphm_core.meshing.animation import CHUNK, Animation, Passes, Shapes
from dphm_core.meshing.basis import BOUND_M, MOST_SHAPES, principal_shapes, shapes_error

VERTICES = 120
RNG = np.random.default_rng(0)
REST = RNG.normal(0, 0.1, (VERTICES, 3)).astype(np.float32)


def animation(offsets: np.ndarray, unit_m: float = 1.0) -> Animation:
    """Heads (T, V, 3) that differ from the rest by offsets."""
    count = len(offsets)
    return Animation(
        faces=np.array([[0, 1, 2]], np.int32),
        rest=REST,
        head=lambda sample: (REST + offsets[sample]).astype(np.float32),
        rotation=np.tile(np.eye(3), (count, 1, 1)),
        translation=np.zeros((count, 3)),
        times_s=np.arange(count) / 30,
        fps=30.0,
        frames=np.arange(count),
        tracked=np.ones(count, bool),
        metres_per_unit=unit_m,
    )


def mixed(samples: int, shapes: int) -> np.ndarray:
    """Offsets that are sums of a few shapes of a centimetre."""
    return np.tensordot(RNG.normal(size=(samples, shapes)), RNG.normal(0, 0.01, (shapes, VERTICES, 3)), 1)


def passes(moving: Animation) -> Passes:
    return Passes(moving, 2, lambda done, total: None)


@pytest.mark.parametrize("samples", [1, 2, CHUNK, 3 * CHUNK + 5])
def test_a_sequence_of_five_shapes_takes_no_more_than_six(samples: int) -> None:
    moving = animation(mixed(samples, 5))
    shapes = principal_shapes(passes(moving))
    assert len(shapes.offsets) <= min(6, samples)
    assert shapes_error(passes(moving), shapes) <= BOUND_M
    assert shapes.weights.min() >= 0 and shapes.weights.max() <= 1 + 1e-6
    assert shapes.weights.max(axis=0) == pytest.approx(np.ones(len(shapes.names)), abs=1e-5) or samples < 3


def test_curved_motion_comes_within_the_bound() -> None:
    """Vertices that turn, each at a pace of its own, lie on no flat subspace."""
    angle = np.linspace(0, 1, 3 * CHUNK)[:, None] * RNG.uniform(0.5, 1.5, VERTICES)
    turned = np.stack([np.cos(angle) - 1, np.sin(angle), 0 * angle], axis=-1) * 0.03
    moving = animation(turned)
    shapes = principal_shapes(passes(moving))
    assert 2 < len(shapes.offsets) < 16
    worst = max(
        float(np.linalg.norm(moving.head(k) - shapes.at(slice(k, k + 1))[0], axis=1).max()) for k in range(0, 192, 7)
    )
    assert worst <= shapes_error(passes(moving), shapes) <= BOUND_M


def test_the_bound_is_in_metres_whatever_the_unit() -> None:
    offsets = mixed(40, 30)
    in_metres = principal_shapes(passes(animation(offsets)))
    in_units_of_a_tenth = principal_shapes(passes(animation(offsets, unit_m=0.001)))  # the same numbers as millimetres
    assert len(in_units_of_a_tenth.offsets) < len(in_metres.offsets)


def test_what_no_basis_meets_gets_the_most_there_may_be() -> None:
    noise = animation(RNG.normal(0, 0.01, (2 * CHUNK, VERTICES, 3)))
    shapes = principal_shapes(passes(noise))
    assert len(shapes.offsets) == MOST_SHAPES
    assert shapes_error(passes(noise), shapes) > BOUND_M


def test_a_head_that_does_not_move_is_one_shape() -> None:
    shapes = principal_shapes(passes(animation(np.zeros((5, VERTICES, 3)))))
    assert len(shapes.offsets) == 1 and np.isfinite(shapes.offsets).all()
    np.testing.assert_allclose(shapes.at(slice(0, 5)), np.stack([REST] * 5), atol=1e-7)


def test_its_error_is_that_of_the_worst_vertex() -> None:
    offsets = np.zeros((3, VERTICES, 3))
    offsets[2, 7] = (0, 0.003, 0.004)
    nothing = Shapes(["none"], REST, np.zeros((1, VERTICES, 3), np.float32), np.zeros((3, 1), np.float32))
    assert shapes_error(passes(animation(offsets)), nothing) == pytest.approx(0.005, rel=1e-4)


def test_progress_rises_and_cancels() -> None:
    told: list[tuple[int, int | None]] = []
    principal_shapes(Passes(animation(mixed(2 * CHUNK, 3)), 2, lambda *step: told.append(step)))
    assert told == [(64, 256), (128, 256), (192, 256), (256, 256)]

    def cancel(done: int, total: int | None) -> None:
        raise Cancelled("no longer wanted")

    with pytest.raises(Cancelled):
        principal_shapes(Passes(animation(mixed(3, 3)), 2, cancel))
