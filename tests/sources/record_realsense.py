"""Records a RealSense made of software by Intel's own driver; as a program, it made the recordings in data/.

python record_realsense.py FILE, where FILE ends in .bag (pyrealsense2 until 2.57) or .db3 (since 2.58)
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

DEPTH, COLOR = (64, 48), (128, 96)
"""Width and height."""
UNIT_M = 0.0005
FRAMES = 8
WITHOUT_COLOR = 2
GAP_BEHIND = 4
"""Behind this frame there is time for one more."""
LENS = (0.1, -0.05, 0.001, 0.002, 0.01)
TRANSLATION_M = (0.015, -0.002, 0.001)


def rotation() -> np.ndarray:
    """(3, 3), from depth to colour."""
    roll, pitch = 0.05, -0.02
    about_z = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    about_x = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    return about_z @ about_x


def time_s(number: int) -> float:
    return 1.0 + (number + (number > GAP_BEHIND)) / 30


def depth_image(number: int) -> np.ndarray:
    """(48, 64) uint16, in units of half a millimetre: a wall, without the uppermost rows."""
    depth = np.full(DEPTH[::-1], 1000 + 10 * number, np.uint16)
    depth[:5] = 0
    return depth


def color_image(number: int) -> np.ndarray:
    """(96, 128, 3) uint8, RGB: another red, green and blue."""
    color = np.zeros((*COLOR[::-1], 3), np.uint8)
    color[..., 0], color[..., 1], color[..., 2] = 200, 10 * number, np.arange(COLOR[0])
    return color


def _stream(rs: Any, kind: Any, uid: int, size: tuple[int, int], pixel: tuple[int, Any], lens: tuple[Any, Any]) -> Any:
    camera = rs.intrinsics()
    camera.width, camera.height = size
    camera.ppx, camera.ppy = size[0] / 2 - 0.5, size[1] / 2 - 0.5
    camera.fx = camera.fy = size[0] * 15 / 16
    camera.model, camera.coeffs = lens
    stream = rs.video_stream()
    stream.type, stream.uid, stream.fps, stream.intrinsics = kind, uid, 30, camera
    stream.width, stream.height = size
    stream.bpp, stream.fmt = pixel
    return stream


def _send(rs: Any, sensor: Any, profile: Any, pixels: np.ndarray, number: int, delay_s: float) -> None:
    frame = rs.software_video_frame()
    frame.pixels, frame.bpp = pixels, pixels[0, 0].nbytes
    frame.stride = pixels[0].nbytes
    frame.timestamp = 1000 * (time_s(number) + delay_s)
    frame.domain, frame.frame_number = rs.timestamp_domain.hardware_clock, number
    frame.profile = profile.as_video_stream_profile()
    if pixels.dtype == np.uint16:
        frame.depth_units = UNIT_M
    sensor.on_video_frame(frame)


def record(path: Path, *, packed: bool = True) -> None:
    """Record eight frames; the third has no colour, and one is missing behind the fifth."""
    import pyrealsense2 as rs

    device = rs.software_device()
    device.register_info(rs.camera_info.name, "Intel RealSense D435")
    device.register_info(rs.camera_info.serial_number, "0042")
    depths, colors = device.add_sensor("Stereo Module"), device.add_sensor("RGB Camera")
    plain, bent = (rs.distortion.brown_conrady, [0] * 5), (rs.distortion.inverse_brown_conrady, list(LENS))
    depth = depths.add_video_stream(_stream(rs, rs.stream.depth, 1, DEPTH, (2, rs.format.z16), plain))
    color = colors.add_video_stream(_stream(rs, rs.stream.color, 2, COLOR, (3, rs.format.rgb8), bent))
    depths.add_read_only_option(rs.option.depth_units, UNIT_M)
    motion = rs.extrinsics()
    motion.rotation, motion.translation = list(rotation().T.ravel()), list(TRANSLATION_M)
    depth.register_extrinsics_to(color, motion)
    recorder = rs.recorder(str(path), device, packed)
    sensors, queue = recorder.query_sensors(), rs.frame_queue(100)
    for sensor in sensors:
        sensor.open(sensor.get_stream_profiles()[0])
        sensor.start(queue)
    for number in range(FRAMES):
        _send(rs, depths, depth, depth_image(number), number, 0.0)
        if number != WITHOUT_COLOR:
            _send(rs, colors, color, color_image(number), number, 0.004)
        time.sleep(0.02)
    for sensor in sensors:
        sensor.stop()
        sensor.close()


if __name__ == "__main__":
    record(Path(sys.argv[1]))
