"""Curves of expression weights and head poses for synthetic recordings: speech, turns, fast motion, stillness."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from dphm_core.frames import UNITS_PER_METRE, FloatArray

MotionName = Literal["talk", "turn", "fast", "static", "demo"]

FRONTAL = np.diag([1.0, -1.0, -1.0]).astype(np.float32)
"""Head → camera rotation of a head that looks into the camera."""
NECK_M = np.array([0.0, -0.5, -0.25]) / UNITS_PER_METRE
"""Where the head turns, seen from the head frame's origin, metres in head axes."""
REST_FRAMES, EASE_FRAMES = 9, 7
"""Every sequence begins with a still, neutral, frontal face, then eases into its motion."""

VISEMES: dict[str, dict[str, float]] = {
    "pause": {},
    "a": {"jawOpen": 0.5, "mouthLowerDown": 0.25, "mouthUpperUp": 0.15},
    "e": {"jawOpen": 0.2, "mouthStretch": 0.4, "mouthSmile": 0.25, "mouthLowerDown": 0.3, "mouthUpperUp": 0.15},
    "o": {"jawOpen": 0.4, "mouthFunnel": 0.6},
    "u": {"jawOpen": 0.18, "mouthPucker": 0.85},
    "m": {"jawOpen": 0.12, "mouthClose": 0.12, "mouthPress": 0.45, "mouthRollLower": 0.3, "mouthRollUpper": 0.25},
    "f": {"jawOpen": 0.12, "mouthRollLower": 0.5, "mouthUpperUp": 0.3},
    "sh": {"jawOpen": 0.15, "mouthFunnel": 0.85, "mouthShrugLower": 0.2},
    "s": {"jawOpen": 0.1, "mouthStretch": 0.3, "mouthLowerDown": 0.25},
}
BLINK = (0.4, 0.9, 1.0, 1.0, 1.0, 0.7, 0.35, 0.1)
"""Weights of a blink at 30 fps."""
SMILE = {"mouthSmile": 0.75, "cheekSquint": 0.5, "mouthUpperUp": 0.2, "eyeSquint": 0.25, "mouthDimple": 0.3}

DoubleArray = NDArray[np.float64]
Track = tuple[FloatArray, FloatArray, FloatArray]


class _Curves:
    """Weights over time by shape, and the pose as yaw, pitch, roll (radians) and a shift (metres, camera frame)."""

    def __init__(self, frames: int, fps: float, rng: np.random.Generator) -> None:
        self.frames, self.fps, self.rng = frames, fps, rng
        self.time_s = np.arange(frames) / fps
        self.weights: dict[str, DoubleArray] = defaultdict(lambda: np.zeros(frames))
        self.angles, self.shift = np.zeros((frames, 3)), np.zeros((frames, 3))

    def wander(self, columns: int, amplitude: float, smooth_s: float) -> DoubleArray:
        """Return (T, columns) smooth noise of a given standard deviation."""
        margin = int(4 * smooth_s * self.fps)
        noise = self.rng.standard_normal((self.frames + 2 * margin, columns))
        smooth = gaussian_filter1d(noise, smooth_s * self.fps, axis=0)[margin : margin + self.frames]
        return smooth * amplitude * np.sqrt(2 * np.sqrt(np.pi) * smooth_s * self.fps)

    def add(self, shapes: dict[str, float], envelope: DoubleArray) -> None:
        """Add shapes' weights, each times an envelope (T,)."""
        for name, weight in shapes.items():
            self.weights[name] += weight * envelope

    def bump(self, centre_s: float, length_s: float) -> DoubleArray:
        """Return a bell over time."""
        return np.exp(-0.5 * ((self.time_s - centre_s) / (length_s / 2)) ** 2)

    def blink_at(self, *times_s: float) -> None:
        """Blink at these times."""
        step = self.fps / 30
        places = np.arange(len(BLINK)) * step
        for time_s in times_s:
            profile = np.interp(np.arange(self.frames) - time_s * self.fps, places, BLINK, left=0, right=0)
            self.weights["eyeBlink"] = np.maximum(self.weights["eyeBlink"], profile)

    def blink_often(self) -> None:
        """Blink every one to four seconds."""
        self.blink_at(*np.cumsum(self.rng.uniform(1.2, 3.5, int(self.time_s[-1]) + 2)) - 0.7)

    def sway(self, degrees: float = 2.5, metres: float = 0.004) -> None:
        """Move the head a little all the time: standard deviations of its angles and its place."""
        self.angles += np.radians(self.wander(3, degrees, 0.35))
        self.shift += self.wander(3, metres, 0.4)

    def speak(self) -> None:
        """One viseme every 80–200 ms, each gliding into the next, with pauses between phrases."""
        sounds, start = list(VISEMES), 0.0
        targets: dict[str, DoubleArray] = defaultdict(lambda: np.zeros(self.frames))
        while start < self.frames:
            sound = sounds[self.rng.choice(len(sounds), p=[0.04] + [0.12] * 8)]
            length = self.fps * self.rng.uniform(*((0.3, 0.5) if sound == "pause" else (0.08, 0.2)))
            loudness = self.rng.uniform(0.7, 1.15)
            for name, weight in VISEMES[sound].items():
                targets[name][int(start) : int(start + length)] = weight * loudness
            start += length
        for name, curve in targets.items():
            self.weights[name] += gaussian_filter1d(curve, 0.035 * self.fps, mode="nearest")


