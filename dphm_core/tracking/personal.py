"""Learns from depth what the head model cannot express of a person: registered scans, fused into an offset.

Each tracked frame carries its depth points to canonical space, where their signed distances say how far the true
surface lies from the model's. Over many frames noise averages out, and a smooth field through what is left is the
offset. How smooth, and whether there is an offset at all, is decided on frames that it was not made of.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from dphm_core.frames import MM_PER_UNIT, FloatArray, Observation
from dphm_core.heads.offset import LOW, SHAPE, SPACING, SurfaceOffset
from dphm_core.heads.subject import Subject, personalised
from dphm_core.tracking.fit_state import FitState
from dphm_core.tracking.offset_fit import OffsetProblem, Surface, gain
from dphm_core.tracking.sampling import COMPLETE, face_points
from dphm_core.tracking.terms import robust_weights

log = logging.getLogger(__name__)

DoubleArray = NDArray[np.float64]

POINTS = 6000
"""Depth points per frame."""
MAX_FRAMES = 90
"""More say nothing new."""
MIN_FRAMES = 8
CELL = 0.012
"""Side of the cells in which a frame's distances are averaged, head-frame units (3 mm)."""
GATE = 6.0 / MM_PER_UNIT
"""Width of the robust weights of single points: hair, hands and flying pixels are farther away."""
NECK_HEIGHT, NECK_DEPTH, NECK_SLOPE = -0.38, 0.12, 0.5
"""Below a plane that falls from the jaw's corners to the chin lies the neck, which turns otherwise."""
MIN_AGREEMENT = 0.7
"""Cosine between the scan's normal and the model's below which a point is of something else."""
MIN_FACING = 0.35
"""Cosine of the incidence below which depth is not to be trusted."""
STILL = 3.0 / MM_PER_UNIT
"""Points that the expression moves by this much count half: the rest of its error is not the person's shape."""
FRAME_WIDTH = 2.0 / MM_PER_UNIT
"""Width of the robust weights of a cell's frames."""
MIN_CELL_FRAMES, MIN_CELL_SHARE = 4, 0.15
"""Frames that must show a cell, and share of all frames."""
ROUGH = (1.3, 1.6)
"""Spread of the points about a place, in medians of all places, up to which it is skin, and from which on it is not."""
AROUND = 0.04
"""Radius in which that is looked at, head-frame units (10 mm)."""
FAR = (2.5 / MM_PER_UNIT, 4.0 / MM_PER_UNIT)
"""The same of the distance from the model: no face is off by so much after its calibration, and hair is."""
MIN_USUAL_SPREAD = 0.5 / MM_PER_UNIT
"""The median is not taken for less: across a cell, even a clean scan slopes."""
RIGID_WIDTH, RIGID_ROUNDS = 1.0 / MM_PER_UNIT, 5
"""Width of the robust weights of what a rigid motion explains: a single bump is no motion."""
SENSOR_SIGMA = 0.15 / MM_PER_UNIT
"""Error of a cell that no number of frames averages out."""
INDEPENDENT_FRAMES = 10.0
"""As how many frames all of them count at most: neighbours share their errors."""
BENDS = tuple(mm / MM_PER_UNIT for mm in (0.2, 0.4, 0.8, 1.6))
"""Spreads of the offset's second difference from node to node: the smoothest comes first."""
WORTH = 0.02
"""A less smooth offset must explain so much more on other frames. What the sensor does wrong in every frame, and thus
on other frames as well, is rough."""
MIN_GAIN = 0.1
"""Share of the squared distances on other frames that an offset must explain."""
BLOCKS = 8
"""Runs of neighbouring frames, of which every second is left out in turn: single frames would resemble each other."""


@dataclass(frozen=True)
class _Look:
    """One frame's sums over its cells."""

    cell: NDArray[np.int64]
    """(K,) cells with points in them."""
    weight: DoubleArray
    """(K,) of their points together."""
    sums: DoubleArray
    """(K, 8) weighted sums of position, outward normal, distance and its square."""


