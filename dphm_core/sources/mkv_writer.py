"""Writes frames as an Azure Kinect recording, which the SDK's playback opens and `MkvSource` reads back as they were.

Every track must be V_MS/VFW/FOURCC with a BITMAPINFOHEADER, or the SDK refuses the file; one cluster per frame, as
block times reach 33 ms from their cluster's.
"""

from __future__ import annotations

import logging
import struct
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.errors import OutputError
from dphm_core.frames import FloatArray
from dphm_core.sources.ebml import (
    ATTACHMENTS,
    CLUSTER,
    CUES,
    EBML_MAGIC,
    INFO,
    SEEK_HEAD,
    SEGMENT,
    TAGS,
    TRACKS,
    element,
    header,
    text,
    uint,
)
from dphm_core.sources.k4a_capture import COLOR_SIZES
from dphm_core.sources.mkv_layout import MkvLayout, choose_layout, layout_calibration
from dphm_core.sources.stack_file import JPEG_QUALITY, millimetres

log = logging.getLogger(__name__)

USEC = 1e6
FRAME_RATES = (5, 15, 30)
"""Those that the SDK knows; a recording tells the next higher one."""
FASTEST = 30.9
"""The SDK rounds down, and lays frames together that follow each other more quickly."""
LATEST_START_S = 4294.0
"""Device times begin with a 32-bit number of microseconds."""
COLOR_TRACK, DEPTH_TRACK, CALIBRATION_UID = 1, 2, 3
CALIBRATION_NAME = "calibration.json"
PROGRAM, DOCUMENT = "DPHM Live", "matroska"

