"""Which points of a depth image are drawn, and the edges of a wireframe."""

from __future__ import annotations

import numpy as np
import pytest

from app.view3d.cloud_points import EVERYWHERE, MAX_POINTS, Box, CloudPoints
from app.view3d.edges import unique_edges
from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.camera.rays import unproject
from dphm_core.frames import RGBDFrame

CAMERA = Intrinsics(width=640, height=480, fx=600, fy=600, cx=320, cy=240)
NEAR = Box((-0.1, -0.1, 0.4), (0.1, 0.1, 0.6))


@pytest.fixture
def frame() -> RGBDFrame:
    """A wall at 1 m with a board of 0.2 m x 0.2 m at 0.5 m before it, each pixel of its own colour."""
    depth = np.full((480, 640), 1.0, np.float32)
    depth[120:360, 200:440] = 0.5
    rows, columns = np.indices(depth.shape)
    color = np.stack([rows % 256, columns % 256, (rows // 256) * 16 + columns // 256], axis=-1).astype(np.uint8)
    return RGBDFrame(0, 0.0, color, depth, CAMERA)


def taken(points: CloudPoints, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions (N, 3) and colours (N, 3)."""
    packed = points.points[:count, 3].astype(np.int64)
    return points.points[:count, :3], np.stack([packed % 256, packed // 256 % 256, packed // 65536], axis=-1)


def test_points_of_the_box_are_taken_with_their_colours(frame: RGBDFrame) -> None:
    points = CloudPoints()
    positions, colors = taken(points, points.take(frame, NEAR))
    assert 20_000 < len(positions) <= MAX_POINTS
    assert (positions[:, 2] == 0.5).all()
    columns = np.rint(positions[:, 0] / 0.5 * 600 + 320).astype(int)
    rows = np.rint(positions[:, 1] / 0.5 * 600 + 240).astype(int)
    np.testing.assert_array_equal(colors, frame.color[rows, columns])
    np.testing.assert_allclose(positions, unproject(frame.depth_m, CAMERA)[rows, columns])
    assert not points.points[len(positions) :].any()


def test_a_whole_image_is_thinned_out_evenly(frame: RGBDFrame) -> None:
    points = CloudPoints()
    positions, _ = taken(points, points.take(frame))
    assert MAX_POINTS / 2 < len(positions) <= MAX_POINTS
    assert points.spacing_m * 600 == pytest.approx(np.sqrt(480 * 640 / len(positions)), rel=0.02)
    for half in (positions[:, 0] < 0, positions[:, 1] < 0):
        assert half.mean() == pytest.approx(0.5, abs=0.02)


def test_the_spacing_stays_where_the_number_of_points_wavers(frame: RGBDFrame) -> None:
    points, spacings = CloudPoints(), []
    for rows in (165, 167, 165, 167, 165, 120, 250):  # x 480 columns, around twice as many as may be drawn
        depth = np.zeros_like(frame.depth_m)
        depth[:rows, 100:580] = 1.0
        points.take(RGBDFrame(0, 0.0, None, depth, CAMERA), EVERYWHERE)
        spacings.append(round((points.spacing_m * 600) ** 2))
    assert spacings == [2, 4, 4, 4, 4, 2, 4] or spacings == [4, 4, 4, 4, 4, 2, 4]


def test_without_colour_what_is_nearer_is_brighter(frame: RGBDFrame) -> None:
    points = CloudPoints()
    positions, colors = taken(points, points.take(RGBDFrame(0, 0.0, None, frame.depth_m, CAMERA)))
    assert (colors == colors[:, :1]).all()
    near = positions[:, 2] < 0.7
    assert colors[near].min() > colors[~near].max() + 50


def test_edges_are_named_once() -> None:
    edges = unique_edges(np.array([[0, 1, 2], [2, 1, 3]], np.int32))
    assert edges.tolist() == [[0, 1], [0, 2], [1, 2], [1, 3], [2, 3]]
    assert edges.dtype == np.uint32
