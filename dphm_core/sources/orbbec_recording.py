"""Orbbec's cameras in recordings of its SDK 2 and its viewer (.bag).

What is known of the format is from the SDK's source (github.com/orbbec/OrbbecSDK_v2, src/media/ros) and from the
definitions that its library carries: pictures lie in /cam/sensor_S/frameType_F, and what is told of a stream, with the
motion from depth to colour, in /cam/streamProfileType_T. Depth of the Femto cameras is in millimetres.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.camera.rigid import RigidTransform
from dphm_core.errors import SourceError
from dphm_core.frames import MILLIMETRE
from dphm_core.sources.bag import Bag, Fields
from dphm_core.sources.recorded_camera import (
    MAX_FPS,
    RecordedCamera,
    checked_camera,
    checked_motion,
    checked_number,
)

COLOR, DEPTH = 2, 3
"""Numbers of the sensors, and of their frames and streams."""
DEVICE_TOPIC, DISPARITY_TOPIC = "/cam/deviceInfo", "/cam/disparityParam"
FORWARD_MODELS = range(5)
"""Numbers of the lens models that Brown–Conrady's formula projects through; beyond them are fisheye lenses."""


class OrbbecBag(RecordedCamera):
    """An Orbbec camera that measures depth by itself, not by disparity, in a .bag."""

    kind = "orbbec recording"
    depth_topic = f"/cam/sensor_{DEPTH}/frameType_{DEPTH}"
    color_topic = f"/cam/sensor_{COLOR}/frameType_{COLOR}"
    unit_m = MILLIMETRE

    def __init__(self, bag: Bag) -> None:
        super().__init__(bag)
        self._has_pictures()
        if DISPARITY_TOPIC in bag.topics:
            raise SourceError("it is of an Orbbec camera that records disparities; use a Femto Bolt or Mega")
        self.label = self._name()
        depth, color = self._stream(DEPTH), self._stream(COLOR)
        self.depth_camera, self.color_camera = depth.camera, color.camera
        self.depth_to_color = checked_motion(depth.to_color.rotation, depth.to_color.translation_m)
        self.fps = checked_number(depth.fps, "frame rate", MAX_FPS)

    def _name(self) -> str:
        if DEVICE_TOPIC not in self._bag.topics:
            return "Orbbec camera"
        fields = Fields(self._bag.message(DEVICE_TOPIC, 0))
        fields.head_s()
        name, _, _ = fields.text(), fields.text(), fields.text()
        fields.numbers("H", 2)
        _, serial = fields.text(), fields.text()
        return f"Orbbec {name.removeprefix('Orbbec ')} {serial}".strip()[:80]

    def _stream(self, kind: int) -> Stream:
        topic = f"/cam/streamProfileType_{kind}"
        if topic not in self._bag.topics:
            raise SourceError("it lacks its calibration, which is written when a recording ends; record it again")
        fields = Fields(self._bag.message(topic, 0))
        fields.head_s()
        fields.numbers("B", 2)
        rotation, translation = fields.numbers("f", 9), fields.numbers("f", 3)
        width, height, fps = fields.numbers("H", 3)
        fx, fy, cx, cy = fields.numbers("f", 4)
        *k, p1, p2 = fields.numbers("f", 8)
        if fields.number("B") not in FORWARD_MODELS:
            raise SourceError("its lens is a fisheye, which is not supported; use a Femto Bolt or Mega")
        k1, k2, k3, k4, k5, k6 = k
        camera = Intrinsics(width, height, fx, fy, cx, cy, (k1, k2, k3, k4, k5, k6), (p1, p2))
        motion = RigidTransform(np.reshape(rotation, (3, 3)), np.array(translation) * MILLIMETRE)  # row by row
        return Stream(checked_camera(camera), float(fps), motion)


@dataclass(frozen=True)
class Stream:
    """What is told of a stream."""

    camera: Intrinsics
    """Of its pictures."""
    fps: float
    """Frames per second."""
    to_color: RigidTransform
    """To the colour camera's frame; unchecked, and zero but for depth."""