def motion(name: MotionName, frames: int, fps: float, rng: np.random.Generator, shapes: tuple[str, ...]) -> Track:
    """Make up a motion.

    Parameters
    ----------
    name : MotionName
        "talk": speech, blinks, brows and small head motion; "turn": yaw to ±45° and some pitch; "fast": quick head
        motion and a mouth that opens within 4 frames; "static": neutral and still; "demo": talk, a turn of ±25°,
        blinks and a smile in 2.5 s.
    frames : int
        Number of frames.
    fps : float
        Frames per second.
    rng : numpy.random.Generator
        Source of chance.
    shapes : tuple of str
        Names of the expression shapes in order, as in `HeadGenerator.expression_names`.

    Returns
    -------
    expressions : (T, E) float32
        Weights in 0..1, mouthClose never above jawOpen.
    rotations : (T, 3, 3) float32
        Head → camera; `FRONTAL` at rest.
    translations : (T, 3) float32
        Metres, camera frame: way of the head frame's origin from its place at rest.
    """
    curves = _Curves(frames, fps, rng)
    _MOTIONS[name](curves)
    ease = np.clip((np.arange(frames) - REST_FRAMES) / EASE_FRAMES, 0, 1)
    ease = ease * ease * (3 - 2 * ease)
    rotations, translations = _poses(curves.angles * ease[:, None], curves.shift * ease[:, None])
    return _weights(curves.weights, ease, shapes), rotations, translations


def _talk(curves: _Curves) -> None:
    curves.speak()
    curves.blink_often()
    curves.sway()
    raised = np.clip(curves.wander(1, 0.35, 0.3)[:, 0], 0, 1)
    curves.add({"browInnerUp": 0.9, "browOuterUp": 0.7}, raised)
    curves.add({"browDown": 0.6}, np.clip(curves.wander(1, 0.3, 0.3)[:, 0], 0, 1))
    curves.add(SMILE, 0.8 * np.clip(curves.wander(1, 0.5, 0.5)[:, 0] - 0.2, 0, 1))


def _turn(curves: _Curves) -> None:
    curves.blink_often()
    curves.angles[:, 0] = np.radians(45) * np.sin(2 * np.pi * (curves.time_s - 0.35) / 3.4)
    curves.angles[:, 1] = np.radians(14) * np.sin(2 * np.pi * (curves.time_s - 0.35) / 2.3)
    curves.sway(1.0, 0.003)
    curves.add({"jawOpen": 0.25, "mouthSmile": 0.3}, np.clip(curves.wander(1, 0.5, 0.4)[:, 0], 0, 1))


