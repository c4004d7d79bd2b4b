"""Azure Kinect's factory calibration, as the SDK stores it in a recording (`calibration.json`) or on the device.

Parameters are normalised to the whole sensor, with the sensor's upper left corner as (0, 0); a capture mode scales the
sensor image and crops it. So does `depth_camera` and `color_camera`, in the convention of `Intrinsics` (pixel centres
are integers, hence the half pixel).
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.camera.rigid import RigidTransform
from dphm_core.errors import SourceError

DEPTH_LOCATION = "CALIBRATION_CameraLocationD0"
COLOR_LOCATION = "CALIBRATION_CameraLocationPV0"
DISTORTION_MODEL = "CALIBRATION_LensDistortionModelBrownConrady"
PARAMETERS = 14
"""Order in the file: cx cy fx fy k1 k2 k3 k4 k5 k6 codx cody p2 p1."""
UNSET_METRIC_RADIUS = 1.7
"""The SDK's stand-in where the factory wrote none (colour cameras): just outside the widest field of view."""


class DepthMode(IntEnum):
    """The SDK's (and pyk4a's) numbers of the modes that have depth."""

    NFOV_2X2BINNED = 1
    NFOV_UNBINNED = 2
    WFOV_2X2BINNED = 3
    WFOV_UNBINNED = 4


@dataclass(frozen=True)
class _Window:
    """A capture mode: the sensor image scaled to `scaled`, then cut to `size` at `offset` (x, y in pixels)."""

    scaled: tuple[float, float]
    offset: tuple[float, float]
    size: tuple[int, int]


DEPTH_WINDOWS = {
    DepthMode.NFOV_2X2BINNED: _Window((512, 512), (96, 90), (320, 288)),
    DepthMode.NFOV_UNBINNED: _Window((1024, 1024), (192, 180), (640, 576)),
    DepthMode.WFOV_2X2BINNED: _Window((512, 512), (0, 0), (512, 512)),
    DepthMode.WFOV_UNBINNED: _Window((1024, 1024), (0, 0), (1024, 1024)),
}


@dataclass(frozen=True)
class K4ASensor:
    """One camera's calibration, normalised to its sensor."""

    width: int
    """Sensor width, pixels."""
    height: int
    """Sensor height, pixels."""
    center: tuple[float, float]
    """Principal point, as fractions of the sensor's width and height."""
    focal: tuple[float, float]
    """Focal lengths, as fractions of the sensor's width and height."""
    k: tuple[float, float, float, float, float, float]
    """Radial distortion k1..k6."""
    p: tuple[float, float]
    """Tangential distortion p1, p2."""
    metric_radius: float
    """Largest calibrated radius on the plane z = 1."""

    def camera(self, window: _Window) -> Intrinsics:
        """Intrinsics of a scaled and cropped image of this sensor."""
        (scaled_x, scaled_y), (offset_x, offset_y) = window.scaled, window.offset
        return Intrinsics(
            width=window.size[0],
            height=window.size[1],
            fx=self.focal[0] * scaled_x,
            fy=self.focal[1] * scaled_y,
            cx=self.center[0] * scaled_x - offset_x - 0.5,
            cy=self.center[1] * scaled_y - offset_y - 0.5,
            k=self.k,
            p=self.p,
            metric_radius=self.metric_radius,
        )


