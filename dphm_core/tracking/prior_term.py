"""The diffusion prior as a quadratic term: expression codes are drawn towards what the network makes of them.

Score distillation is the gradient of ½ λ ‖x − x̂0‖² around the denoised code x̂0 (`LatentPrior.denoised`), so that a
frame costs one evaluation of the network and a diagonal term. The looks are drawn once: fresh noise in every frame
would shake a still face.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import torch

from dphm_core.diffusion.prior import LatentPrior, Probe
from dphm_core.diffusion.step_unet import at_step
from dphm_core.frames import FloatArray
from dphm_core.heads.numerics import prepare_thread
from dphm_core.tracking.normal_equations import NormalEquations

STEPS = (0.2, 0.3)
"""Part of the schedule that is looked at. Later than this the noise outweighs an expression, and every face is drawn
to one mean face; earlier, errors as large as a fit's pass for expressions."""
LOOKS = 2
"""A noise and its negative, whose first-order effects cancel."""


class _Ahead(NamedTuple):
    """What is being worked out for the next frame."""

    expression: FloatArray
    """(E,) the code that it is expected to start from."""
    change: Future[FloatArray]
    """(E,)"""


class PriorTerm:
    """Draws expression codes towards plausible ones; lives on the tracking thread.

    Each frame takes the next look. What the others would change is remembered from the frames before: the change moves
    much slower than the code. The network can be evaluated before the frame is there, beside the landmark detector.
    """

    def __init__(self, prior: LatentPrior, spread: float, threads: int = 1) -> None:
        """`spread` is as for `set_spread`; `threads` CPU threads evaluate the network ahead."""
        self._prior = prior
        looks = prior.paired_probe(LOOKS, STEPS, seed=0)
        self._looks = [Probe(looks.steps[k : k + 1], looks.noise[k : k + 1]) for k in range(LOOKS)]
        self._denoisers = {step: at_step(prior.unet, step) for step in set(looks.steps.tolist())}
        self._changes: list[FloatArray] = []
        self._turn = 0
        self._thread = ThreadPoolExecutor(1, "dphm-prior", prepare_thread, (threads,))
        self._ahead: _Ahead | None = None
        self._reached = np.zeros(0, dtype=np.float32)  # the code that the last fit came to
        self._follows = False  # whether the last frame started from there
        self._weight = spread_weight(prior, spread)

    def set_spread(self, spread: float) -> None:
        """Take another standard deviation of codes around the denoised ones, as a part of the codes' range."""
        self._weight = spread_weight(self._prior, spread)

    def look_ahead(self, reached: FloatArray) -> None:
        """Begin with the network's evaluation for the next frame, which will start from the code (E,) that is reached.

        Where frames do not follow each other, as where they are looked at one by one, nothing is begun.
        """
        self._reached = reached
        if self._follows:
            change = self._thread.submit(self._change, reached, self._looks[self._turn])
            self._ahead = _Ahead(reached, change)

    def centre(self, expression: FloatArray) -> FloatArray:
        """Denoised code (E,) of the frame that starts from an expression code (E,)."""
        self._follows = np.array_equal(expression, self._reached)
        if not self._changes:
            self._changes = [self._change(expression, look) for look in self._looks]
        else:
            self._changes[self._turn] = self._next_change(expression)
            self._turn = (self._turn + 1) % LOOKS
        self._ahead = None
        return np.asarray(expression + np.mean(self._changes, axis=0), dtype=np.float32)

    def _next_change(self, expression: FloatArray) -> FloatArray:
        ahead = self._ahead
        if ahead is not None:
            if np.array_equal(ahead.expression, expression):
                return ahead.change.result()
            ahead.change.cancel()
        return self._change(expression, self._looks[self._turn])

    def _change(self, expression: FloatArray, look: Probe) -> FloatArray:
        """What the network would change (E,) in an expression code (E,), by one look."""
        denoiser = self._denoisers[int(look.steps[0])]
        denoised = self._prior.denoised(torch.from_numpy(expression)[None], look, denoiser).code[0].numpy()
        return np.asarray(denoised - expression)

    def add(self, equations: NormalEquations, expression: FloatArray, centre: FloatArray) -> None:
        """Draw the first unknowns, an expression code (E,), towards `centre` (E,)."""
        size = len(expression)
        equations.add_diagonal(expression - centre, np.full(size, self._weight), slice(0, size))


def spread_weight(prior: LatentPrior, spread: float) -> float:
    """1/σ² of a spread that is a part of the range of a prior's codes."""
    return (spread * (prior.maximum - prior.minimum)) ** -2
