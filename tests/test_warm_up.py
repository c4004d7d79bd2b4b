"""Before the first real frame everything was computed once, and nothing is known of anybody yet."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from dphm_core.camera import normals, rays, registration
from dphm_core.frames import TrackStatus
from dphm_core.heads.model import HeadModel, load_model
from dphm_core.made_up_frame import made_up_frame
from dphm_core.tracking.config import TrackerConfig
from dphm_core.tracking.tracker import HeadTracker
from dphm_core.warm_up import warm_up

KERNELS = {
    rays: ("_undistort_band",),
    normals: ("_filter_rows", "_orient_rows"),
    registration: ("_project_rows", "_draw_rows"),
}
CONFIG = TrackerConfig(calibration_frames=50)


@pytest.fixture(scope="module")
def model() -> HeadModel:
    return load_model("default")


def test_the_mean_head_is_there_with_the_first_face(model: HeadModel) -> None:
    tracker, threads = HeadTracker(model, CONFIG, background=True), threading.active_count()
    assert warm_up(tracker) > 0
    assert threading.active_count() <= threads + 4  # numba's own pool for images stays
    assert tracker.status is TrackStatus.SEARCHING and len(tracker.faces) == 0
    tracked = tracker.track(made_up_frame(model)[0])
    assert tracked.vertices_cam is not None and tracked.status is TrackStatus.CALIBRATING
    assert "1 of" in tracked.reason
    tracker.cancel()


def test_a_recording_is_tracked_as_without_it(model: HeadModel) -> None:
    tracker, observation = HeadTracker(model, CONFIG), made_up_frame(model)[0]
    tracker.warm_up(observation)
    tracked = tracker.track(observation)
    assert tracked.vertices_cam is None and tracked.status is TrackStatus.CALIBRATING


def test_the_cameras_kernels_are_compiled(model: HeadModel) -> None:
    """Also without a template. What they call themselves is compiled into them."""
    warm_up(HeadTracker(replace(model, template=None), CONFIG))
    for module, names in KERNELS.items():
        assert all(getattr(module, name).signatures for name in names)
