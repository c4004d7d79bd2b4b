from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from dphm_core.camera.rays import project
from dphm_core.frames import RGBDFrame
from dphm_core.landmarks.lift import face_depth
from dphm_core.landmarks.observe import Observer, ObserverOptions


@pytest.fixture(scope="module")
def shared_observer(model_on_disk: None) -> Iterator[Observer]:
    with Observer() as observer:
        yield observer


@pytest.fixture
def observer(shared_observer: Observer) -> Observer:
    """The observer with nothing remembered."""
    shared_observer._place = shared_observer._hint = None
    return shared_observer


def without_colour(frame: RGBDFrame) -> RGBDFrame:
    return replace(frame, color=None)


def test_points_are_the_head(observer: Observer, mannequin: list[RGBDFrame]) -> None:
    seen = observer.observe(mannequin[48])
    assert seen.landmarks is not None and seen.frame is mannequin[48]
    assert seen.points_cam.shape == seen.normals_cam.shape and seen.points_cam.dtype == np.float32
    assert 5_000 < len(seen.points_cam) < 40_000
    depth_m = face_depth(seen.landmarks)
    assert (np.abs(seen.points_cam[:, 2] - depth_m - 0.05) < 0.2).all()
    pixels = project(seen.points_cam, mannequin[48].intrinsics)
    landmarks = seen.landmarks.pixels
    assert pixels[:, 1].min() < landmarks[:, 1].min() - 20  # the forehead above the highest landmark
    assert pixels[:, 1].max() > landmarks[:, 1].max()
    np.testing.assert_allclose(np.linalg.norm(seen.normals_cam, axis=1), 1, atol=1e-5)
    assert ((seen.normals_cam * seen.points_cam).sum(axis=1) < 0).all()
    assert set(seen.stages_s) == {"landmarks", "observe"} and all(time > 0 for time in seen.stages_s.values())


def test_the_head_is_followed_without_landmarks(observer: Observer, mannequin: list[RGBDFrame]) -> None:
    full = observer.observe(mannequin[48])
    for frame in mannequin[49:60]:
        blind = observer.observe(without_colour(frame))
        assert blind.landmarks is None and len(blind.points_cam) > 0.5 * len(full.points_cam)
    seen = observer.observe(mannequin[60])
    assert np.linalg.norm(seen.points_cam.mean(axis=0) - blind.points_cam.mean(axis=0)) < 0.02


def test_without_any_head_there_are_no_points(observer: Observer, mannequin: list[RGBDFrame]) -> None:
    for frame in (without_colour(mannequin[48]), replace(mannequin[48], color=np.zeros((320, 240, 3), np.uint8))):
        seen = observer.observe(frame)
        assert seen.landmarks is None
        assert seen.points_cam.shape == seen.normals_cam.shape == (0, 3)


def test_a_face_without_depth_has_landmarks_but_no_points(observer: Observer, mannequin: list[RGBDFrame]) -> None:
    seen = observer.observe(replace(mannequin[48], depth_m=np.zeros((320, 240), np.float32)))
    assert seen.landmarks is not None and np.isnan(seen.landmarks.points_cam).all()
    assert len(seen.points_cam) == 0


def test_a_picture_of_a_face_is_not_a_face(observer: Observer, mannequin: list[RGBDFrame]) -> None:
    """At 0.06 m this face would be 4 cm high."""
    near = replace(mannequin[48], depth_m=np.full((320, 240), 0.06, np.float32))
    assert observer.observe(near).landmarks is None


def test_a_hint_stands_in_for_the_landmarks(mannequin: list[RGBDFrame]) -> None:
    with Observer(landmarks=False) as observer:
        assert len(observer.observe(mannequin[48]).points_cam) == 0
        observer.hint((20, 60, 220, 300), 0.29)
        assert len(observer.observe(mannequin[48]).points_cam) > 5_000
        assert len(observer.observe(mannequin[49]).points_cam) > 5_000


def test_the_head_is_forgotten_after_a_while(mannequin: list[RGBDFrame]) -> None:
    with Observer(landmarks=False, options=ObserverOptions(max_unseen_frames=3, max_points=2_000)) as observer:
        observer.hint((20, 60, 220, 300), 0.29)
        counts = [len(observer.observe(mannequin[48]).points_cam) for _ in range(6)]
    assert all(200 < count < 4_000 for count in counts[:4]) and counts[4:] == [0, 0]


def test_going_back_forgets_the_place(mannequin: list[RGBDFrame]) -> None:
    with Observer(landmarks=False) as observer:
        observer.hint((20, 60, 220, 300), 0.29)
        assert len(observer.observe(mannequin[48]).points_cam) > 0
        assert len(observer.observe(mannequin[40]).points_cam) == 0
