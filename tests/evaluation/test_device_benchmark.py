"""The benchmark of fits on a device: here on the CPU, with small models."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny_models import SIZES, write_tiny_model

from dphm_core.errors import SettingError
from dphm_core.evaluation.device_benchmark import device_benchmark
from dphm_core.heads.model import load_model
from dphm_core.made_up_frame import POINTS, made_up_frame
from dphm_core.tracking.config import TrackerConfig
from dphm_core.tracking.sampling import face_points

pytestmark = pytest.mark.usefixtures("one_thread")


def test_it_times_the_plain_solver_and_both_models_on_the_device(tmp_path: Path) -> None:
    folder = write_tiny_model(tmp_path / "tiny", template=True, priors=True)
    times = device_benchmark(2, str(folder), "cpu", SIZES)
    frames = [f"frame, {name}" for name in ("tiny, plain", "tiny, cpu", "official widths, cpu")]
    assert [name for name in times if name.startswith("frame")] == frames
    assert all(0 < row["median_ms"] <= row["p95_ms"] for row in times.values())
    for name in frames[1:]:
        part = times[f"  upload to result, {name.removeprefix('frame, ')}"]
        assert part["median_ms"] <= times[name]["median_ms"]


def test_a_made_up_frame_has_the_points_that_a_fit_takes() -> None:
    config = TrackerConfig()
    observation, start = made_up_frame(load_model("default"))
    points, normals = face_points(observation, start.head_to_cam, config.points, np.random.default_rng(0))
    assert len(observation.points_cam) == POINTS and len(points) == config.points
    facing = -(points * normals).sum(axis=1) / np.linalg.norm(points, axis=1)
    assert np.median(facing) > 0.5  # it looks into the camera


def test_what_cannot_be_timed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="repeat"):
        device_benchmark(0)
    with pytest.raises(SettingError, match="abacus"):
        device_benchmark(1, device="abacus")
    with pytest.raises(SettingError, match="no template"):
        device_benchmark(1, str(write_tiny_model(tmp_path / "bare")), "cpu")
