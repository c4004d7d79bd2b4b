"""Random facial expressions that cover what a tracker meets: single shapes, combinations, whole-face mixtures."""

from __future__ import annotations

import numpy as np

from dphm_core.frames import FloatArray

SYMMETRY_PROBABILITY = 0.7
"""How often the left and right shape of a pair move together."""
EXCLUSIVE = (
    ("jawLeft", "jawRight"),
    ("mouthLeft", "mouthRight"),
    *(
        (f"{a}_{side}", f"{b}_{side}")
        for side in "LR"
        for a, b in (("eyeLookIn", "eyeLookOut"), ("eyeLookUp", "eyeLookDown"), ("eyeBlink", "eyeWide"))
    ),
)
"""Pairs of shapes that pull against each other: only one of the two is kept."""
MOUTH_PREFIXES = ("jaw", "mouth")


def random_expression(names: tuple[str, ...], rng: np.random.Generator) -> FloatArray:
    """Draw (53,) blendshape weights in 0..1."""
    kind = rng.choice(["few", "strong", "face", "slight", "neutral"], p=[0.40, 0.17, 0.30, 0.10, 0.03])
    weights = np.zeros(len(names), dtype=np.float32)
    mouth = np.array([name.startswith(MOUTH_PREFIXES) for name in names])
    if kind == "few":
        chosen = rng.choice(len(names), size=rng.integers(1, 9), replace=False)
        weights[chosen] = rng.beta(1.0, 0.9, size=len(chosen))
    elif kind == "strong":
        weights[rng.integers(len(names))] = rng.uniform(0.6, 1.0)
    elif kind == "face":
        share = np.where(mouth, rng.uniform(0.05, 0.3), rng.uniform(0.05, 0.4))
        weights[:] = (rng.random(len(names)) < share) * rng.beta(1.0, 1.4, size=len(names))
        weights[names.index("jawOpen")] = rng.random() * (rng.random() < 0.6)
    elif kind == "slight":
        weights[:] = rng.uniform(0, 0.2, size=len(names))
    return plausible(weights, names, rng)


def plausible(weights: FloatArray, names: tuple[str, ...], rng: np.random.Generator) -> FloatArray:
    """Couple left and right, drop opposing shapes, and let mouthClose only undo jawOpen."""
    weights = weights.copy()
    index = {name: i for i, name in enumerate(names)}
    if rng.random() < SYMMETRY_PROBABILITY:
        for name in names:
            if name.endswith("_L"):
                left, right = index[name], index[name[:-1] + "R"]
                weights[[left, right]] = max(weights[left], weights[right])
    for a, b in EXCLUSIVE:
        weaker = a if weights[index[a]] < weights[index[b]] else b
        weights[index[weaker]] = 0
    close = index["mouthClose"]
    weights[close] = min(weights[close], weights[index["jawOpen"]])
    return np.clip(weights, 0, 1)