@dataclass(frozen=True)
class K4ACalibration:
    """Both cameras of an Azure Kinect and the motion between them."""

    depth: K4ASensor
    """The infrared (depth) sensor."""
    color: K4ASensor
    """The colour sensor."""
    depth_to_color: RigidTransform
    """From the depth camera's frame to the colour camera's, metres."""

    def depth_camera(self, mode: int) -> Intrinsics:
        """Intrinsics of the depth images of a `DepthMode` (pyk4a's numbers); SourceError for any other mode."""
        try:
            return self.depth.camera(DEPTH_WINDOWS[DepthMode(mode)])
        except ValueError:
            known = ", ".join(f"{known.value} ({known.name})" for known in DepthMode)
            raise SourceError(f"Azure Kinect has no depth mode {mode} with depth; use one of {known}") from None

    def color_camera(self, width: int, height: int) -> Intrinsics:
        """Intrinsics of a colour image of `width` × `height` pixels: the sensor scaled to the width, cut to the height.

        Raises SourceError where the sensor gives no such image.
        """
        full_height = width * self.color.height / self.color.width
        if width <= 0 or not 0 < height <= full_height:
            raise SourceError(f"Azure Kinect has no colour image of {width}x{height}; use for example 1280x720")
        return self.color.camera(_Window((width, full_height), (0, (full_height - height) / 2), (width, height)))


def parse_k4a_calibration(text: str | bytes) -> K4ACalibration:
    """Read the factory calibration.

    Parameters
    ----------
    text : str or bytes
        The JSON document, as `calibration.json` in an MKV or as the device gives it (a closing NUL is accepted).

    Returns
    -------
    K4ACalibration

    Raises
    ------
    SourceError
        Where the text is not such a calibration; says what is missing or wrong.
    """
    try:
        document = json.loads((text.decode() if isinstance(text, bytes) else text).rstrip("\0"))
        cameras = document["CalibrationInformation"]["Cameras"]
        by_location = {camera["Location"]: camera for camera in cameras}
        depth, color = by_location[DEPTH_LOCATION], by_location[COLOR_LOCATION]
        depth_to_color = _extrinsics(color) @ _extrinsics(depth).inverse
        return K4ACalibration(_sensor(depth), _sensor(color), depth_to_color)
    except KeyError as error:
        raise SourceError(f"Azure Kinect calibration lacks {error}") from error
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise SourceError(f"Azure Kinect calibration cannot be read ({error})") from error


def _sensor(camera: dict[str, Any]) -> K4ASensor:
    intrinsics = camera["Intrinsics"]
    if intrinsics["ModelType"] != DISTORTION_MODEL:
        raise ValueError(f"distortion model {intrinsics['ModelType']!r} is not {DISTORTION_MODEL}")
    cx, cy, fx, fy, k1, k2, k3, k4, k5, k6, codx, cody, p2, p1 = _numbers(
        intrinsics["ModelParameters"], PARAMETERS, "ModelParameters"
    )
    if codx or cody:
        raise ValueError(f"centre of distortion ({codx}, {cody}) is not the principal point")
    width, height = _numbers([camera["SensorWidth"], camera["SensorHeight"]], 2, "sensor size")
    if min(fx, fy, width, height) <= 0:
        raise ValueError("a focal length or sensor size is not positive")
    (radius,) = _numbers([camera["MetricRadius"]], 1, "MetricRadius")
    return K4ASensor(
        width=int(width),
        height=int(height),
        center=(cx, cy),
        focal=(fx, fy),
        k=(k1, k2, k3, k4, k5, k6),
        p=(p1, p2),
        metric_radius=radius if radius > 0 else UNSET_METRIC_RADIUS,
    )


def _extrinsics(camera: dict[str, Any]) -> RigidTransform:
    rotation = np.array(_numbers(camera["Rt"]["Rotation"], 9, "Rotation")).reshape(3, 3)
    translation = np.array(_numbers(camera["Rt"]["Translation"], 3, "Translation"))
    if not np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-3) or np.linalg.det(rotation) < 0:
        raise ValueError("Rotation is not a rotation matrix")
    return RigidTransform(rotation, translation)


def _numbers(values: Any, count: int, name: str) -> list[float]:
    if not isinstance(values, list) or len(values) != count:
        raise ValueError(f"{name} must be a list of {count} numbers")
    numbers = [float(value) for value in values]
    if not all(math.isfinite(number) for number in numbers):
        raise ValueError(f"{name} holds a number that is not finite")
    return numbers
