"""A camera with two eyes in a recording: what its streams' layouts in bags have in common, and its pictures."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.camera.rigid import RigidTransform
from dphm_core.errors import SourceError
from dphm_core.sources.bag import Bag, Fields
from dphm_core.sources.base import UnreadableFrame
from dphm_core.sources.fields import MAX_SIDE
from dphm_core.sources.images import JPEG_MAGIC, PNG_MAGIC, decode_color, decode_depth
from dphm_core.sources.registered_stream import is_sensible

MAX_PIXELS = 4096 * 4096
"""Of an image; the cameras give half as many."""
MAX_FPS = 1000
CONVERSIONS = {
    "rgb8": (3, None),
    "bgr8": (3, cv2.COLOR_BGR2RGB),
    "rgba8": (4, cv2.COLOR_RGBA2RGB),
    "bgra8": (4, cv2.COLOR_BGRA2RGB),
    "yuyv": (2, cv2.COLOR_YUV2RGB_YUY2),
    "yuy2": (2, cv2.COLOR_YUV2RGB_YUY2),
    "yuv422": (2, cv2.COLOR_YUV2RGB_UYVY),
    "uyvy": (2, cv2.COLOR_YUV2RGB_UYVY),
}
"""Channels, and OpenCV's conversion to RGB, by the name of the encoding in small letters."""
DEPTH_ENCODINGS = {"mono16", "16uc1", "z16", "y16"}


@dataclass(frozen=True)
class Picture:
    """An image as it was recorded."""

    width: int
    """Pixels."""
    height: int
    """Pixels."""
    step: int
    """Bytes from row to row."""
    encoding: str
    """The recorder's name of it."""
    content: bytes | memoryview
    """Its rows, or a PNG or JPEG file."""
    swapped: bool = False
    """Whether the higher byte of a number comes first."""


class RecordedCamera:
    """Depth and colour of one camera in a bag, whose pictures are messages with a head, as in every .bag.

    Raises
    ------
    SourceError
        On making it: the recording does not tell what it must, or what cannot be.
    """

    kind: str
    """Of the source."""
    label: str
    """The camera's name and serial number."""
    depth_camera: Intrinsics
    color_camera: Intrinsics
    depth_to_color: RigidTransform
    fps: float
    unit_m: float
    """Of the depth image, metres."""
    depth_topic: str
    color_topic: str

    def __init__(self, bag: Bag) -> None:
        self._bag = bag

    def times_s(self, topic: str) -> NDArray[np.float64]:
        """(N,) float64 device times of a topic's pictures, seconds; NaN where one is damaged."""
        times_s = np.full(len(self._bag.times_s(topic)), np.nan)
        for number in range(len(times_s)):
            with suppress(UnreadableFrame):
                times_s[number] = self._time_s(topic, number)
        return np.where(np.isfinite(times_s), times_s, np.nan)

    def picture(self, topic: str, number: int) -> Picture:
        """Read a picture; UnreadableFrame where it is damaged."""
        fields = Fields(self._bag.message(topic, number))
        fields.head_s()
        return read_picture(fields)

    def _time_s(self, topic: str, number: int) -> float:
        """Device time that a picture's message tells, seconds; UnreadableFrame where it is damaged."""
        return Fields(self._bag.beginning(topic, number)).head_s()

    def _has_pictures(self) -> None:
        for name, topic in (("depth", self.depth_topic), ("colour", self.color_topic)):
            if topic not in self._bag.topics:
                raise SourceError(f"it holds no {name} images; record depth and colour together")


def checked_camera(camera: Intrinsics) -> Intrinsics:
    """Check a camera that a file tells of; SourceError where it cannot be."""
    size = f"{camera.width}x{camera.height}"
    if (
        not (0 < camera.width <= MAX_SIDE and 0 < camera.height <= MAX_SIDE)
        or camera.width * camera.height > MAX_PIXELS
    ):
        raise SourceError(f"it claims images of {size}; record it again")
    if not is_sensible(camera) or not (0 < camera.cx < camera.width and 0 < camera.cy < camera.height):
        raise SourceError(
            f"its calibration (focal lengths {camera.fx:g}, {camera.fy:g}, centre {camera.cx:g}, {camera.cy:g}) cannot "
            f"be for images of {size}; record it again"
        )
    return camera


def checked_number(value: float, name: str, high: float) -> float:
    """Check a number above zero that a file tells of; SourceError where it cannot be."""
    if not 0 < value <= high:
        raise SourceError(f"its {name} is {value:g}, which cannot be; record it again")
    return float(value)


def checked_motion(rotation: NDArray[np.float64], translation_m: NDArray[np.float64]) -> RigidTransform:
    """Check the motion from one camera to the other, (3, 3) and (3,) in metres; SourceError where it is none."""
    turned = np.abs(rotation @ rotation.T - np.eye(3)).max() if np.isfinite(rotation).all() else math.inf
    if not turned < 1e-2 or not np.abs(translation_m).max() < 1.0:  # also NaN
        raise SourceError("where its two cameras are to each other cannot be; record it again")
    return RigidTransform(rotation, translation_m)


def read_picture(fields: Fields) -> Picture:
    """Read what follows the head of an image's message."""
    height, width = fields.numbers("I", 2)
    encoding, swapped, step = fields.text(), fields.number("B") != 0, fields.number("I")
    return Picture(width, height, step, encoding, fields.blob(), swapped)


def depth_of(picture: Picture) -> NDArray[np.uint16]:
    """(H, W) uint16 depth image; UnreadableFrame where it is damaged or none."""
    content = bytes(picture.content)
    if content.startswith(PNG_MAGIC):
        return decode_depth(content, "a depth image")
    if picture.encoding.lower() not in DEPTH_ENCODINGS:
        raise UnreadableFrame(f"depth is encoded as {picture.encoding[:20]!r}, which is not supported")
    rows = _rows(picture, 2)
    return rows.view(">u2" if picture.swapped else "<u2").astype(np.uint16).reshape(picture.height, picture.width)


def rgb_of(picture: Picture) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 colour image; UnreadableFrame where it is damaged or of an unknown encoding."""
    content = bytes(picture.content)
    if content.startswith((PNG_MAGIC, JPEG_MAGIC)):
        return decode_color(content, "a colour image")
    if picture.encoding.lower() not in CONVERSIONS:
        raise UnreadableFrame(
            f"colour is encoded as {picture.encoding[:20]!r}, which is not supported; record it as RGB or MJPG"
        )
    channels, conversion = CONVERSIONS[picture.encoding.lower()]
    pixels = _rows(picture, channels).reshape(picture.height, picture.width, channels)
    if conversion is None:
        return pixels
    try:
        return np.asarray(cv2.cvtColor(pixels, conversion), dtype=np.uint8)
    except cv2.error as error:  # an odd number of columns in pairs
        raise UnreadableFrame(f"a colour image cannot be converted: {error.err}") from error


def _rows(picture: Picture, pixel_bytes: int) -> NDArray[np.uint8]:
    """(H, W * pixel_bytes) uint8: the rows without what fills them up."""
    width_bytes = picture.width * pixel_bytes
    step = max(picture.step, width_bytes)
    content = np.frombuffer(picture.content, np.uint8)
    if width_bytes == 0 or picture.height == 0 or content.size < step * picture.height:
        raise UnreadableFrame(f"an image has {content.size} bytes, too few for {picture.width}x{picture.height}")
    return np.ascontiguousarray(content[: step * picture.height].reshape(picture.height, step)[:, :width_bytes])
