"""Writes factory calibrations as Azure Kinect recordings carry them, so that the SDK takes them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.camera.k4a_calibration import COLOR_LOCATION, DEPTH_LOCATION, DISTORTION_MODEL
from dphm_core.camera.rigid import RigidTransform
from dphm_core.sources.k4a_capture import COLOR_SIZES

DEPTH_SENSOR = 1024
"""Side of the depth sensor, pixels."""
UNKNOWN_RADIUS = 1e3
"""Metric radius of cameras that state none: no limit."""
NO_MOTION = RigidTransform(np.eye(3), np.zeros(3))


def calibration_file(cameras: Sequence[dict[str, Any]], more: Mapping[str, object] | None = None) -> bytes:
    """Write the file; `more` is put beside its contents, where the SDK passes over it."""
    inertial = [_inertial_sensor("Gyro"), _inertial_sensor("Accelerometer")]
    information = {"Cameras": list(cameras), "InertialSensors": inertial}
    return json.dumps({"CalibrationInformation": information, **(more or {})}).encode()


def depth_entry(camera: Intrinsics, scaled: tuple[float, float]) -> dict[str, Any]:
    """Describe the depth camera; `camera` is that of an image of its whole sensor in the size `scaled`."""
    return _camera(camera, scaled) | {
        "Location": DEPTH_LOCATION,
        "Purpose": "CALIBRATION_CameraPurposeDepth",
        "Rt": _motion(NO_MOTION),
        "SensorHeight": DEPTH_SENSOR,
        "SensorWidth": DEPTH_SENSOR,
    }


def color_entry(
    camera: Intrinsics, size: tuple[int, int], depth_to_color: RigidTransform = NO_MOTION
) -> dict[str, Any]:
    """Describe the colour camera; `camera` is that of its images, in the upper left corner of ones of this size."""
    (width, height), (sensor_width, sensor_height) = size, COLOR_SIZES["RES_3072P"]
    full_height = width * 3 / 4
    whole = replace(camera, cy=camera.cy + (full_height - height) / 2)
    return _camera(whole, (width, full_height)) | {
        "Location": COLOR_LOCATION,
        "Purpose": "CALIBRATION_CameraPurposePhotoVideo",
        "Rt": _motion(depth_to_color),
        "SensorHeight": sensor_height,
        "SensorWidth": sensor_width,
    }


def _camera(camera: Intrinsics, scaled: tuple[float, float]) -> dict[str, Any]:
    """Describe what both cameras have, one whose whole sensor would be an image of the size `scaled`."""
    (width, height), (p1, p2) = scaled, camera.p
    center = (camera.cx + 0.5) / width, (camera.cy + 0.5) / height
    parameters = [*center, camera.fx / width, camera.fy / height, *camera.k, 0, 0, p2, p1]
    return {
        "Intrinsics": {
            "ModelParameterCount": len(parameters),
            "ModelParameters": parameters,
            "ModelType": DISTORTION_MODEL,
        },
        "MetricRadius": UNKNOWN_RADIUS if camera.metric_radius is None else camera.metric_radius,
        "Shutter": "CALIBRATION_ShutterTypeUndefined",
        "ThermalAdjustmentParams": {"Params": [0] * 12},
    }


def _inertial_sensor(kind: str) -> dict[str, Any]:
    """Describe a sensor that was not there, but that the SDK insists on."""
    unit_matrix = [1.0 if i in (0, 16, 32) else 0.0 for i in range(36)]
    return {
        "BiasTemperatureModel": [0] * 12,
        "BiasUncertainty": [0] * 3,
        "Id": "CALIBRATION_InertialSensorId_LSM6DSM",
        "MixingMatrixTemperatureModel": unit_matrix,
        "ModelTypeMask": 16,
        "Noise": [0] * 6,
        "Rt": _motion(NO_MOTION),
        "SecondOrderScaling": [0] * 9,
        "SensorType": f"CALIBRATION_InertialSensorType_{kind}",
        "TemperatureBounds": [5, 60],
        "TemperatureC": 0,
    }


def _motion(transform: RigidTransform) -> dict[str, list[float]]:
    return {"Rotation": transform.rotation.ravel().tolist(), "Translation": transform.translation_m.tolist()}
