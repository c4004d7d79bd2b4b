"""Intel RealSense in recordings: its driver's .bag (until 2.57) and .db3 (since 2.58), raw or packed.

What is known of the formats is from the driver's own recordings of a camera made of software, which the tests have,
and from its source (github.com/IntelRealSense/librealsense, src/media/ros). A .bag's times are in the pictures' heads;
a .db3's pictures are followed by a text of facts. Each stream tells its motion from one and the same frame.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.camera.rigid import RigidTransform
from dphm_core.errors import SourceError
from dphm_core.sources.bag import Bag, Fields
from dphm_core.sources.base import UnreadableFrame
from dphm_core.sources.realsense_pipeline import FORWARD_MODELS, brown_conrady
from dphm_core.sources.recorded_camera import (
    MAX_FPS,
    Picture,
    RecordedCamera,
    checked_camera,
    checked_motion,
    checked_number,
    read_picture,
)

DEVICE = "/device_0/"
STREAM = re.compile(r"/device_0/sensor_\d+/(Depth|Color)_\d+(?=/image/)")
UNITS = re.compile(r"/device_0/sensor_\d+/option/Depth[_ ]Units/value")
"""Older drivers leave the blank in an option's name."""
DEFAULT_UNIT_M = 1e-3
MAX_UNIT_M = 0.1
DEPTH_HEAD_BYTES = 12
"""Before the PNG of a packed depth image."""


class RealSenseRecording(RecordedCamera, ABC):
    """A RealSense in a bag of either version."""

    kind = "realsense recording"

    def __init__(self, bag: Bag) -> None:
        super().__init__(bag)
        streams = {match[1]: match[0] for topic in sorted(bag.topics, reverse=True) if (match := STREAM.match(topic))}
        depth, color = (streams.get(kind, f"{DEVICE}{kind}") for kind in ("Depth", "Color"))
        self.depth_topic, self.color_topic = self._pictures_of(depth), self._pictures_of(color)
        self._has_pictures()
        self.label = self._name()
        self.depth_camera, self.color_camera = (checked_camera(self._camera(stream)) for stream in (depth, color))
        self.depth_to_color = self._motion(color) @ self._motion(depth).inverse
        self.fps = checked_number(self._fps(depth), "frame rate", MAX_FPS)
        self.unit_m = checked_number(self._unit_m(), "depth unit", MAX_UNIT_M)

    @abstractmethod
    def _pictures_of(self, stream: str) -> str:
        """Topic of a stream's pictures."""

    @abstractmethod
    def _name(self) -> str:
        """The camera's name and serial number."""

    @abstractmethod
    def _camera(self, stream: str) -> Intrinsics:
        """What a file tells of a stream's camera, unchecked."""

    @abstractmethod
    def _motion(self, stream: str) -> RigidTransform:
        """From the frame that all streams share to that of a stream."""

    @abstractmethod
    def _fps(self, stream: str) -> float:
        """Frames per second of a stream."""

    @abstractmethod
    def _unit_m(self) -> float:
        """Unit of depth, metres."""

    def _fields(self, topic: str, number: int = 0, *, aligned: bool) -> Fields:
        """The fields of a message that there must be."""
        if topic not in self._bag.topics:
            raise SourceError(f"it lacks {topic.removeprefix(DEVICE)}, which must be there; record it again")
        return Fields(self._bag.message(topic, number), aligned=aligned)

    def _topic_like(self, pattern: re.Pattern[str]) -> str | None:
        return next((topic for topic in self._bag.topics if pattern.fullmatch(topic)), None)


class RealSenseBag(RealSenseRecording):
    """A RealSense in a .bag."""

    def _pictures_of(self, stream: str) -> str:
        return f"{stream}/image/data"

    def _name(self) -> str:
        told = {}
        topic = f"{DEVICE}info"
        for number in range(len(self._bag.times_s(topic)) if topic in self._bag.topics else 0):
            fields = self._fields(topic, number, aligned=False)
            key = fields.text()
            told[key] = fields.text()
        return _label(told)

    def _camera(self, stream: str) -> Intrinsics:
        fields = self._fields(f"{stream}/info/camera_info", aligned=False)
        fields.head_s()
        height, width = fields.numbers("I", 2)
        model, lens = fields.text(), fields.numbers("d", fields.number("I") % 16)
        fx, _, cx, _, fy, cy = fields.numbers("d", 6)
        return _intrinsics((width, height), (fx, fy, cx, cy), model, lens)

    def _motion(self, stream: str) -> RigidTransform:
        topic = self._topic_like(re.compile(re.escape(stream) + r"/tf/\d+"))
        fields = self._fields(topic or f"{stream}/tf", aligned=False)
        translation, turn = fields.numbers("d", 3), fields.numbers("d", 4)
        if not 0.5 < float(np.linalg.norm(turn)) < 2.0:  # also NaN
            raise SourceError("where its two cameras are to each other cannot be; record it again")
        return checked_motion(Rotation.from_quat(turn).as_matrix(), np.array(translation))

    def _fps(self, stream: str) -> float:
        return float(self._fields(f"{stream}/info", aligned=False).number("I"))

    def _unit_m(self) -> float:
        topic = self._topic_like(UNITS)
        return DEFAULT_UNIT_M if topic is None else self._fields(topic, aligned=False).number("f")