class PersonalResidual:
    """Collects what tracked frames say of a subject's shape; lives on the thread that adds them."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._looks: list[_Look] = []
        self._rng = np.random.default_rng(0)

    def add(self, observation: Observation, state: FitState, weight: float = 1.0) -> None:
        """Take a frame in whose fit is good; `weight` is the trust in it, 0..1."""
        points, normals = face_points(observation, state.head_to_cam, POINTS, self._rng, COMPLETE)
        if len(points) and weight > 0:
            self._looks.append(self._look(points, normals, state, weight))

    def solve(self, check: Callable[[], None] = lambda: None) -> SurfaceOffset | None:
        """Work out the offset, on top of what the subject has; None where frames left out speak against it."""
        if len(self._looks) < MIN_FRAMES:
            return None
        problem = OffsetProblem(self._subject)
        halves = [[look for k, look in enumerate(self._looks) if self._half(k) == half] for half in range(2)]
        surfaces = [_merged(looks) for looks in halves]
        if min(len(surface.weight) for surface in surfaces) == 0:
            return None
        best, explained = BENDS[0], -np.inf
        for bend in BENDS:
            check()
            more = gain(problem, surfaces, bend)
            if more < explained + WORTH:
                break
            best, explained = bend, more
        log.info("personal offset: explains %.0f %% on frames left out", 100 * explained)
        return problem.solve(_merged(self._looks), best) if explained > MIN_GAIN else None

    def _half(self, index: int) -> int:
        return (index * BLOCKS // len(self._looks)) % 2

    def _look(self, points: FloatArray, normals: FloatArray, state: FitState, trust: float) -> _Look:
        pose = state.head_to_cam
        posed = pose.to_head(points)
        with torch.no_grad():
            evaluation = self._subject.deformation.evaluate(torch.from_numpy(posed), torch.from_numpy(state.expression))
        queries = evaluation.canonical.numpy()
        distance, gradient = self._subject.distance(queries)
        outward = gradient[:, :3] / np.maximum(np.linalg.norm(gradient[:, :3], axis=1, keepdims=True), 1e-6)
        facing = -(normals * points).sum(axis=1) / np.linalg.norm(points, axis=1)
        agreement = ((outward @ pose.rotation.T) * normals).sum(axis=1)
        moved = np.linalg.norm(queries[:, :3] - posed, axis=1)
        weight = trust * robust_weights(distance, GATE) * facing / (1 + (moved / STILL) ** 2)
        weight *= (agreement > MIN_AGREEMENT) & (facing > MIN_FACING)
        weight *= _above_neck(queries)
        on_surface = queries[:, :3] - distance[:, None] * outward
        return _binned(on_surface, np.column_stack([on_surface, outward, distance, distance**2]), weight)


def fuse(
    subject: Subject, frames: Sequence[tuple[Observation, FitState]], check: Callable[[], None] = lambda: None
) -> Subject | None:
    """Give a subject the shape that these tracked frames show; deterministic.

    Parameters
    ----------
    subject : Subject
        Whom the frames were fitted with.
    frames : sequence of (Observation, FitState)
        Frames with a believed fit, in order; some dozens, over as much of the head's turn as there is.
    check : callable
        Called often, and may raise.

    Returns
    -------
    Subject or None
        The subject with its offset, the same vertices and faces in order; None where the frames show nothing beyond
        the model that holds on other frames too.
    """
    residual = PersonalResidual(subject)
    for index in np.unique(np.linspace(0, len(frames) - 1, min(MAX_FRAMES, len(frames))).astype(int)):
        check()
        residual.add(*frames[index])
    offset = residual.solve(check)
    return None if offset is None else personalised(subject, offset)


def _above_neck(points: FloatArray) -> NDArray[np.bool_]:
    return np.asarray(points[:, 1] > NECK_HEIGHT + NECK_SLOPE * np.maximum(NECK_DEPTH - points[:, 2], 0))


def _binned(position: FloatArray, values: FloatArray, weight: FloatArray) -> _Look:
    place = np.floor((position - LOW) / CELL).astype(np.int64)
    counts = np.ceil((np.array(SHAPE) - 1) * (SPACING / CELL)).astype(np.int64)
    kept = np.nonzero((weight > 0) & ((place >= 0) & (place < counts)).all(axis=1))[0]
    cell, own = np.unique(np.ravel_multi_index(tuple(place[kept].T), tuple(counts)), return_inverse=True)
    columns = np.column_stack([np.ones(len(kept)), values[kept]]) * weight[kept, None]
    sums = np.zeros((len(cell), columns.shape[1]))
    np.add.at(sums, own, columns)
    return _Look(cell, sums[:, 0], sums[:, 1:])


def _merged(looks: Sequence[_Look]) -> Surface:
    """Fuse frames cell by cell, robustly; less what a rigid motion would explain, which belongs to the poses."""
    cells, own = np.unique(np.concatenate([look.cell for look in looks]), return_inverse=True)
    frame = np.repeat(np.arange(len(looks)), [len(look.cell) for look in looks])
    weight, distance = np.zeros((2, len(looks), len(cells)))
    weight[frame, own] = np.concatenate([look.weight for look in looks])
    sums = np.concatenate([look.sums for look in looks])
    distance[frame, own] = sums[:, 6] / weight[frame, own]
    enough = (weight > 0).sum(axis=0) >= max(MIN_CELL_FRAMES, MIN_CELL_SHARE * len(looks))
    total = np.stack([np.bincount(own, column, minlength=len(cells)) for column in sums.T], axis=1)[enough]
    average = total / weight.sum(axis=0)[enough, None]
    position = average[:, :3]
    normal = average[:, 3:6] / np.maximum(np.linalg.norm(average[:, 3:6], axis=1, keepdims=True), 1e-9)
    mean, variance = _robust_mean(distance[:, enough], weight[:, enough])
    inverse = 1 / (variance + SENSOR_SIGMA**2)
    left = _without_rigid_part(position, normal, mean, inverse)
    trust = _skin(position, left, average[:, 7] - average[:, 6] ** 2, weight.sum(axis=0)[enough])
    return Surface(position, normal, left, inverse * trust)


def _skin(position: FloatArray, distance: FloatArray, variance: FloatArray, weight: FloatArray) -> FloatArray:
    """Trust (P,) in places: hair, beards and moving lips are rough, and so is what lies around them.

    `variance` is of the points about each place, `weight` of all of them together.
    """
    from scipy.spatial import cKDTree

    if not len(position):
        return weight
    tree = cKDTree(position)
    around = tree.sparse_distance_matrix(tree, AROUND, output_type="coo_matrix").tocsr()
    around.data[:] = 1
    around.setdiag(1)
    spread = np.sqrt(np.maximum((around @ (variance * weight)) / (around @ weight), 0))
    usual = max(float(np.median(spread)), MIN_USUAL_SPREAD)
    return _falling(spread / usual, ROUGH) * _falling(np.abs(distance), FAR)


def _falling(values: FloatArray, limits: tuple[float, float]) -> FloatArray:
    """1 up to the first limit, 0 from the second on, linear between."""
    return np.clip((limits[1] - values) / (limits[1] - limits[0]), 0, 1)


def _robust_mean(values: FloatArray, weight: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean (P,) over frames (F, P), and its variance."""
    centre = np.average(values, axis=0, weights=weight)
    for _ in range(3):
        robust = weight * robust_weights(values - centre, FRAME_WIDTH) + 1e-12
        centre = np.average(values, axis=0, weights=robust)
    spread = np.average((values - centre) ** 2, axis=0, weights=robust)
    count = robust.sum(axis=0) ** 2 / (robust**2).sum(axis=0)
    return centre, spread / np.minimum(np.maximum(count - 1, 0.5), INDEPENDENT_FRAMES)


def _without_rigid_part(
    position: FloatArray, normal: FloatArray, distance: FloatArray, weight: FloatArray
) -> FloatArray:
    """Distances (P,) less what turning and shifting the head would do to most of them."""
    motions = np.column_stack([np.cross(position, normal), normal])
    left = distance
    for _ in range(RIGID_ROUNDS):
        trust = weight * robust_weights(left, RIGID_WIDTH) + 1e-12
        matrix = (motions * trust[:, None]).T @ motions
        step = np.linalg.lstsq(matrix, motions.T @ (trust * left), rcond=1e-6)[0]
        left = left - motions @ step
    return left
