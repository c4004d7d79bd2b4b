"""Kinect recordings that are damaged or something else, and names of nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from damage import Make, Malformed, cut_at, file, flip_at
from k4a_recording import RecordedImages, record

CAMERA_DATA = Path(__file__).parents[1] / "camera/data/k4a_calibration.json"


def _sensor(kind: str, part: str) -> dict[str, object]:
    """An inertial sensor that measures as it should: without two of them the SDK refuses a calibration."""
    return {
        "SensorType": f"CALIBRATION_InertialSensorType_{kind}",
        "Id": f"CALIBRATION_InertialSensorId_{part}",
        "ModelTypeMask": 16,
        "BiasTemperatureModel": [0.0] * 12,
        "BiasUncertainty": [1e-4] * 3,
        "MixingMatrixTemperatureModel": [float(i in (0, 16, 32)) for i in range(36)],
        "Noise": [1e-3] * 6,
        "Rt": {"Rotation": [1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0], "Translation": [0.0] * 3},
        "SecondOrderScaling": [0.0] * 9,
        "TemperatureBounds": [5.0, 60.0],
        "TemperatureC": 0.0,
    }


def kinect_calibration() -> str:
    """The factory calibration of the test data, with inertial sensors."""
    told = json.loads(CAMERA_DATA.read_text())
    told["CalibrationInformation"]["InertialSensors"] = [
        _sensor("Gyro", "LSM6DSM"),
        _sensor("Accelerometer", "LSM6DSM"),
    ]
    return json.dumps(told)


def mkv(change: Callable[[bytes], bytes]) -> Make:
    """A Kinect recording of depth alone, changed."""

    def make(place: Path) -> Path:
        return _kinect(place, kinect_calibration().encode(), change)

    return make


def _mkv_calibration(change: Callable[[str], str]) -> Make:
    return lambda place: _kinect(place, change(kinect_calibration()).encode(), lambda content: content)


def _kinect(place: Path, calibration: bytes, change: Callable[[bytes], bytes]) -> Path:
    path = place / "take.mkv"
    rng = np.random.default_rng(0)
    depths = [rng.integers(500, 520, (576, 640), dtype=np.uint16) for _ in range(6)]
    record(
        path, calibration, [RecordedImages(33_333 * i, None, depth) for i, depth in enumerate(depths)], "COLOR_MJPG", 0
    )
    path.write_bytes(change(path.read_bytes()))
    return path


def _color_alone(place: Path) -> Path:
    path, color = place / "take.mkv", cv2.imencode(".jpg", np.full((720, 1280, 3), 90, np.uint8))[1].ravel()
    images = [RecordedImages(33_333 * i, color, None) for i in range(3)]
    record(path, kinect_calibration().encode(), images, depth_mode=0)
    return path


def _foreign(place: Path) -> Path:
    path = place / "film.mkv"
    film = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 30, (64, 48))
    for index in range(5):
        film.write(np.full((48, 64, 3), 40 * index, np.uint8))
    film.release()
    return path


def _pipe(place: Path) -> Path:
    os.mkfifo(place / "take.mkv")
    return place / "take.mkv"


KINECTS = (
    Malformed("MKV of zero length", file("take.mkv", b""), "is an empty file"),
    Malformed("MKV is a text", file("take.mkv", b"hello" * 99), "not a Matroska file"),
    Malformed("MKV ends behind its first four bytes", file("take.mkv", b"\x1a\x45\xdf\xa3"), ""),
    Malformed("MKV of another camera", _foreign, "is no Kinect recording"),
    Malformed("MKV of colour alone", _color_alone, "has no depth: it can be shown", 3),
    *(
        Malformed(f"MKV cut at {share:.2%}", mkv(cut_at(share)), readable=-1)
        for share in (0.0005, 0.01, 0.3, 0.6, 0.95, 0.999)
    ),
    *(
        Malformed(f"MKV: a byte flipped at {share:.2%}", mkv(flip_at(share)), readable=-1)
        for share in (0.0, 0.0001, 0.0005, 0.2, 0.5, 0.8, 1.0)
    ),
    Malformed("MKV: calibration is no JSON", _mkv_calibration(lambda text: text[:100])),
    Malformed("MKV: calibration is a list", _mkv_calibration(lambda _: "[]")),
    Malformed(
        "MKV: 'ModelParameters' is a text",
        _mkv_calibration(lambda text: text.replace('"ModelParameters": [', '"ModelParameters": "", "x": [')),
    ),
    Malformed("MKV: calibration with NaN", _mkv_calibration(lambda text: text.replace("0.5129697918891907", "NaN"))),
    Malformed("MKV is a pipe", _pipe, "is a pipe or a device, not a file"),
    Malformed("file of no known kind", file("take.bag2", b"?"), "is of no known kind"),
    Malformed("nothing there", lambda place: place / "gone", "does not exist"),
)
