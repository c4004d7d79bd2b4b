"""Parsing the factory calibration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dphm_core.camera.k4a_calibration import DepthMode, parse_k4a_calibration
from dphm_core.errors import SourceError

TEXT = (Path(__file__).parent / "data" / "k4a_calibration.json").read_text()


def edited(path: list[Any], value: Any) -> str:
    document = json.loads(TEXT)
    place = document["CalibrationInformation"]["Cameras"]
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return json.dumps(document)


def test_modes_are_windows_of_one_sensor() -> None:
    calibration = parse_k4a_calibration(TEXT)
    full = calibration.depth_camera(DepthMode.WFOV_UNBINNED)
    narrow = calibration.depth_camera(2)
    binned = calibration.depth_camera(DepthMode.NFOV_2X2BINNED)
    assert (narrow.width, narrow.height) == (640, 576)
    assert (full.cx - narrow.cx, full.cy - narrow.cy) == pytest.approx((192, 180))
    assert narrow.fx == pytest.approx(504.6076, abs=1e-4)
    assert binned.fx == pytest.approx(narrow.fx / 2)
    assert binned.cx + 0.5 == pytest.approx((narrow.cx + 0.5) / 2)  # the same corner, half the pixels
    assert narrow.metric_radius == pytest.approx(1.74)


def test_color_is_scaled_and_cut() -> None:
    calibration = parse_k4a_calibration(TEXT)
    hd, full, square = (calibration.color_camera(*size) for size in ((1280, 720), (4096, 3072), (2048, 1536)))
    assert (hd.fx, hd.fy, hd.cx, hd.cy) == pytest.approx((611.79535, 611.92698, 639.30434, 365.8529))
    assert full.cx == pytest.approx(2 * square.cx + 0.5)
    assert hd.cy + 0.5 + 120 == pytest.approx((full.cy + 0.5) * 1280 / 4096)
    assert hd.metric_radius == pytest.approx(1.7)  # the factory wrote 0


def test_extrinsics() -> None:
    depth_to_color = parse_k4a_calibration(TEXT).depth_to_color
    np.testing.assert_allclose(depth_to_color.translation_m, [-0.03208343, -0.00220537, 0.00388369], atol=1e-8)
    there_and_back = depth_to_color.inverse @ depth_to_color
    np.testing.assert_allclose(there_and_back(np.array([0.1, 0.2, 0.3])), [0.1, 0.2, 0.3], atol=1e-6)


def test_depth_camera_that_is_not_the_origin() -> None:
    moved = parse_k4a_calibration(edited([0, "Rt", "Translation"], [0.01, 0.0, 0.0]))
    point_depth = np.array([0.01, 0.0, 0.0])  # the common origin, seen by the depth camera
    np.testing.assert_allclose(moved.depth_to_color(point_depth), [-0.03208343, -0.00220537, 0.00388369], atol=1e-8)


def test_bytes_with_a_closing_nul_are_read() -> None:
    assert parse_k4a_calibration(TEXT.encode() + b"\0").depth == parse_k4a_calibration(TEXT).depth


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be read"),
        (b"\xff\xfe", "cannot be read"),
        ("[]", "cannot be read"),
        ("{}", "lacks 'CalibrationInformation'"),
        ("[" * 100_000, "cannot be read"),
        (edited([1, "Location"], "elsewhere"), "lacks 'CALIBRATION_CameraLocationPV0'"),
        (edited([0, "Intrinsics", "ModelParameters"], [1.0] * 13), "list of 14 numbers"),
        (edited([0, "Intrinsics", "ModelParameters"], [float("nan")] * 14), "not finite"),
        (edited([0, "Intrinsics", "ModelParameters", 0], 10**400), "cannot be read"),
        (edited([0, "Intrinsics", "ModelParameters", 10], 0.1), "centre of distortion"),
        (edited([0, "Intrinsics", "ModelType"], "Theta"), "distortion model 'Theta'"),
        (edited([1, "Rt", "Rotation"], [1.0] * 9), "not a rotation"),
        (edited([1, "SensorWidth"], 0), "not positive"),
    ],
)
def test_damaged_calibrations_are_named(text: str | bytes, message: str) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        parse_k4a_calibration(text)
    assert "\n" not in str(caught.value)


def test_unknown_modes_are_refused() -> None:
    calibration = parse_k4a_calibration(TEXT)
    with pytest.raises(SourceError, match="no depth mode 5"):
        calibration.depth_camera(5)
    with pytest.raises(SourceError, match="no colour image of 1280x1280"):
        calibration.color_camera(1280, 1280)
