"""Conventions are rotations, agree with one another, and put known points where other programs expect them."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from dphm_core.errors import SettingError
from dphm_core.export.convention import AXES, UNITS, Convention
from dphm_core.export.options import Axes, ExportOptions, Space, Unit
from dphm_core.frames import Similarity

FACING = Similarity(np.diag([1.0, -1.0, -1.0]).astype(np.float32), np.float32([0.02, -0.05, 0.6]), 1.1)
"""A head that looks straight into the camera, 60 cm away, a little to the right of the image and above its middle."""
LEFT_EAR, CROWN, NOSE = np.float32([[0.3, 0, 0], [0, 0.5, 0], [0, 0, 0.4]])
"""Head frame, NPHM units."""


def turned() -> Similarity:
    rotation, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))
    return Similarity((rotation * np.linalg.det(rotation)).astype(np.float32), np.float32([0.1, -0.2, 0.7]), 0.95)


def test_every_convention_is_described() -> None:
    assert tuple(AXES) == get_args(Axes)
    assert tuple(UNITS) == get_args(Unit)


@pytest.mark.parametrize("axes", AXES)
def test_conventions_are_right_handed_rotations(axes: Axes) -> None:
    matrix = AXES[axes].from_opencv
    np.testing.assert_array_equal(matrix @ matrix.T, np.eye(3))
    assert np.linalg.det(matrix) == 1
    np.testing.assert_array_equal(np.cross(matrix[:, 0], matrix[:, 1]), matrix[:, 2])


@pytest.mark.parametrize(
    ("axes", "expected"),
    [("opencv", [1, 2, 5]), ("y-up", [1, -2, -5]), ("z-up", [1, 5, -2])],
)
def test_a_known_point_of_the_camera(axes: Axes, expected: list[float]) -> None:
    """One to the right of the image, two below its middle, five away."""
    point = np.float32([[1, 2, 5]])
    assert Convention("camera", axes).points(point, None).tolist() == [expected]
    in_mm = Convention("camera", axes, "mm").points(point, None)
    assert in_mm.tolist() == [[1000 * value for value in expected]]


@pytest.mark.parametrize(
    ("axes", "left", "up", "out"),
    [
        ("opencv", [1, 0, 0], [0, -1, 0], [0, 0, -1]),
        ("y-up", [1, 0, 0], [0, 1, 0], [0, 0, 1]),
        ("z-up", [1, 0, 0], [0, 0, 1], [0, -1, 0]),
    ],
)
def test_known_points_of_the_head(axes: Axes, left: list[float], up: list[float], out: list[float]) -> None:
    points_cam = turned().to_camera(np.stack([LEFT_EAR, CROWN, NOSE]))
    found = Convention("head", axes, "cm").points(points_cam, turned())
    metric = 0.95 * 25 * np.array([[0.3], [0.5], [0.4]])
    np.testing.assert_allclose(found, metric * np.array([left, up, out]), atol=1e-4)


@pytest.mark.parametrize("axes", AXES)
def test_canonical_heads_are_of_the_models_size(axes: Axes) -> None:
    points_head = np.stack([LEFT_EAR, CROWN, NOSE])
    found = Convention("canonical", axes).points(turned().to_camera(points_head), turned())
    own = Convention("head", axes).points(turned().to_camera(points_head), turned())
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), [0.075, 0.125, 0.1], atol=1e-6)
    np.testing.assert_allclose(found * 0.95, own, atol=1e-6)


@pytest.mark.parametrize("axes", AXES)
@pytest.mark.parametrize("unit", UNITS)
def test_the_pose_takes_the_head_space_to_the_camera_space(axes: Axes, unit: Unit) -> None:
    pose, camera, head = turned(), Convention("camera", axes, unit), Convention("head", axes, unit)
    points_cam = pose.to_camera(np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32))
    rotation, translation = camera.poses(pose.rotation[None], pose.translation_m[None])
    assert np.linalg.det(rotation[0]) == pytest.approx(1, abs=1e-5)
    carried = head.points(points_cam, pose) @ rotation[0].T + translation[0]
    np.testing.assert_allclose(carried, camera.points(points_cam, pose), atol=2e-6 * UNITS[unit])


@pytest.mark.parametrize("axes", AXES)
def test_a_head_that_looks_into_the_camera_is_not_turned(axes: Axes) -> None:
    rotation, _ = Convention("camera", axes).poses(FACING.rotation[None], FACING.translation_m[None])
    np.testing.assert_array_equal(rotation[0], np.eye(3))


def test_the_left_ear_stays_left_and_the_nose_before_the_face() -> None:
    """Seen from the camera, the subject's left is on the right; nothing may mirror that."""
    ear, crown, nose, middle = Convention("camera", "z-up").points(
        FACING.to_camera(np.stack([LEFT_EAR, CROWN, NOSE, 0 * NOSE])), None
    )
    assert ear[0] > middle[0]
    assert crown[2] > middle[2]
    assert 0 < nose[1] < middle[1]  # between the camera and the head


def test_back_and_forth() -> None:
    points = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    for axes in AXES:
        convention = Convention("camera", axes, "cm")
        again = convention.points(points, None) @ np.linalg.inv(convention.from_camera).T
        np.testing.assert_allclose(again, points, atol=1e-6)


def test_the_words_are_one_line_of_ascii() -> None:
    for axes in AXES:
        for space in get_args(Space):
            words = Convention(space, axes, "mm").words
            assert words.isascii() and "\n" not in words
            assert "unit mm" in words and axes in words


@pytest.mark.parametrize("wrong", [{"axes": "x-up"}, {"unit": "inch"}, {"mesh_format": "stl"}, {"codes": "xls"}])
def test_wrong_options_are_told_with_the_right_ones(wrong: dict[str, str]) -> None:
    with pytest.raises(SettingError, match="choose one of"):
        ExportOptions(**wrong)  # type: ignore[arg-type]


def test_nothing_to_export_is_told() -> None:
    with pytest.raises(SettingError, match="nothing is chosen"):
        ExportOptions(meshes="none", codes="none")
