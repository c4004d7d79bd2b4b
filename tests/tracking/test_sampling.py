"""Which points of a made-up wall enter the fit: where depth is full of holes, few or none."""

from __future__ import annotations

import numpy as np
import pytest

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.frames import FloatArray, Observation, RGBDFrame, Similarity
from dphm_core.tracking.sampling import COMPLETE, completeness, drawn_in_turn, face_points, picture_cells

CAMERA = Intrinsics(width=320, height=288, fx=250.0, fy=250.0, cx=160.0, cy=144.0)
POSE = Similarity(np.diag([1.0, -1.0, -1.0]).astype(np.float32), np.array([0.0, 0.0, 0.5], np.float32))
HOLES = 0.7
"""Share of the pixels without depth on the wall's right."""


def wall() -> FloatArray:
    """(N, 3) a wall across the face, its right half full of holes."""
    columns, rows = np.meshgrid(np.arange(320), np.arange(288))
    x, y = (columns - CAMERA.cx) / CAMERA.fx * 0.45, (rows - CAMERA.cy) / CAMERA.fy * 0.45
    points = np.stack([x, y, np.full_like(x, 0.45)], axis=-1).reshape(-1, 3).astype(np.float32)
    kept = (points[:, 0] < 0) | (np.random.default_rng(0).random(len(points)) > HOLES)
    return points[kept & (np.abs(points[:, :2]) < 0.12).all(axis=1)]


def observed(points: FloatArray) -> Observation:
    frame = RGBDFrame(0, 0.0, None, np.zeros((0, 0), np.float32), CAMERA)
    return Observation(frame, points, np.broadcast_to(np.float32([0, 0, -1]), points.shape), None)


def test_completeness_is_the_share_of_pixels_with_depth() -> None:
    points = wall()
    complete = completeness(picture_cells(points))
    for side, expected in ((points[:, 0] < 0, 1.0), (points[:, 0] > 0, 1 - HOLES)):
        inner = side & (np.abs(points[:, 0] - np.sign(points[:, 0]) * 0.06) < 0.04) & (np.abs(points[:, 1]) < 0.1)
        assert complete[inner].mean() == pytest.approx(expected, abs=0.07)
    assert (complete > 0).all()
    assert len(completeness(picture_cells(points[:0]))) == 0


def test_points_among_holes_are_drawn_rarely_and_tell_nothing_of_who_it_is() -> None:
    observation = observed(wall())
    whole = observation.points_cam[:, 0] < 0
    there = (~whole).sum() / len(whole)
    drawn, normals = face_points(observation, POSE, 700, np.random.default_rng(1))
    assert len(drawn) == len(normals) == 700
    assert (drawn[:, 0] > 0.005).mean() < 0.6 * there
    telling, _ = face_points(observation, POSE, 700, np.random.default_rng(1), COMPLETE)
    assert len(telling) == 700
    assert (telling[:, 0] > 0.005).mean() < 0.1 * there


def test_the_same_seed_draws_the_same_points() -> None:
    first, again = (face_points(observed(wall()), POSE, 300, np.random.default_rng(4))[0] for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_no_points_are_no_trouble() -> None:
    assert len(face_points(observed(np.zeros((0, 3), np.float32)), POSE, 300, np.random.default_rng(0))[0]) == 0


def test_a_point_at_the_lens_does_not_take_memory() -> None:
    points = np.concatenate([wall(), np.array([[1.0, 1.0, 1e-6]], np.float32)])
    assert np.isfinite(completeness(picture_cells(points))).all()


def test_every_cell_of_the_picture_gets_its_due_to_the_nearest_whole_point() -> None:
    cells = np.repeat(np.arange(100), 30)
    wanted = np.repeat(np.random.default_rng(0).random(100), 30)
    due = np.bincount(cells, wanted * 700 / wanted.sum())
    for seed in range(20):
        drawn = drawn_in_turn(wanted, 700, np.random.default_rng(seed))
        assert len(np.unique(drawn)) == 700
        assert np.abs(np.bincount(cells[drawn], minlength=100) - due).max() < 1


def test_a_still_face_is_sampled_alike_in_every_frame() -> None:
    """Of chance draws, the counts in a square centimetre would scatter as much as their mean says."""
    points = wall()
    points = points[points[:, 0] < 0]
    square = np.floor(points[:, :2] / 0.01).astype(int)
    draws = []
    for seed in range(40):
        drawn, _ = face_points(observed(points), POSE, 700, np.random.default_rng(seed))
        at = np.floor(drawn[:, :2] / 0.01).astype(int) - square.min(axis=0)
        draws.append(np.histogram2d(at[:, 0], at[:, 1], bins=[np.arange(30)] * 2)[0])
    mean, variance = np.mean(draws, axis=0), np.var(draws, axis=0)
    assert (variance[mean > 2] / mean[mean > 2]).mean() < 0.4


def test_what_is_wanted_most_is_taken_and_nothing_twice() -> None:
    points = wall()
    points = points[::40]
    observation = observed(points)
    everything, _ = face_points(observation, POSE, len(points), np.random.default_rng(0))
    all_but_few, _ = face_points(observation, POSE, len(everything) - 10, np.random.default_rng(0))
    assert len(np.unique(all_but_few, axis=0)) == len(everything) - 10
