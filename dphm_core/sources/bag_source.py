"""Recordings of other cameras' own programs: Intel RealSense (.bag, .db3) and Orbbec (.bag), without their drivers."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dphm_core.errors import SourceError
from dphm_core.frames import RGBDFrame
from dphm_core.sources.bag import Bag
from dphm_core.sources.bag_database import DATABASE_MAGIC, BagDatabase
from dphm_core.sources.bag_file import BAG_MAGIC, BagFile
from dphm_core.sources.base import SourceInfo, UnreadableFrame
from dphm_core.sources.fields import first_bytes
from dphm_core.sources.folder import MAX_INDEX, NumberedSource
from dphm_core.sources.orbbec_recording import OrbbecBag
from dphm_core.sources.realsense_recording import RealSenseBag, RealSenseDatabase
from dphm_core.sources.recorded_camera import RecordedCamera, depth_of, rgb_of
from dphm_core.sources.registered_stream import RegisteredStream

log = logging.getLogger(__name__)

ORBBEC, OLD_ORBBEC, REALSENSE = "/cam/", "/cam0/", "/device_"
"""How the cameras' topics begin."""
PAIR_FRAMES = 0.6
"""Depth and colour are of one capture where they are no further apart than this many frames."""
Pairs = list[tuple[float, int, int]]
"""Time of the depth image, seconds, its number and its colour image's."""


class BagSource(NumberedSource):
    """Frames of a recording: each depth image with its colour image, numbered by their time.

    Every frame comes exactly once, and any of them can be gone to.

    Parameters
    ----------
    path : Path
        A .bag or .db3 file.

    Raises
    ------
    SourceError
        It is none of these cameras, or has no whole frame; the message says which and what to do.
    """

    def __init__(self, path: Path) -> None:
        self._indices: list[int] = []
        self._bag = _open_bag(path)
        try:
            self._start(path)
        except (SourceError, UnreadableFrame) as error:
            self.close()
            cure = "" if isinstance(error, SourceError) else "; record it again"
            raise SourceError(f"{path}: {error}{cure}") from error
        except BaseException:
            self.close()
            raise
        if self._bag.broken_off:
            log.warning(
                "%s was not written to its end, or is damaged: what is whole is read, %d frames",
                *(path, len(self._indices)),
            )

    def close(self) -> None:
        """Close the file; harmless when repeated."""
        super().close()
        self._bag.close()

    def _start(self, path: Path) -> None:
        self._camera = camera = _find_camera(self._bag)
        pairs = _pairs(self._bag, camera)
        if not pairs:
            raise SourceError("no depth image has a colour image of its time; record both together")
        self._indices = _numbered(pairs, camera.fps)
        self._pairs = dict(zip(self._indices, pairs, strict=True))
        self._stream = RegisteredStream(camera.depth_camera, camera.color_camera, camera.depth_to_color)
        length = self._indices[-1] + 1
        log.info("%s is of %s", path, camera.label)
        self.info = SourceInfo(camera.kind, path.name, camera.color_camera, camera.fps, length)

    def _read_frame(self, index: int) -> RGBDFrame:
        time_s, depth_number, color_number = self._pairs[index]
        try:
            depth = depth_of(self._camera.picture(self._camera.depth_topic, depth_number))
            color = rgb_of(self._camera.picture(self._camera.color_topic, color_number))
            return self._stream.frame(index, time_s, color, depth, self._camera.unit_m)
        except UnreadableFrame as damage:
            raise UnreadableFrame(f"frame {index}: {damage}") from damage


def _open_bag(path: Path) -> Bag:
    """Open a file by what it begins with; SourceError where it is neither kind."""
    magic = first_bytes(path, max(len(BAG_MAGIC), len(DATABASE_MAGIC)))
    if magic.startswith(BAG_MAGIC):
        return BagFile(path)
    if magic.startswith(DATABASE_MAGIC):
        return BagDatabase(path)
    what = "an empty file" if not magic else "no recording of a RealSense or Orbbec camera"
    raise SourceError(f"{path} is {what}; give one made with the RealSense Viewer or the Orbbec Viewer")


def _find_camera(bag: Bag) -> RecordedCamera:
    """The camera that a bag is of; SourceError where it is of none."""
    topics = set(bag.topics)
    if isinstance(bag, BagFile) and any(topic.startswith(ORBBEC) for topic in topics):
        return OrbbecBag(bag)
    if any(topic.startswith(REALSENSE) for topic in topics):
        return RealSenseBag(bag) if isinstance(bag, BagFile) else RealSenseDatabase(bag)
    if any(topic.startswith(OLD_ORBBEC) for topic in topics):
        raise SourceError("it is of Orbbec's SDK 1; record it again with the Orbbec Viewer of SDK 2")
    raise SourceError(
        "it is of no RealSense or Orbbec camera, or ends before its first picture; give one made with their viewers"
    )


def _pairs(bag: Bag, camera: RecordedCamera) -> Pairs:
    """Depth images with their colour images, in the order of their times."""
    topics = (camera.depth_topic, camera.color_topic)
    depth_s, color_s = (camera.times_s(topic) for topic in topics)
    pairs = _matched(depth_s, color_s, camera.fps)
    if not pairs:  # clocks of their own: when they were recorded must do
        depth_s, color_s = (bag.times_s(topic) for topic in topics)
        pairs = _matched(depth_s, color_s, camera.fps)
    if pairs and (alone := len(depth_s) - len(pairs)):
        log.warning("%d of %d depth images have no colour image of their time: left out", alone, len(depth_s))
    return pairs


def _matched(depth_s: NDArray[np.float64], color_s: NDArray[np.float64], fps: float) -> Pairs:
    """Each depth image with the nearest colour image, where that is near enough."""
    depths, colors = (np.argsort(times, kind="stable")[: np.isfinite(times).sum()] for times in (depth_s, color_s))
    if not len(colors):
        return []
    sorted_s = color_s[colors]
    after = np.searchsorted(sorted_s, depth_s[depths]).clip(1, max(len(colors) - 1, 1))
    before = after - 1
    after = after.clip(max=len(colors) - 1)
    nearest = np.where(sorted_s[after] - depth_s[depths] < depth_s[depths] - sorted_s[before], after, before)
    near = np.abs(sorted_s[nearest] - depth_s[depths]) <= PAIR_FRAMES / fps
    return [
        (float(depth_s[depth]), int(depth), int(colors[color]))
        for depth, color in zip(depths[near], nearest[near], strict=True)
    ]


def _numbered(pairs: Pairs, fps: float) -> list[int]:
    """Index of each frame by its time, rising, so that one that is missing leaves a gap."""
    indices: list[int] = []
    for time_s, _, _ in pairs:
        indices.append(max(round((time_s - pairs[0][0]) * fps), indices[-1] + 1 if indices else 0))
    if indices[-1] > MAX_INDEX:
        log.warning("its clock jumps: frames are numbered in their order")
        return list(range(len(pairs)))
    return indices
