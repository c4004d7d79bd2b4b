"""What stands before the frames in an Azure Kinect recording: tracks, calibration, tags and where they are.

Every track must be V_MS/VFW/FOURCC with a BITMAPINFOHEADER, or the SDK refuses the file.
"""

from __future__ import annotations

import struct

from dphm_core.sources.ebml import EBML_MAGIC, SEEK_HEAD, element, text, uint
from dphm_core.sources.k4a_capture import COLOR_SIZES
from dphm_core.sources.mkv_layout import Arrangement

FRAME_RATES = (5, 15, 30)
"""Those that the SDK knows; a recording tells the next higher one."""
FASTEST = 30.9
"""The SDK rounds down, and lays frames together that follow each other more quickly."""
COLOR_TRACK, DEPTH_TRACK, CALIBRATION_UID = 1, 2, 3
CALIBRATION_NAME, DOCUMENT = "calibration.json", "matroska"

SEEK, TRACK_ENTRY, VIDEO, ATTACHED_FILE, TAG, TAG_TARGETS, SIMPLE_TAG = (
    *(0x4DBB, 0xAE, 0xE0, 0x61A7),
    *(0x7373, 0x63C0, 0x67C8),
)


def seek_head(names: tuple[int, ...], places: list[int]) -> bytes:
    """Encode where a recording's parts begin, bytes from the segment's content."""
    entries = (
        element(SEEK, element(0x53AB, name.to_bytes(4, "big")), uint(0x53AC, place, 8))
        for name, place in zip(names, places, strict=True)
    )
    return element(SEEK_HEAD, *entries)


def ebml_head() -> bytes:
    """Encode what every Matroska file begins with."""
    versions = uint(0x4286, 1), uint(0x42F7, 1), uint(0x4287, 2), uint(0x4285, 2)
    return element(
        int.from_bytes(EBML_MAGIC, "big"), *versions, uint(0x42F2, 4), uint(0x42F3, 8), text(0x4282, DOCUMENT)
    )


def tracks(layout: Arrangement) -> bytes:
    """Encode the tracks of colour and depth."""
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


def attachment(calibration: bytes) -> bytes:
    """Encode the file that holds the factory calibration."""
    name, kind = text(0x466E, CALIBRATION_NAME), text(0x4660, "application/octet-stream")
    return element(ATTACHED_FILE, name, kind, element(0x465C, calibration), uint(0x46AE, CALIBRATION_UID, 8))


def tags(layout: Arrangement, start_ns: int) -> bytes:
    """Encode how the camera was set; `start_ns` is its clock at the first frame."""
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
