"""The detector's blendshape scores as a weak prior on expression weights that carry the same names."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dphm_core.frames import FloatArray
from dphm_core.landmarks import BLENDSHAPE_NAMES

TRUSTED_PREFIXES = ("eyeBlink", "jawOpen", "mouthSmile", "mouthPucker", "mouthFunnel", "browInnerUp", "browOuterUp")
"""Scores that follow the face well; gaze and small mouth shapes do not."""


@dataclass(frozen=True)
class ScoreTable:
    """Which expression weight each trusted score speaks of."""

    weights: NDArray[np.int64]
    """(K,) indices into the expression code."""
    scores: NDArray[np.int64]
    """(K,) indices into the detector's blendshapes."""

    def targets(self, blendshapes: FloatArray) -> FloatArray:
        """Scores (K,) for the weights."""
        return np.asarray(blendshapes[self.scores])


def score_table(expression_names: tuple[str, ...]) -> ScoreTable:
    """Pair names: `eyeBlink_L` with `eyeBlinkLeft`; a score without sides serves both sides."""
    pairs = []
    for index, name in enumerate(expression_names):
        if not name.startswith(TRUSTED_PREFIXES):
            continue
        stem, _, side = name.partition("_")
        for candidate in (stem + {"L": "Left", "R": "Right", "": ""}[side], stem):
            if candidate in BLENDSHAPE_NAMES:
                pairs.append((index, BLENDSHAPE_NAMES.index(candidate)))
                break
    table = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return ScoreTable(table[:, 0], table[:, 1])
