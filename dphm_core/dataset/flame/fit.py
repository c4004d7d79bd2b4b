"""FLAME fitted to a sequence: first its shape and scale to some frames at once, then each frame, one after the other.

Gauss–Newton on points (distance along their normals) and landmarks, with coefficients held to what heads have.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dphm_core.dataset.flame.equations import (
    EXPRESSION_START,
    JAW,
    POSE,
    Equations,
    Evidence,
    Fitted,
    FrameFit,
    Head,
    Matrix,
)
from dphm_core.dataset.flame.model import rotation_matrices
from dphm_core.jobs import Tell

REACHES_M = (0.03, 0.02, 0.012, 0.008)
"""How far a point may be from its place, as the fit goes on."""
RIGID_ROUNDS, MOVING_ROUNDS, SHAPE_ROUNDS = 4, 4, 12
"""Of the first frames: pose and scale; expression and jaw with these; all with the shape."""
HEAD_ROUNDS = RIGID_ROUNDS + MOVING_ROUNDS + SHAPE_ROUNDS
POSE_ROUNDS, FRAME_ROUNDS, FIRST_ROUNDS = 2, 7, 14
"""Of each frame: pose alone; in all; in all where the frame before is not known."""
JAW_SIGMA_RAD = (0.3, 0.05, 0.05)
"""How far a jaw opens, goes aside and tilts."""
SCALE_SIGMA = 0.05
"""Of the scale's logarithm: depth is metric."""
JAW_CHANGE_RAD, EXPRESSION_CHANGE = 0.1, 0.5
"""How much a frame differs from the one before, radians and standard deviations."""
MIN_PAIRED, MAX_RESIDUAL_M, MAX_WORSE = 0.4, 0.004, 2.5
"""A frame counts as fitted from this share of points with a place on the head, where their median distance is no more
than this, nor so many times the usual one: a profile that begins far off settles at 3.5 times."""
POSE_DAMPING = 1e-3
"""Against a pose that nothing holds; far below what any face does."""


