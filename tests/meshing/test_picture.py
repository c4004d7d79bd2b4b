"""Pictures of meshes: framing, orientation, light and colours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dphm_core.meshing.picture import BACKGROUND, Framing, contact_sheet, shaded_picture

FACES = np.array([[0, 1, 2], [0, 2, 3]], dtype=np.int32)


def square(z: float = 0.0) -> NDArray[np.float32]:
    return np.array([[-1, -1, z], [1, -1, z], [1, 1, z], [-1, 1, z]], dtype=np.float32)


def covered(picture: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return (picture != np.array(BACKGROUND)).any(axis=-1)


def test_whole_mesh_is_framed_and_lit() -> None:
    picture = shaded_picture(square(), FACES, 64)
    assert picture.shape == (64, 64, 3)
    assert 0.8 < covered(picture).mean() < 1
    assert picture[32, 32].min() > 120


def test_up_is_up_and_left_is_left() -> None:
    corner = square() * np.float32(0.1) + np.float32([-0.5, 0.5, 0])
    rows, columns = np.nonzero(covered(shaded_picture(corner, FACES, 64, framing=Framing((0, 0, 0), 2))))
    assert abs(rows.mean() - 15.5) < 1 and abs(columns.mean() - 15.5) < 1


def test_nose_goes_to_the_right() -> None:
    nose = square(1.0) * np.float32([0.1, 0.1, 1])
    _, columns = np.nonzero(covered(shaded_picture(nose, FACES, 64, yaw_deg=30, framing=Framing((0, 0, 0), 4))))
    assert columns.mean() > 36


def test_colours_are_per_vertex() -> None:
    red = np.tile(np.array([[255, 0, 0]], np.uint8), (4, 1))
    pixel = shaded_picture(square(), FACES, 64, colors=red)[32, 32]
    assert pixel[0] > 150 and pixel[1] == pixel[2] == 0


def test_sheet_puts_pictures_in_rows() -> None:
    pictures = [np.full((20, 20, 3), k, np.uint8) for k in (50, 100, 150)]
    sheet = contact_sheet(pictures, 2)
    assert sheet.shape == (40, 40, 3)
    assert [int(sheet[5, 5, 0]), int(sheet[5, 25, 0]), int(sheet[25, 5, 0])] == [50, 100, 150]
    assert tuple(sheet[25, 25]) == BACKGROUND
    assert (contact_sheet(pictures, 2, ["a"])[:20, :20] != sheet[:20, :20]).any()