class RealSenseDatabase(RealSenseRecording):
    """A RealSense in a .db3."""

    def times_s(self, topic: str) -> NDArray[np.float64]:
        """(N,) float64 device times of a topic's pictures, seconds; NaN where one is damaged, or not told of."""
        facts = f"{topic[: topic.index('/image/')]}/image/metadata"
        if facts not in self._bag.topics:
            return np.full(len(self._bag.times_s(topic)), np.nan)
        told = dict(zip(self._bag.times_s(facts), super().times_s(facts), strict=True))  # by when it was recorded
        return np.array([told.get(recorded_s, np.nan) for recorded_s in self._bag.times_s(topic)])

    def picture(self, topic: str, number: int) -> Picture:
        """Read a picture."""
        fields = Fields(self._bag.message(topic, number), aligned=True)
        fields.numbers("I", 2)  # when it was recorded
        fields.text()
        if topic.endswith(("/compressed", "/compressedDepth")):
            encoding, content = fields.text(), fields.blob()
            return Picture(0, 0, 0, encoding, content[DEPTH_HEAD_BYTES:] if topic.endswith("Depth") else content)
        return read_picture(fields)

    def _time_s(self, topic: str, number: int) -> float:
        return _numbers(self._facts(topic, number), "timestamp", 1)[0] * 1e-3

    def _pictures_of(self, stream: str) -> str:
        raw = f"{stream}/image/data"
        return next((name for name in (f"{raw}/compressed", f"{raw}/compressedDepth") if name in self._bag.topics), raw)

    def _name(self) -> str:
        topic = f"{DEVICE}info"
        return _label(self._facts(topic) if topic in self._bag.topics else {})

    def _camera(self, stream: str) -> Intrinsics:
        told = self._facts(f"{stream}/camera_info")
        sizes = _numbers(told, "width", 1) + _numbers(told, "height", 1)
        width, height = (int(size) if 0 < size < 1e6 else 0 for size in sizes)
        fx, fy, cx, cy = (_numbers(told, name, 1)[0] for name in ("fx", "fy", "ppx", "ppy"))
        return _intrinsics((width, height), (fx, fy, cx, cy), told.get("model", ""), _numbers(told, "coeffs", 5))

    def _motion(self, stream: str) -> RigidTransform:
        topic = self._topic_like(re.compile(re.escape(stream) + r"/tf/ref_\d+"))
        told = self._facts(topic or f"{stream}/tf")
        rotation = np.reshape(_numbers(told, "rotation", 9), (3, 3), order="F")
        return checked_motion(rotation, np.array(_numbers(told, "translation", 3)))

    def _fps(self, stream: str) -> float:
        return _numbers(self._facts(f"{stream}/info"), "fps", 1)[0]

    def _unit_m(self) -> float:
        topic = self._topic_like(UNITS)
        if topic is None:
            return DEFAULT_UNIT_M
        return _numbers({"depth unit": self._fields(topic, aligned=True).text()}, "depth unit", 1)[0]

    def _facts(self, topic: str, number: int = 0) -> dict[str, str]:
        """Names and values of a text such as "fx=60;fy=60"."""
        pairs = (fact.partition("=") for fact in self._fields(topic, number, aligned=True).text().split(";"))
        return {name: value for name, _, value in pairs}


def _numbers(told: Mapping[str, str], name: str, count: int) -> tuple[float, ...]:
    """So many numbers out of a text of facts."""
    try:
        numbers = tuple(float(number) for number in told[name].split(","))
    except (KeyError, ValueError) as error:
        raise UnreadableFrame(f"'{name}' is missing or no number") from error
    if len(numbers) != count:
        raise UnreadableFrame(f"'{name}' has {len(numbers)} numbers, not {count}")
    return numbers


def _label(told: Mapping[str, str]) -> str:
    name = told.get("Name", "RealSense").removeprefix("Intel ")
    return f"{name} {told.get('Serial Number', '')}".strip()[:80]


def _intrinsics(
    size: tuple[int, int], pinhole: tuple[float, float, float, float], model: str, lens: tuple[float, ...]
) -> Intrinsics:
    """A camera of what a file tells of it, unchecked but for the kind of its lens."""
    if model.lower().replace(" ", "_") not in FORWARD_MODELS:
        raise SourceError(f"its lens is of the kind {model[:40]!r}, which is not supported; use a D400")
    return brown_conrady(size, pinhole, lens)
