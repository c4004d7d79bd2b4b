"""The demo recording's first frames as a tracker sees them, and a tracker that has calibrated on them."""

from __future__ import annotations

import pytest
from demo_recording import CALIBRATION_FRAMES, DEMO, LAST

from dphm_core.frames import Observation, TrackedFrame
from dphm_core.heads.model import HeadModel, load_model
from dphm_core.heads.numerics import prepare_thread
from dphm_core.landmarks.observe import Observer
from dphm_core.sources import open_source
from dphm_core.tracking.config import TrackerConfig
from dphm_core.tracking.tracker import HeadTracker


@pytest.fixture(scope="session")
def default_model() -> HeadModel:
    return load_model("default")


@pytest.fixture(scope="session")
def observations() -> list[Observation]:
    prepare_thread(1)
    seen = []
    with open_source(DEMO) as source, Observer() as observer:
        for frame in source:
            seen.append(observer.observe(frame))
            if frame.index == LAST:
                return seen
    raise AssertionError("the demo recording is too short")


@pytest.fixture(scope="session")
def first_pass(observations: list[Observation]) -> tuple[HeadTracker, list[TrackedFrame]]:
    config = TrackerConfig(calibration_frames=CALIBRATION_FRAMES, calibration_keyframes=4, calibration_iterations=8)
    tracker = HeadTracker(load_model("default"), config)
    return tracker, [tracker.track(observation) for observation in observations]
