"""What became of each depth pixel: for made-up depth of known faults, and against what observing really took."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.camera.normals import filter_depth
from dphm_core.camera.rays import project
from dphm_core.frames import HeadArea, RGBDFrame
from dphm_core.landmarks.depth_validity import Validity, depth_validity
from dphm_core.landmarks.observe import Observer, ObserverOptions

CAMERA = Intrinsics(320, 240, 300.0, 300.0, 160.0, 120.0)
AREA = HeadArea((60, 20, 260, 220), (120, 80, 200, 160), (0.45, 0.85), 1)


def board(distance_m: float = 0.6) -> RGBDFrame:
    """A flat board before a wall at 1 m; it takes columns and rows 100 to 219 and 60 to 179."""
    depth_m = np.full((240, 320), 1.0, np.float32)
    depth_m[60:180, 100:220] = distance_m
    return RGBDFrame(0, 0.0, None, depth_m, CAMERA)


def at(validity: np.ndarray, x: int, y: int) -> Validity:
    return Validity(int(validity[y - AREA.region[1], x - AREA.region[0]]))


def test_a_board_is_used_but_for_its_rim_and_the_wall_is_something_else() -> None:
    validity = depth_validity(board(), AREA)
    assert validity.shape == (200, 200) and validity.dtype == np.uint8
    assert (validity[42:158, 42:158] == Validity.USED).all()
    assert at(validity, 100, 120) is Validity.EDGE and at(validity, 219, 120) is Validity.EDGE
    assert at(validity, 70, 120) is Validity.OTHER
    assert set(np.unique(validity)) == {Validity.USED, Validity.EDGE, Validity.OTHER}


@pytest.mark.parametrize("invalid", [0.0, np.nan, -1.0])
def test_a_hole_is_a_hole_and_its_rim_has_no_normal(invalid: float) -> None:
    frame = board()
    frame.depth_m[118:122, 158:162] = invalid
    validity = depth_validity(frame, AREA)
    assert (validity == Validity.HOLE).sum() == 16
    assert at(validity, 160, 120) is Validity.HOLE and at(validity, 157, 120) is Validity.EDGE


def test_flying_pixels_are_removed() -> None:
    frame = board()
    frame.depth_m[100:140, 150] = 0.66
    validity = depth_validity(frame, AREA)
    assert {at(validity, 150, y) for y in range(100, 140)} == {Validity.EDGE}


@pytest.mark.parametrize("distance_m", [0.28, 1.25])
def test_what_is_used_far_off_is_told(distance_m: float) -> None:
    area = replace(AREA, depth_range_m=(distance_m - 0.15, distance_m + 0.25))
    validity = depth_validity(board(distance_m), area)
    assert at(validity, 160, 120) is Validity.USED_FAR_OFF


def test_a_far_wall_lies_outside_of_what_suits() -> None:
    frame = board()
    frame.depth_m[frame.depth_m == 1.0] = 2.5
    assert at(depth_validity(frame, AREA), 70, 120) is Validity.FAR_OFF


def test_outside_of_the_picture_there_is_nothing_to_tell() -> None:
    assert depth_validity(board(), replace(AREA, region=(320, 240, 320, 240))).size == 0


def test_it_tells_what_observing_did(model_on_disk: None, mannequin: list[RGBDFrame]) -> None:
    frame = mannequin[48]
    with Observer(options=ObserverOptions(max_points=4_000)) as observer:
        seen = observer.observe(frame)
    assert seen.area is not None and seen.area.step > 1
    x0, y0, x1, y1 = seen.area.region
    validity = depth_validity(frame, seen.area)
    told = validity <= Validity.USED_FAR_OFF
    taken = np.zeros_like(told)
    columns, rows = np.rint(project(seen.points_cam, frame.intrinsics)).astype(int).T
    taken[rows - y0, columns - x0] = True
    step = seen.area.step
    np.testing.assert_array_equal(taken[::step, ::step], told[::step, ::step])
    assert taken.sum() == len(seen.points_cam)
    np.testing.assert_array_equal(validity == Validity.HOLE, frame.depth_m[y0:y1, x0:x1] == 0)
    smooth_m = filter_depth(frame.depth_m, seen.area.region)
    beyond = (smooth_m > seen.area.depth_range_m[1]) & (smooth_m > 0)
    assert not told[beyond].any()
