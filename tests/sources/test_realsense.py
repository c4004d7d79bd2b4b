"""Intel RealSense through a stand-in for its driver, and the driver itself where that is installed."""

from __future__ import annotations

import importlib.util
import sys
import tomllib
from pathlib import Path

import fake_k4a
import numpy as np
import pytest
from fake_bus import FakeCamera
from fake_realsense import COLOR, plug_in
from refusal import refused

from dphm_core.sources import open_source
from dphm_core.sources.devices import list_cameras

needs_driver = pytest.mark.skipif(importlib.util.find_spec("pyrealsense2") is None, reason="needs pyrealsense2")


def test_depth_is_registered_to_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    plug_in(monkeypatch, FakeCamera("0001"))
    with open_source("realsense") as source:
        frame = next(source)
    assert frame.color is not None and frame.color.shape == (COLOR[1], COLOR[0], 3)
    # Turned by a quarter, depth is upright in lying colour: full height, three quarters of that height wide.
    seen = frame.depth_m > 0
    rows, columns = np.nonzero(seen)
    assert (np.ptp(rows), np.ptp(columns)) == pytest.approx((95, 92), abs=3)
    assert frame.depth_m[seen] == pytest.approx(0.511 + (frame.color[0, 0, 0] - 1) / 1000, abs=1e-4)


def test_without_the_driver_only_who_wants_it_hears_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_k4a.plug_in(monkeypatch)
    monkeypatch.setitem(sys.modules, "pyrealsense2", None)
    extras = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    (package,) = extras["optional-dependencies"]["realsense"]
    assert f"install it with: pip install {package}" in refused("realsense")
    assert list_cameras().missing is None


@needs_driver
def test_the_driver_finds_no_camera_where_none_is() -> None:
    from dphm_core.sources.realsense_devices import device_count, look

    if device_count():
        pytest.skip("needs a machine without a RealSense")
    assert look() == []
    assert "no Intel RealSense is connected" in refused("realsense")


@needs_driver
@pytest.mark.parametrize("model", ["brown_conrady", "inverse_brown_conrady", "modified_brown_conrady"])
def test_the_lens_is_the_drivers(model: str) -> None:
    import pyrealsense2 as rs

    from dphm_core.camera.rays import project
    from dphm_core.sources.realsense_pipeline import read_camera

    told = rs.intrinsics()
    told.width, told.height, told.ppx, told.ppy, told.fx, told.fy = 1280, 720, 640, 360, 900, 905
    told.model, told.coeffs = getattr(rs.distortion, model), [-0.055, 0.065, 0.0007, -0.0006, -0.02]
    points = [[0.3, 0.2, 1.0], [-0.6, 0.35, 1.0], [0.1, -0.3, 1.5]]
    wanted = [rs.rs2_project_point_to_pixel(told, point) for point in points]
    # The modified model's tangential terms differ in the second order: 0.02 pixels in the corner.
    assert project(np.array(points), read_camera(told, "D435")) == pytest.approx(np.array(wanted), abs=0.03)


@needs_driver
def test_the_drivers_motions_are_column_by_column() -> None:
    import pyrealsense2 as rs

    motion = rs.extrinsics()
    motion.rotation, motion.translation = [0, 1, 0, -1, 0, 0, 0, 0, 1], [0, 0, 0.01]
    assert rs.rs2_transform_point_to_point(motion, [1, 0, 0]) == pytest.approx([0, 1, 0.01])
