"""Expressions as faces really make them, for a prior to learn from: speech, blinks, glances and emotions over time.

Shapes that move together do so here, left and right differ a little, and faces are met on the way from one expression
to the next. Independent weights would teach a prior nothing but their range.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d

from dphm_core.frames import FloatArray
from dphm_core.training.expressions import EXCLUSIVE
from dphm_core.training.motion import EASE_FRAMES, REST_FRAMES, SMILE, DoubleArray, MotionName, motion

FPS = 30.0
FRAMES = 240
"""Length of a sequence without its still beginning."""
TAKEN = 24
"""Frames of a sequence that become codes; its neighbouring frames are too alike."""
SPEECH_PROBABILITY = 0.6
SIDE_SPREAD = 0.12
"""Standard deviation of how much weaker one side of a face moves, by shape and sequence."""
STAY_S = (0.5, 2.5)
"""Shortest and longest time that an emotion stays."""
GLIDE_S = 0.12
"""Standard deviation in time by which one emotion passes into the next."""
GLANCE_S = 0.02
"""The same for glances."""
GLANCES_PER_SECOND = 1.5
CALM_PROBABILITY = 0.3
"""That nothing is felt next, above calm's own turn among the emotions."""

EMOTIONS: dict[str, dict[str, float]] = {
    "calm": {},
    "happy": {**SMILE, "mouthSmile": 0.9, "cheekSquint": 0.7},
    "laughing": {
        "mouthSmile": 0.95, "cheekSquint": 0.85, "eyeSquint": 0.5, "mouthUpperUp": 0.5, "mouthLowerDown": 0.4,
        "jawOpen": 0.45, "mouthDimple": 0.3,
    },
    "sad": {
        "browInnerUp": 0.8, "browDown": 0.25, "mouthFrown": 0.7, "mouthShrugLower": 0.5, "mouthShrugUpper": 0.2,
        "eyeSquint": 0.2, "eyeLookDown": 0.3,
    },
    "surprised": {
        "browInnerUp": 0.9, "browOuterUp": 0.9, "eyeWide": 0.8, "jawOpen": 0.55, "mouthFunnel": 0.15,
    },
    "afraid": {
        "browInnerUp": 0.8, "browOuterUp": 0.4, "browDown": 0.4, "eyeWide": 0.8, "mouthStretch": 0.7, "jawOpen": 0.25,
        "mouthLowerDown": 0.3,
    },
    "angry": {
        "browDown": 0.95, "eyeSquint": 0.5, "noseSneer": 0.4, "mouthPress": 0.7, "mouthRollLower": 0.25,
        "mouthRollUpper": 0.25, "jawForward": 0.2, "mouthFrown": 0.25,
    },
    "disgusted": {
        "noseSneer": 0.9, "mouthUpperUp": 0.6, "browDown": 0.6, "cheekSquint": 0.5, "eyeSquint": 0.4,
        "mouthFrown": 0.35, "mouthShrugLower": 0.35,
    },
    "scornful": {"mouthSmile_L": 0.5, "mouthDimple_L": 0.6, "mouthPress_L": 0.3, "mouthLeft": 0.2},
    "scornful right": {"mouthSmile_R": 0.5, "mouthDimple_R": 0.6, "mouthPress_R": 0.3, "mouthRight": 0.2},
    "doubtful": {"browOuterUp_L": 0.9, "browInnerUp_L": 0.4, "browDown_R": 0.5, "mouthPress": 0.3, "mouthRight": 0.3},
    "doubtful right": {
        "browOuterUp_R": 0.9, "browInnerUp_R": 0.4, "browDown_L": 0.5, "mouthPress": 0.3, "mouthLeft": 0.3,
    },
    "winking": {"eyeBlink_L": 1.0, "cheekSquint_L": 0.7, "mouthSmile_L": 0.5, "mouthSmile_R": 0.25},
    "winking right": {"eyeBlink_R": 1.0, "cheekSquint_R": 0.7, "mouthSmile_R": 0.5, "mouthSmile_L": 0.25},
    "kissing": {"mouthPucker": 0.95, "mouthFunnel": 0.2},
    "blowing": {"cheekPuff": 0.9, "mouthPucker": 0.4, "mouthPress": 0.3},
    "yawning": {"jawOpen": 0.95, "eyeBlink": 0.8, "browInnerUp": 0.4, "noseSneer": 0.2, "mouthStretch": 0.2},
    "chewing left": {"jawLeft": 0.6, "jawOpen": 0.2, "mouthClose": 0.18, "mouthLeft": 0.2},
    "chewing right": {"jawRight": 0.6, "jawOpen": 0.2, "mouthClose": 0.18, "mouthRight": 0.2},
}  # fmt: skip
"""Faces and the shapes that make them together, both sides where none is named (after EMFACS' action units)."""