def _fast(curves: _Curves) -> None:
    time = curves.time_s
    curves.angles[:, 0] = np.radians(28) * np.sin(2 * np.pi * 1.2 * time)
    curves.angles[:, 1] = np.radians(12) * np.sin(2 * np.pi * 1.7 * time + 1)
    curves.shift[:, 0] = 0.04 * np.sin(2 * np.pi * 0.9 * time)
    curves.shift[:, 2] = 0.03 * np.sin(2 * np.pi * 0.7 * time + 2)
    curves.blink_often()
    cycle_s, quick_s = 12 / 30, 4 / 30
    phase = time % cycle_s
    opening = np.interp(phase, [0, quick_s, cycle_s / 2, cycle_s / 2 + quick_s], [0, 1, 1, 0])
    curves.add({"jawOpen": 0.85, "mouthLowerDown": 0.2, "mouthUpperUp": 0.2}, opening)
    curves.add({"mouthPucker": 0.7}, (1 - opening) * ((time // cycle_s) % 2))


def _static(curves: _Curves) -> None:
    """Neutral and still."""


def _demo(curves: _Curves) -> None:
    span = curves.time_s[-1]
    curves.speak()
    curves.angles[:, 0] = np.radians(25) * np.sin(2 * np.pi * np.clip(curves.time_s / span - 0.13, 0, 1) / 0.87)
    curves.sway(1.5, 0.003)
    curves.blink_at(0.27 * span, 0.72 * span)
    curves.add({"browInnerUp": 0.8, "browOuterUp": 0.6}, curves.bump(0.45 * span, 0.12 * span))
    smiling = curves.bump(0.93 * span, 0.2 * span)
    for name in list(curves.weights):
        if name.startswith(("jaw", "mouth")):
            curves.weights[name] *= 1 - 0.9 * smiling
    curves.add(SMILE, smiling)


_MOTIONS: dict[MotionName, Callable[[_Curves], None]] = {
    "talk": _talk,
    "turn": _turn,
    "fast": _fast,
    "static": _static,
    "demo": _demo,
}
MOTION_NAMES: tuple[MotionName, ...] = get_args(MotionName)


def _weights(curves: dict[str, DoubleArray], ease: DoubleArray, shapes: tuple[str, ...]) -> FloatArray:
    """Spread curves over the left and right shape of a pair, within what a face can do."""
    zero = np.zeros(len(ease))
    columns = [curves.get(shape, curves.get(shape.removesuffix("_L").removesuffix("_R"), zero)) for shape in shapes]
    weights = np.clip(np.stack(columns, axis=1) * ease[:, None], 0, 1)
    close, jaw = shapes.index("mouthClose"), shapes.index("jawOpen")
    weights[:, close] = np.minimum(weights[:, close], weights[:, jaw])
    return weights.astype(np.float32)


def _poses(angles: DoubleArray, shift_m: DoubleArray) -> tuple[FloatArray, FloatArray]:
    """Turn by yaw, pitch, roll about the neck, then shift."""
    (cy, cp, cr), (sy, sp, sr) = np.cos(angles).T, np.sin(angles).T
    zero, one = np.zeros_like(cy), np.ones_like(cy)
    yaw = np.array([[cy, zero, sy], [zero, one, zero], [-sy, zero, cy]]).transpose(2, 0, 1)
    pitch = np.array([[one, zero, zero], [zero, cp, -sp], [zero, sp, cp]]).transpose(2, 0, 1)
    roll = np.array([[cr, -sr, zero], [sr, cr, zero], [zero, zero, one]]).transpose(2, 0, 1)
    turns = yaw @ pitch @ roll
    translations = (NECK_M - turns @ NECK_M) @ FRONTAL.T + shift_m
    return (FRONTAL @ turns).astype(np.float32), translations.astype(np.float32)
