"""Live Intel RealSense cameras, through the optional driver pyrealsense2."""

from __future__ import annotations

from dphm_core.sources.devices import Camera
from dphm_core.sources.driver_camera import DriverCamera
from dphm_core.sources.realsense_devices import find_camera, load_pyrealsense2
from dphm_core.sources.realsense_pipeline import RealSensePipeline

FPS = 30


class RealSenseSource(DriverCamera):
    """Frames of a live camera, in the sizes that it prefers, at 30 frames per second."""

    kind = "realsense"
    start_advice = "plug it into a USB 3 port with its own cable, and close other programs that use it"
    unplugged = "was unplugged"
    failure = RuntimeError

    def _find(self, serial: str | None) -> Camera:
        return find_camera(serial)

    def _open(self, camera: Camera, label: str) -> RealSensePipeline:
        rs = load_pyrealsense2()
        config = rs.config()
        config.enable_device(camera.serial)
        config.enable_stream(rs.stream.depth, rs.format.z16, FPS)
        config.enable_stream(rs.stream.color, rs.format.rgb8, FPS)
        return RealSensePipeline(rs, config, label)