SEEK, TRACK_ENTRY, VIDEO, ATTACHED_FILE, TAG, TAG_TARGETS, SIMPLE_TAG, SIMPLE_BLOCK, CUE_POINT, CUE_POSITIONS = (
    *(0x4DBB, 0xAE, 0xE0, 0x61A7, 0x7373, 0x63C0),
    *(0x67C8, 0xA3, 0xBB, 0xB7),
)


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

    Raises
    ------
    OutputError
        The format has no room for such frames.
    """

    def __init__(self, path: Path, intrinsics: Intrinsics, fps: float) -> None:
        if not 0 < fps < FASTEST:
            raise OutputError(
                f"an Azure Kinect recording has at most 30 frames per second, not {fps:g}; take every second one"
            )
        self._intrinsics, self._fps = intrinsics, fps
        self._layout: MkvLayout | None = None
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
        size = (self._intrinsics.height, self._intrinsics.width)
        if depth_m.shape != size or (color is not None and color.shape != (*size, 3)):
            raise ValueError(f"frame of shape {depth_m.shape} does not fit the recording's {size}")
        depth = millimetres(depth_m)
        layout = self._layout or self._begin(depth, timestamp_s)
        time_usec = round((timestamp_s - self._start_s) * USEC)
        if time_usec <= self._time_usec:
            raise OutputError(f"the frame at {timestamp_s:.6f} s is not later than the one before; convert to a folder")
        self._time_usec = time_usec
        cut = layout.cut_depth(depth)
        if layout.step == 1:
            self._lost += np.count_nonzero(depth) - np.count_nonzero(cut)
        blocks = [] if color is None else [_block(COLOR_TRACK, _jpeg(color, COLOR_SIZES[layout.color_resolution]))]
        blocks.append(_block(DEPTH_TRACK, cut.astype(">u2").tobytes()))
        place = element(CUE_POSITIONS, uint(0xF7, DEPTH_TRACK), uint(0xF1, self._file.tell() - self._content))
        self._cues.append(element(CUE_POINT, uint(0xB3, time_usec), place))
        self._file.write(element(CLUSTER, uint(0xE7, time_usec), *blocks))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._file:
            if kind is None and self._layout is not None:
                self._finish()

    def _begin(self, depth: NDArray[np.uint16], timestamp_s: float) -> MkvLayout:
        layout = choose_layout(depth, self._fps)
        self._start_s = timestamp_s
        device_s = timestamp_s if 0 <= timestamp_s < LATEST_START_S else 0.0
        self._layout = layout = replace(layout, clock_s=timestamp_s - device_s)
        if layout.step > 1:
            log.warning("depth is written at 1/%d of its resolution: the format has no more room", layout.step)
        self._sections = (
            (TRACKS, _tracks(layout)),
            (ATTACHMENTS, _attachment(layout_calibration(layout, self._intrinsics))),
            (TAGS, _tags(layout, round(device_s * USEC) * 1000)),
        )
        self._file.write(_ebml_head())
        self._segment = self._file.tell()
        self._write_head(0, 0)
        return layout

    def _write_head(self, size: int, cues: int) -> None:
        """Write all that stands before the frames, at its place; the same length whatever the numbers are."""
        self._file.write(header(SEGMENT, size))
        self._content = self._file.tell()
        duration = struct.pack(">d", float(self._time_usec + 1e6 / self._fps))
        info = [uint(0x2AD7B1, 1000), text(0x4D80, PROGRAM), text(0x5741, PROGRAM), element(0x4489, duration)]
        sections = [element(INFO, *info), *(element(*section) for section in self._sections)]
        names = (INFO, *(name for name, _ in self._sections), CUES)
        place, places = len(_seek_head(names, [0] * len(names))), []
        for section in sections:
            places.append(place)
            place += len(section)
        self._file.write(b"".join([_seek_head(names, [*places, cues]), *sections]))

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


def _seek_head(names: tuple[int, ...], places: list[int]) -> bytes:
    entries = (
        element(SEEK, element(0x53AB, name.to_bytes(4, "big")), uint(0x53AC, place, 8))
        for name, place in zip(names, places, strict=True)
    )
    return element(SEEK_HEAD, *entries)


def _ebml_head() -> bytes:
    versions = uint(0x4286, 1), uint(0x42F7, 1), uint(0x4287, 2), uint(0x4285, 2)
    return element(
        int.from_bytes(EBML_MAGIC, "big"), *versions, uint(0x42F2, 4), uint(0x42F3, 8), text(0x4282, DOCUMENT)
    )


def _tracks(layout: MkvLayout) -> bytes:
    rate = next(rate for rate in FRAME_RATES if layout.fps < rate + FASTEST - FRAME_RATES[-1])
    period_ns = 10**9 // rate  # rounded up it is refused
    color = _track(COLOR_TRACK, "COLOR", b"MJPG", 24, COLOR_SIZES[layout.color_resolution], period_ns)
    return color + _track(DEPTH_TRACK, "DEPTH", b"b16g", 16, layout.depth_size, period_ns)


def _track(number: int, name: str, fourcc: bytes, bits: int, size: tuple[int, int], period_ns: int) -> bytes:
    width, height = size
    raw_bytes = 0 if fourcc == b"MJPG" else width * height * bits // 8
    bitmap = struct.pack("<IiiHH4sIiiII", 40, width, height, 1, bits, fourcc, raw_bytes, 0, 0, 0, 0)
    return element(
        TRACK_ENTRY,
        *(uint(0xD7, number), uint(0x73C5, number, 8), uint(0x83, 1), text(0x86, "V_MS/VFW/FOURCC")),
        *(text(0x536E, name), element(0x63A2, bitmap), uint(0x23E383, period_ns)),
        element(VIDEO, uint(0xB0, width), uint(0xBA, height)),
    )


def _attachment(calibration: bytes) -> bytes:
    name, kind = text(0x466E, CALIBRATION_NAME), text(0x4660, "application/octet-stream")
    return element(ATTACHED_FILE, name, kind, element(0x465C, calibration), uint(0x46AE, CALIBRATION_UID, 8))


def _tags(layout: MkvLayout, start_ns: int) -> bytes:
    color_mode = f"MJPG_{layout.color_resolution.removeprefix('RES_')}"
    color, depth = uint(0x63C5, COLOR_TRACK, 8), uint(0x63C5, DEPTH_TRACK, 8)
    tags = (
        ("K4A_COLOR_TRACK", str(COLOR_TRACK), color),
        ("K4A_COLOR_MODE", color_mode, color),
        ("K4A_DEPTH_TRACK", str(DEPTH_TRACK), depth),
        ("K4A_DEPTH_MODE", layout.depth_mode.name, depth),
        ("K4A_CALIBRATION_FILE", CALIBRATION_NAME, uint(0x63C6, CALIBRATION_UID, 8)),
        ("K4A_DEPTH_DELAY_NS", "0", b""),
        ("K4A_WIRED_SYNC_MODE", "STANDALONE", b""),
        ("K4A_START_OFFSET_NS", str(start_ns), b""),
    )
    return b"".join(
        element(TAG, element(TAG_TARGETS, target), element(SIMPLE_TAG, text(0x45A3, name), text(0x4487, value)))
        for name, value, target in tags
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
