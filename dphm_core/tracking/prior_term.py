"""The diffusion prior as a quadratic term: expression codes are drawn towards what the network makes of them.

Score distillation is the gradient of ½ λ ‖x − x̂0‖² around the denoised code x̂0 (`LatentPrior.denoised`), so that a
frame costs one evaluation of the network and a diagonal term. The looks are drawn once: fresh noise in every frame
would shake a still face.
"""

from __future__ import annotations

import numpy as np
import torch

from dphm_core.diffusion.prior import LatentPrior
from dphm_core.frames import FloatArray
from dphm_core.tracking.normal_equations import NormalEquations

STEPS = (0.2, 0.3)
"""Part of the schedule that is looked at. Later than this the noise outweighs an expression, and every face is drawn
to one mean face; earlier, errors as large as a fit's pass for expressions."""
LOOKS = 2
"""A noise and its negative, whose first-order effects cancel."""


class PriorTerm:
    """Draws expression codes towards plausible ones; lives on the tracking thread."""

    def __init__(self, prior: LatentPrior, spread: float) -> None:
        """`spread` is the standard deviation of codes around the denoised ones, as a part of the codes' range."""
        self._prior = prior
        self._probe = prior.paired_probe(LOOKS, STEPS, seed=0)
        self._weight = (spread * (prior.maximum - prior.minimum)) ** -2

    def centre(self, expression: FloatArray) -> FloatArray:
        """Denoised code (E,) of an expression code (E,)."""
        return self._prior.denoised(torch.from_numpy(expression)[None], self._probe).code[0].numpy()

    def add(self, equations: NormalEquations, expression: FloatArray, centre: FloatArray) -> None:
        """Draw the first unknowns, an expression code (E,), towards `centre` (E,)."""
        size = len(expression)
        equations.add_diagonal(expression - centre, np.full(size, self._weight), slice(0, size))
