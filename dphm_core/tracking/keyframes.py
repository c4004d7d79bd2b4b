"""Frames that a head is worked out from: few, and as different from each other as they come.

Differences are measured in yaw, pitch and some expressions, each in units of what makes another view of a head.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from dphm_core.frames import FloatArray, Observation
from dphm_core.landmarks import BLENDSHAPE_NAMES
from dphm_core.tracking.evidence import motion
from dphm_core.tracking.fit_state import FitState
from dphm_core.tracking.initial_pose import pitch_rad, yaw_rad
from dphm_core.tracking.sampling import FACE_MAX, FACE_MIN
from dphm_core.tracking.trust import ramp

MAX_KEPT = 32
"""Keyframes that are kept: some 8 MB."""
MAX_POINTS = 8000
"""Depth points that are kept of each."""
MARGIN = 0.1
"""Around the box of the face, for poses that are still rough; head-frame units (25 mm)."""
VIEW_RAD = float(np.radians(15))
"""A turn or nod that shows another part of the face."""
EXPRESSION_UNIT = 0.5
"""Difference of a score that shows another face."""
EXPRESSIONS = (
    ("jawOpen",),
    ("mouthSmileLeft", "mouthSmileRight"),
    ("mouthPucker", "mouthFunnel"),
    ("eyeBlinkLeft", "eyeBlinkRight"),
    ("browInnerUp",),
)
"""Scores of the detector that follow the face well; those of one expression are averaged."""
SCORES = tuple(np.array([BLENDSHAPE_NAMES.index(name) for name in names]) for names in EXPRESSIONS)
MIN_QUALITY = 0.2
"""Of the worst keyframe against the best: a rare view is better seen badly than not at all."""


@dataclass(frozen=True)
class Keyframe:
    """One frame with what makes it worth keeping."""

    observation: Observation
    state: FitState
    """Where its head is, as well as is known."""
    quality: float
    """0..1: how well it shows the head."""
    view: FloatArray
    """(2 + expressions,) yaw, pitch and scores, in units of what makes another view."""

    @classmethod
    def of(cls, observation: Observation, state: FitState, trust: float, before: Keyframe | None) -> Keyframe:
        """Judge a frame; `trust` (0..1) is that of its state, `before` the frame before it, to tell how it moves."""
        quality = trust
        if before is not None:
            elapsed_s = observation.frame.timestamp_s - before.observation.frame.timestamp_s
            quality *= steadiness(*motion(before.state, state, elapsed_s))
        return cls(observation, state, max(MIN_QUALITY, quality), view_of(observation, state))

    def to_keep(self) -> Keyframe:
        """The same without images, and of its points only those around the face, thinned to a bounded number."""
        return replace(self, observation=_face_only(self.observation, self.state))

    @property
    def cell(self) -> tuple[int, ...]:
        """Of the view: frames of one cell show much the same."""
        return tuple(int(value) for value in np.round(self.view))


class KeyframePool:
    """Keeps the best frame of every view that was seen, up to a number; lives on the tracking thread."""

    def __init__(self, frames: Sequence[Keyframe] = ()) -> None:
        self._kept: dict[tuple[int, ...], Keyframe] = {}
        self.new_views = 0
        """Views that were offered for the first time since this was 0."""
        for frame in frames:
            self._kept.setdefault(frame.cell, frame)

    @property
    def frames(self) -> list[Keyframe]:
        """In the order in which their views came."""
        return list(self._kept.values())

    def offer(self, frame: Keyframe) -> None:
        """Keep a frame where it shows something new, or shows it better than before."""
        known = self._kept.get(frame.cell)
        if known is None and len(self._kept) < MAX_KEPT:
            self.new_views += 1
        elif known is None or known.quality >= frame.quality:
            return
        self._kept[frame.cell] = frame.to_keep()

    def update(self, frames: Sequence[Keyframe]) -> None:
        """Take better states of frames that are in the pool; those that were replaced meanwhile are left out."""
        for frame in frames:
            known = self._kept.get(frame.cell)
            if known is not None and known.observation is frame.observation:
                self._kept[frame.cell] = frame


def spread_views(frames: Sequence[Keyframe], count: int) -> list[Keyframe]:
    """Choose up to `count` frames, each the farthest in view from those before; the first is the most restful.

    Distances count by the frames' quality, so that of two like views the better one is taken.
    """
    views = np.array([frame.view for frame in frames])
    quality = np.array([frame.quality for frame in frames])
    chosen = [int(np.argmax(quality / (1 + np.linalg.norm(views, axis=1))))]
    nearest = np.linalg.norm(views - views[chosen[0]], axis=1)
    while len(chosen) < min(count, len(frames)):
        worth = (nearest + 1e-3) * quality
        worth[chosen] = -1
        chosen.append(int(np.argmax(worth)))
        nearest = np.minimum(nearest, np.linalg.norm(views - views[chosen[-1]], axis=1))
    return [frames[k] for k in chosen]


def view_of(observation: Observation, state: FitState) -> FloatArray:
    """Yaw, pitch and scores (2 + expressions,) of a frame, in units of what makes another view."""
    pose, landmarks = state.head_to_cam, observation.landmarks
    turns = [yaw_rad(pose) / VIEW_RAD, pitch_rad(pose) / VIEW_RAD]
    scores = [0.0 if landmarks is None else float(landmarks.blendshapes[k].mean()) / EXPRESSION_UNIT for k in SCORES]
    return np.array(turns + scores, dtype=np.float32)


def steadiness(speed_m_s: float, turn_rad_s: float) -> float:
    """1 for a head that rests; 0 from 0.5 m/s or 3 rad/s on, where depth and colour smear or part. NaN: unknown, 1."""
    speed = 1.0 if np.isnan(speed_m_s) else ramp(speed_m_s, 0.5, 0.1)
    return speed * (1.0 if np.isnan(turn_rad_s) else ramp(turn_rad_s, 3.0, 0.6))


def _face_only(observation: Observation, state: FitState) -> Observation:
    points_head = state.head_to_cam.to_head(observation.points_cam)
    near = np.nonzero(((points_head > FACE_MIN - MARGIN) & (points_head < FACE_MAX + MARGIN)).all(axis=1))[0]
    near = near[:: -(-len(near) // MAX_POINTS) or 1]
    return replace(
        observation.without_images(),
        points_cam=observation.points_cam[near],
        normals_cam=observation.normals_cam[near],
    )