def fit_head(
    fitted: Fitted, head: Head, starts: Sequence[FrameFit], evidence: Sequence[Evidence], tell: Tell
) -> tuple[Head, list[FrameFit], float]:
    """Fit shape and scale to K frames at once.

    Parameters
    ----------
    fitted : Fitted
        FLAME with its landmarks.
    head : Head
        Where to begin.
    starts : sequence of K FrameFit
        Likewise, as good as rigid alignment gives.
    evidence : sequence of K Evidence
        What is seen of the frames.
    tell : callable
        Told of the progress, `HEAD_ROUNDS` steps per frame; may raise `Cancelled`.

    Returns
    -------
    head : Head
    frames : list of K FrameFit
    usual_m : float
        Median distance of their points to the surface before the last step, metres; NaN without points.
    """
    frames, own = list(starts), EXPRESSION_START + len(starts[0].expression)
    found: list[Equations] = []
    rounds = ["rigid"] * RIGID_ROUNDS + ["moving"] * MOVING_ROUNDS + ["shape"] * SHAPE_ROUNDS
    for number, stage in enumerate(rounds):
        reach = REACHES_M[min(number // 3, len(REACHES_M) - 1)]
        found = []
        for index, (frame, seen) in enumerate(zip(frames, evidence, strict=True)):
            tell(number * len(frames) + index, len(rounds) * len(frames))
            found.append(_held(fitted.equations(head, frame, seen, reach, shared=True), frame))
        free = np.full(own + 1 + len(head.shape), stage == "shape")
        free[:own] |= stage == "moving"
        free[POSE] = free[own] = True
        head, frames = _stepped(_joined(found, own, head), free, head, frames)
    residuals = [equations.residual_m for equations in found if equations.paired]
    return head, frames, float(np.median(residuals)) if residuals else float("nan")


def fit_frame(
    fitted: Fitted, head: Head, start: FrameFit, seen: Evidence, before: FrameFit | None
) -> tuple[FrameFit, Equations]:
    """Fit a frame with a head that is known; `before` is the frame before, where that is known.

    Returns
    -------
    frame : FrameFit
    equations : Equations
        As they were in the last round but for the step of that.
    """
    frame = start if before is None else replace(start, jaw=before.jaw, expression=before.expression)
    own = EXPRESSION_START + len(frame.expression)
    for number in range(FIRST_ROUNDS if before is None else FRAME_ROUNDS):
        reach = REACHES_M[min(number, len(REACHES_M) - 1)]
        equations = fitted.equations(head, frame, seen, reach, shared=False)
        free = np.arange(own) < (POSE.stop if number < POSE_ROUNDS else own)
        held = _held(equations, frame)
        if before is not None:
            held = _near(held, frame, before)
        frame = _moved(frame, _solved(held.matrix, held.vector, free))
    return frame, equations


def is_fitted(equations: Equations, usual_m: float) -> bool:
    """Whether a frame's points lie on the head, about as well as those of the frames to which it was fitted."""
    return equations.paired > MIN_PAIRED and equations.residual_m < min(MAX_RESIDUAL_M, MAX_WORSE * usual_m)


def _held(equations: Equations, frame: FrameFit) -> Equations:
    """Add what is known before: jaws and expressions are as most are."""
    precision = np.zeros(len(equations.vector))
    precision[POSE] = POSE_DAMPING
    precision[JAW] = 1 / np.square(JAW_SIGMA_RAD)
    own = EXPRESSION_START + len(frame.expression)
    precision[EXPRESSION_START:own] = 1
    values = np.zeros(len(precision))
    values[JAW], values[EXPRESSION_START:own] = frame.jaw.numpy(), frame.expression.numpy()
    return _drawn(equations, precision, values)


def _near(equations: Equations, frame: FrameFit, before: FrameFit) -> Equations:
    """Add that a frame is like the one before."""
    precision, difference = np.zeros(len(equations.vector)), np.zeros(len(equations.vector))
    precision[JAW], precision[EXPRESSION_START:] = 1 / JAW_CHANGE_RAD**2, 1 / EXPRESSION_CHANGE**2
    difference[JAW] = (frame.jaw - before.jaw).numpy()
    difference[EXPRESSION_START:] = (frame.expression - before.expression).numpy()
    return _drawn(equations, precision, difference)


def _drawn(equations: Equations, precision: Matrix, offset: Matrix) -> Equations:
    matrix = equations.matrix + np.diag(precision)
    return replace(equations, matrix=matrix, vector=equations.vector + precision * offset)


def _joined(found: Sequence[Equations], own: int, head: Head) -> tuple[Matrix, Matrix]:
    """One system of all frames' own unknowns, one after the other, and those that they share."""
    shared = len(found[0].vector) - own
    size = own * len(found) + shared
    matrix, vector = np.zeros((size, size)), np.zeros(size)
    for number, equations in enumerate(found):
        places = np.concatenate([np.arange(number * own, (number + 1) * own), np.arange(size - shared, size)])
        matrix[np.ix_(places, places)] += equations.matrix
        vector[places] += equations.vector
    precision = np.concatenate([[SCALE_SIGMA**-2], np.ones(shared - 1)])
    values = np.concatenate([[np.log(head.scale)], head.shape.numpy()])
    matrix[range(size - shared, size), range(size - shared, size)] += precision
    vector[size - shared :] += precision * values
    return matrix, vector


def _stepped(
    system: tuple[Matrix, Matrix], free: NDArray[np.bool_], head: Head, frames: Sequence[FrameFit]
) -> tuple[Head, list[FrameFit]]:
    own = EXPRESSION_START + len(frames[0].expression)
    step = _solved(*system, np.concatenate([np.tile(free[:own], len(frames)), free[own:]]))
    moved = [_moved(frame, step[k * own : (k + 1) * own]) for k, frame in enumerate(frames)]
    shared = step[len(frames) * own :]
    return Head(head.scale * float(np.exp(shared[0])), head.shape + _tensor(shared[1:])), moved


def _solved(matrix: Matrix, vector: Matrix, free: NDArray[np.bool_]) -> Matrix:
    step = np.zeros(len(vector))
    step[free] = -np.linalg.solve(matrix[np.ix_(free, free)], vector[free])
    return step


def _moved(frame: FrameFit, step: Matrix) -> FrameFit:
    turn = rotation_matrices(_tensor(step[None, :3]))[0]
    return FrameFit(
        rotation=frame.rotation @ turn,
        translation=frame.translation + _tensor(step[3:6]),
        jaw=frame.jaw + _tensor(step[JAW]),
        expression=frame.expression + _tensor(step[EXPRESSION_START:]),
    )


def _tensor(array: Matrix) -> Tensor:
    return torch.from_numpy(array.astype(np.float32))