def plausible_codes(names: tuple[str, ...], count: int, rng: np.random.Generator) -> FloatArray:
    """Make up expression codes of faces that talk, blink, look about and feel.

    Parameters
    ----------
    names : tuple of str, length E
        Blendshape names in the code's order, with jawOpen and mouthClose; sides end in _L and _R.
    count : int
        How many codes.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    (count, E) float32 weights in 0..1, mouthClose never above jawOpen; `TAKEN` at a time are of one sequence.
    """
    codes = np.empty((count, len(names)), dtype=np.float32)
    for start in range(0, count, TAKEN):
        frames = rng.choice(FRAMES, size=min(TAKEN, count - start), replace=False)
        codes[start : start + TAKEN] = _sequence(names, rng)[frames]
    return codes


def _sequence(names: tuple[str, ...], rng: np.random.Generator) -> DoubleArray:
    """Weights (FRAMES, E) of one person over eight seconds."""
    kind: MotionName = "talk" if rng.random() < SPEECH_PROBABILITY else "turn"
    rest = REST_FRAMES + EASE_FRAMES
    moved = motion(kind, FRAMES + rest, FPS, rng, names)[0][rest:]
    weights = moved * rng.uniform(0.3, 1.0) + _emotions(names, rng) + _glances(names, rng)
    weights[:, _columns(names, "eyeBlink")] = np.maximum(weights, moved)[:, _columns(names, "eyeBlink")]
    weaker = np.clip(1 - np.abs(rng.normal(0, SIDE_SPREAD, len(names))), 0, 1)
    blinking = np.array([name.startswith("eyeBlink") for name in names])
    return _possible(weights * np.where(blinking, np.sqrt(weaker), weaker), names)  # lids keep together best


def _emotions(names: tuple[str, ...], rng: np.random.Generator) -> DoubleArray:
    """One face after the other, each of its own strength, gliding into the next."""
    targets, start = np.zeros((FRAMES, len(names))), 0
    faces = list(EMOTIONS)
    while start < FRAMES:
        face = "calm" if rng.random() < CALM_PROBABILITY else faces[rng.integers(len(faces))]
        stop = start + int(FPS * rng.uniform(*STAY_S))
        targets[start:stop] = rng.uniform(0.25, 1.0) * _pattern(face, names) * rng.uniform(0.8, 1.2, len(names))
        start = stop
    return gaussian_filter1d(targets, GLIDE_S * FPS, axis=0, mode="nearest")


def _pattern(face: str, names: tuple[str, ...]) -> DoubleArray:
    pattern = np.zeros(len(names))
    for name, weight in EMOTIONS[face].items():
        pattern[_columns(names, name)] = weight
    return pattern


def _glances(names: tuple[str, ...], rng: np.random.Generator) -> DoubleArray:
    """Both eyes jump together from place to place; lids go down with them."""
    changes = rng.random(FRAMES) < GLANCES_PER_SECOND / FPS
    places = rng.normal(0, [0.35, 0.25], (FRAMES, 2))[np.maximum.accumulate(np.arange(FRAMES) * changes)]
    aside, up = gaussian_filter1d(places, GLANCE_S * FPS, axis=0, mode="nearest").T
    curves = {
        "eyeLookOut_L": aside, "eyeLookIn_R": aside, "eyeLookIn_L": -aside, "eyeLookOut_R": -aside,
        "eyeLookUp": up, "eyeLookDown": -up, "eyeBlink": -0.4 * up,
    }  # fmt: skip
    weights = np.zeros((FRAMES, len(names)))
    for name, curve in curves.items():
        weights[:, _columns(names, name)] = np.maximum(curve, 0)[:, None]
    return weights


def _columns(names: tuple[str, ...], name: str) -> list[int]:
    """Of a shape: one, both sides of a pair, or none where the code does not have it."""
    return [index for index, own in enumerate(names) if own in (name, f"{name}_L", f"{name}_R")]


def _possible(weights: DoubleArray, names: tuple[str, ...]) -> DoubleArray:
    """Keep weights (T, E) within 0..1, the stronger of shapes that pull against each other, and lips not above jaw."""
    weights = np.clip(weights, 0, 1)
    index = {name: column for column, name in enumerate(names)}
    for pair in EXCLUSIVE:
        if all(name in index for name in pair):
            a, b = (index[name] for name in pair)
            weights[:, [a, b]] *= np.stack([weights[:, a] >= weights[:, b], weights[:, b] > weights[:, a]], axis=1)
    close = index["mouthClose"]
    weights[:, close] = np.minimum(weights[:, close], weights[:, index["jawOpen"]])
    return weights
