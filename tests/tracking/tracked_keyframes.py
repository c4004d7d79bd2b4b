"""Keyframes of frames that a tracker has tracked."""

from __future__ import annotations

from dphm_core.frames import TrackedFrame
from dphm_core.tracking.fit_state import FitState
from dphm_core.tracking.keyframes import Keyframe


def keyframes_of(frames: list[TrackedFrame]) -> list[Keyframe]:
    kept = []
    for frame in frames:
        assert frame.head_to_cam is not None and frame.expression_code is not None
        state = FitState(frame.head_to_cam, frame.expression_code)
        kept.append(Keyframe.of(frame.observation, state, 1.0, None).to_keep())
    return kept
