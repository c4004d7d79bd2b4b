from __future__ import annotations

import numpy as np

from dphm_core.landmarks.tables import (
    ANCHOR_OF_MEDIAPIPE,
    ANCHOR_OF_WFLW,
    LANDMARK_COUNT,
    clip_region,
    head_box,
    head_region,
)


def face(left: float, top: float, width: float, height: float) -> np.ndarray:
    """(478, 2) landmarks spread over a box."""
    spread = np.random.default_rng(0).uniform(size=(LANDMARK_COUNT, 2))
    spread[:2] = (0, 0), (1, 1)
    return np.array([left, top]) + spread * (width, height)


def test_tables_name_each_landmark_once() -> None:
    for table, pairs, landmarks in ((ANCHOR_OF_MEDIAPIPE, 8, LANDMARK_COUNT), (ANCHOR_OF_WFLW, 12, 98)):
        assert len(table) == pairs == len(set(table.values()))
        assert all(0 <= index < landmarks and 0 <= anchor < 39 for index, anchor in table.items())


def test_head_region_holds_forehead_ears_and_chin() -> None:
    x0, y0, x1, y1 = head_region(face(300, 200, 80, 100), (1280, 720))
    assert y0 < 200 - 40 and y1 > 300 + 10
    assert x0 < 300 - 30 and x1 > 380 + 30
    wider = head_region(face(300, 200, 80, 100), (1280, 720), margin=0.2)
    assert wider[0] < x0 - 15 and wider[3] > y1 + 15


def test_head_region_stays_in_the_image() -> None:
    assert head_region(face(-20, 10, 80, 100), (240, 320))[:2] == (0, 0)
    x0, _, x1, _ = head_region(face(900, 10, 80, 100), (240, 320))
    assert x0 == x1 == 240
    assert head_box(face(-20, 10, 80, 100))[0] < 0


def test_clip_region_rounds_outwards() -> None:
    assert clip_region((1.5, 2.0, 10.2, 11.0), (100, 100)) == (1, 2, 11, 11)
    assert clip_region((-5, -5, 500, 500), (100, 50)) == (0, 0, 100, 50)
