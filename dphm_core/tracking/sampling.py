"""Which of a frame's depth points enter the fit: facial skin, all over the face, denser on mouth and eyes."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from dphm_core.frames import FloatArray, Observation, Similarity

FACE_MIN = np.array([-0.32, -0.44, -0.06], dtype=np.float32)
FACE_MAX = np.array([0.32, 0.34, 0.42], dtype=np.float32)
"""Box of the face in the head frame: below the hairline, before the ears, above the neck."""
DENSE_MIN = np.array([[-0.14, -0.36, 0.0], [-0.23, 0.0, 0.0]], dtype=np.float32)
DENSE_MAX = np.array([[0.14, -0.10, 0.42], [0.23, 0.14, 0.42]], dtype=np.float32)
"""Boxes of the mouth and of the eyes."""
DENSITY = 2.5
"""How much denser they are sampled than the rest."""
CELL_M = 0.005
"""Side of the picture's cells in which points are counted, at the head's depth."""
MAX_CELLS = 400
"""Cells along a side of the picture, which is cut off there: two metres at the head's depth."""
FULL_PERCENTILE = 90
"""Percentile of the counts that passes for a cell where every pixel has depth."""
COMPLETE = 0.6
"""How complete the depth around a point is that may tell who somebody is."""


def face_points(
    observation: Observation, pose: Similarity, count: int, rng: np.random.Generator, least_complete: float = 0.0
) -> tuple[FloatArray, FloatArray]:
    """Choose at most `count` points of the face: positions and normals (N, 3), camera frame.

    Every cell of the picture gets its due number of points, to the nearest whole one: chance draws leave some parts of
    the face to others, which shakes a still one.

    The more of the depth around a point is missing, the less likely it is drawn: light that hardly comes back, through
    a lens, from hair or along an edge, tells distances that are wrong by millimetres, and all to the same side, which
    robust weights take for the shape of the face. Below `least_complete` it is left out altogether.
    """
    points_head = pose.to_head(observation.points_cam)
    cells = picture_cells(observation.points_cam)
    complete = completeness(cells)
    inside = ((points_head > FACE_MIN) & (points_head < FACE_MAX)).all(axis=1) & (complete >= least_complete)
    chosen = np.nonzero(inside)[0]
    if len(chosen) > count:
        chosen = chosen[np.argsort(cells.cell[chosen], kind="stable")]
        dense = np.zeros(len(chosen), dtype=bool)
        for low, high in zip(DENSE_MIN, DENSE_MAX, strict=True):
            dense |= ((points_head[chosen] > low) & (points_head[chosen] < high)).all(axis=1)
        chosen = chosen[drawn_in_turn(complete[chosen] * np.where(dense, DENSITY, 1.0), count, rng)]
    return observation.points_cam[chosen], observation.normals_cam[chosen]


def drawn_in_turn(wanted: NDArray[np.floating[Any]], count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw `count` of the items that are `wanted` (N,) so much, N > count: none twice, and neighbours not together.

    Systematic sampling (Madow 1949): the chances to be drawn are laid end to end, and every so much along them is one.
    """
    chance = np.zeros(len(wanted))
    sure = np.zeros(len(wanted), dtype=bool)
    while not chance.any() or (chance > 1).any():  # what is wanted most is taken for sure, and the rest has more chance
        sure |= chance > 1
        chance = np.where(sure, 1.0, wanted * ((count - sure.sum()) / wanted[~sure].sum()))
    ends = np.cumsum(chance)
    drawn = np.searchsorted(ends, (np.arange(count) + rng.random()) * (ends[-1] / count), side="right")
    return np.minimum(drawn, len(wanted) - 1)  # for the last one may be rounded to the very end


class PictureCells(NamedTuple):
    """Which cell of a raster over the picture each point lies in."""

    cell: NDArray[np.int64]
    """(N,) row by row."""
    shape: tuple[int, int]
    """Rows and columns."""


def picture_cells(points_cam: FloatArray) -> PictureCells:
    """Cells of the picture for depth points (N, 3), metres, camera frame."""
    if not len(points_cam):
        return PictureCells(np.zeros(0, dtype=np.int64), (0, 0))
    rays = points_cam[:, :2] / points_cam[:, 2:]
    # A point next to the camera would make more cells than there are points for.
    place = np.minimum((rays - rays.min(axis=0)) * (np.median(points_cam[:, 2]) / CELL_M), MAX_CELLS - 1)
    column, row = place.astype(np.int64).T
    columns = int(column.max()) + 1
    return PictureCells(row * columns + column, (int(row.max()) + 1, columns))


def completeness(cells: PictureCells) -> FloatArray:
    """How much of the picture around each point has depth: (N,), above 0 to 1."""
    if not len(cells.cell):
        return np.zeros(0, dtype=np.float32)
    rows, columns = cells.shape
    counts = np.bincount(cells.cell, minlength=rows * columns).reshape(cells.shape).astype(np.float32)
    around = uniform_filter(counts, 3, mode="constant").ravel()
    full = np.percentile(around[counts.ravel() > 0], FULL_PERCENTILE)
    return np.minimum(around[cells.cell] / full, 1)
