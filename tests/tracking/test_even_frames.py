"""Frames that are kept of many are as evenly spread at the end as at the beginning."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.frames import Observation, RGBDFrame, Similarity
from dphm_core.tracking.even_frames import MAX_KEPT, EvenFrames
from dphm_core.tracking.fit_state import FitState
from dphm_core.tracking.keyframes import Keyframe


@pytest.fixture
def keyframe() -> Keyframe:
    frame = RGBDFrame(0, 0.0, None, np.zeros((4, 4), np.float32), Intrinsics(4, 4, 4.0, 4.0, 2.0, 2.0))
    nothing = np.zeros((0, 3), np.float32)
    pose = Similarity(np.eye(3, dtype=np.float32), np.array([0, 0, 0.5], np.float32), 1.0)
    return Keyframe.of(Observation(frame, nothing, nothing, None), FitState.at_rest(pose, 4), 1.0, None)


@pytest.mark.parametrize("count", [1, MAX_KEPT, MAX_KEPT + 1, 7 * MAX_KEPT])
def test_they_are_evenly_spread_and_few(keyframe: Keyframe, count: int) -> None:
    even = EvenFrames()
    for index in range(count):
        even.offer(replace(keyframe, quality=float(index)))
    assert even.offered == count
    kept = [frame.quality for frame in even.frames]
    assert len(kept) == count or MAX_KEPT / 2 <= len(kept) <= MAX_KEPT
    assert kept[0] == 0 and len(set(np.diff(kept))) <= 1
    assert count - kept[-1] <= max(1, 2 * count / MAX_KEPT)
    assert all(frame.observation.frame.depth_m.size == 0 for frame in even.frames)
