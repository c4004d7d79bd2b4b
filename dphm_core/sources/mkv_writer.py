"""Writes frames as an Azure Kinect recording, which the SDK's playback opens and `MkvSource` reads back as they were.

One cluster per frame, as block times reach 33 ms from their cluster's.
"""

from __future__ import annotations

import logging
import struct
from dataclasses import replace
from pathlib import Path
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.camera.k4a_calibration import DepthMode
from dphm_core.camera.rays import check_image_size
from dphm_core.errors import OutputError
from dphm_core.frames import FloatArray
from dphm_core.sources.ebml import ATTACHMENTS, CLUSTER, CUES, INFO, SEGMENT, TAGS, TRACKS, element, header, text, uint
from dphm_core.sources.k4a_capture import COLOR_SIZES
from dphm_core.sources.mkv_head import (
    COLOR_TRACK,
    DEPTH_TRACK,
    FASTEST,
    attachment,
    ebml_head,
    seek_head,
    tags,
    tracks,
)
from dphm_core.sources.mkv_kinect import KinectLayout
from dphm_core.sources.mkv_layout import Arrangement, choose_layout
from dphm_core.sources.stack_file import JPEG_QUALITY, millimetres

log = logging.getLogger(__name__)

USEC = 1e6
LATEST_START_S = 4294.0
"""Device times begin with a 32-bit number of microseconds."""
PROGRAM = "DPHM Live"
SIMPLE_BLOCK, CUE_POINT, CUE_POSITIONS = 0xA3, 0xBB, 0xB7


class MkvWriter:
    """Writes one recording; a context manager, which finishes the file. Not under a temporary name: the caller's part.

    Parameters
    ----------
    path : Path
        The file; overwritten.
    intrinsics : Intrinsics
        Camera of both images.
    fps : float
        Nominal frames per second, 30 at most.
    depth_mode : DepthMode, optional
        Write depth as an Azure Kinect's own depth camera sees it, with less detail and without a trace of this program
        (see `KinectLayout`); by default as it is (see `MkvLayout`).
    device : str
        What is recorded, for people; kept as the file's title.

    Raises
    ------
    OutputError
        The format has no room for such frames.
    """

    def __init__(
        self, path: Path, intrinsics: Intrinsics, fps: float, depth_mode: DepthMode | None = None, device: str = ""
    ) -> None:
        if not 0 < fps < FASTEST:
            raise OutputError(
                f"an Azure Kinect recording has at most 30 frames per second, not {fps:g}; take every second one"
            )
        self._intrinsics, self._fps, self._depth_mode, self._device = intrinsics, fps, depth_mode, device
        self._layout: Arrangement | None = None
        self._cues: list[bytes] = []
        self._start_s = 0.0
        self._time_usec = -1
        self._lost = 0
        self._file = path.open("wb")

    def write(self, color: NDArray[np.uint8] | None, depth_m: FloatArray, timestamp_s: float) -> None:
        """Append a frame.

        Parameters
        ----------
        color : (H, W, 3) uint8, RGB, or None
            Where None, the frame has depth only.
        depth_m : (H, W) float32
            Metres, 0 where invalid; saved in whole millimetres, up to 65.534 m (beyond: invalid).
        timestamp_s : float
            Seconds, later than the last frame's.
        """
        check_image_size(depth_m, self._intrinsics, color)
        depth = millimetres(depth_m)
        layout = self._layout or self._begin(depth, timestamp_s)
        time_usec = round((timestamp_s - self._start_s) * USEC)
        if time_usec <= self._time_usec:
            raise OutputError(f"the frame at {timestamp_s:.6f} s is not later than the one before; convert to a folder")
        self._time_usec = time_usec
        cut = layout.cut_depth(depth)
        if layout.keeps_pixels:
            self._lost += np.count_nonzero(depth) - np.count_nonzero(cut)
        blocks = [] if color is None else [_block(COLOR_TRACK, _jpeg(color, COLOR_SIZES[layout.color_resolution]))]
        blocks.append(_block(DEPTH_TRACK, cut.astype(">u2").tobytes()))
        place = element(CUE_POSITIONS, uint(0xF7, DEPTH_TRACK), uint(0xF1, self._file.tell() - self._content))
        self._cues.append(element(CUE_POINT, uint(0xB3, time_usec), place))
        self._file.write(element(CLUSTER, uint(0xE7, time_usec), *blocks))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_exception: object) -> None:
        with self._file:
            if kind is None and self._layout is not None:
                self._finish()

    def _begin(self, depth: NDArray[np.uint16], timestamp_s: float) -> Arrangement:
        device_s = timestamp_s if 0 <= timestamp_s < LATEST_START_S else 0.0
        self._start_s, clock_s = timestamp_s, timestamp_s - device_s
        self._layout = layout = self._arrange(depth, clock_s)
        self._sections = (
            (TRACKS, tracks(layout)),
            (ATTACHMENTS, attachment(layout.calibration(self._intrinsics))),
            (TAGS, tags(layout, round(device_s * USEC) * 1000)),
        )
        self._file.write(ebml_head())
        self._segment = self._file.tell()
        self._write_head(0, 0)
        return layout

    def _arrange(self, depth: NDArray[np.uint16], clock_s: float) -> Arrangement:
        if self._depth_mode is not None:
            return KinectLayout(self._intrinsics, self._depth_mode, self._fps)
        layout = replace(choose_layout(depth, self._fps), clock_s=clock_s)
        if not layout.keeps_pixels:
            log.warning("depth is written at 1/%d of its resolution: the format has no more room", layout.step)
        return layout

    def _write_head(self, size: int, cues: int) -> None:
        """Write all that stands before the frames, at its place; the same length whatever the numbers are."""
        self._file.write(header(SEGMENT, size))
        self._content = self._file.tell()
        duration = struct.pack(">d", float(self._time_usec + 1e6 / self._fps))
        title = [text(0x7BA9, self._device)] if self._device else []
        info = [*title, uint(0x2AD7B1, 1000), text(0x4D80, PROGRAM), text(0x5741, PROGRAM), element(0x4489, duration)]
        sections = [element(INFO, *info), *(element(*section) for section in self._sections)]
        names = (INFO, *(name for name, _ in self._sections), CUES)
        place, places = len(seek_head(names, [0] * len(names))), []
        for section in sections:
            places.append(place)
            place += len(section)
        self._file.write(b"".join([seek_head(names, [*places, cues]), *sections]))

    def _finish(self) -> None:
        cues = self._file.tell() - self._content
        self._file.write(element(CUES, *self._cues))
        size = self._file.tell() - self._content
        self._file.seek(self._segment)
        self._write_head(size, cues)
        if self._lost:
            log.warning(
                "%d depth pixels (%.1f per frame) lay outside of what the format has room for, and are left out",
                *(self._lost, self._lost / len(self._cues)),
            )


def _block(track: int, content: bytes) -> bytes:
    """One image at its cluster's time, a key frame."""
    return element(SIMPLE_BLOCK, bytes((0x80 | track, 0, 0, 0x80)), content)


def _jpeg(color: NDArray[np.uint8], size: tuple[int, int]) -> bytes:
    """Encode a colour image in the upper left corner of one of this width and height."""
    canvas = np.zeros((size[1], size[0], 3), dtype=np.uint8)
    canvas[: color.shape[0], : color.shape[1]] = color[..., ::-1]
    encoded, content = cv2.imencode(".jpg", canvas, (cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY))
    if not encoded:
        raise OutputError(f"image of shape {color.shape} cannot be encoded as JPEG")
    return bytes(content)
