from __future__ import annotations

import numpy as np

from dphm_core.landmarks.head_place import HeadPlace


def scene(x: int, y: int, depth: float, radius: int = 40) -> np.ndarray:
    """(240, 320) float32: a disc before a wall at 2 m, over a resting body."""
    rows, columns = np.indices((240, 320))
    image = np.full((240, 320), 2.0, np.float32)
    image[200:, 80:240] = depth + 0.1
    image[(rows - y) ** 2 + (columns - x) ** 2 < radius**2] = depth
    return image


def box_around(x: int, y: int) -> tuple[float, float, float, float]:
    return (x - 60.0, y - 60.0, x + 60.0, y + 60.0)


def test_a_moving_head_is_followed() -> None:
    place = HeadPlace(box_around(120, 120), 0.5).seen_in(scene(120, 120, 0.5))
    for step in range(1, 20):
        place = place.followed_in(scene(120 + 5 * step, 120 - 2 * step, 0.5 + 0.01 * step))
        assert place is not None
        x, y = (place.box[0] + place.box[2]) / 2, (place.box[1] + place.box[3]) / 2
        assert abs(x - (120 + 5 * step)) < 6 and abs(y - (120 - 2 * step)) < 6
    assert abs(place.depth_m - 0.69) < 0.02


def test_a_head_that_left_is_gone() -> None:
    place = HeadPlace(box_around(120, 120), 0.5).seen_in(scene(120, 120, 0.5))
    assert place.followed_in(np.full((240, 320), 2.0, np.float32)) is None
    assert place.followed_in(np.zeros((240, 320), np.float32)) is None


def test_a_box_outside_the_image_is_gone() -> None:
    assert HeadPlace((400.0, 0.0, 500.0, 100.0), 0.5).followed_in(scene(120, 120, 0.5)) is None


def test_depth_range_is_ahead_of_the_camera() -> None:
    assert HeadPlace(box_around(0, 0), 0.1).depth_range_m[0] > 0


def test_a_head_beside_or_behind_is_another() -> None:
    place = HeadPlace((100.0, 100.0, 200.0, 220.0), 0.6)
    assert place.reaches((120.0, 110.0, 220.0, 230.0), 0.62)
    assert not place.reaches((190.0, 100.0, 290.0, 220.0), 0.6)
    assert not place.reaches((100.0, 100.0, 200.0, 220.0), 0.9)
