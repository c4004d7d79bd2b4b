"""Decoding the image files of a recording, with every way in which one can be damaged told as UnreadableFrame."""

from __future__ import annotations

import stat
import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dphm_core.sources.base import UnreadableFrame
from dphm_core.sources.fields import MAX_SIDE

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
PNG_END = b"IEND"
PNG_CHUNK_FRAME = 12
"""Bytes of a chunk's size and name before, and of its checksum behind its content."""
JPEG_MAGIC = b"\xff\xd8\xff"
JPEG_END = b"\xff\xd9"
JPEG_PADDING = 64
"""Bytes that a camera may append after a JPEG's end marker."""
JPEG_MARKER = 0xFF
JPEG_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
"""Kinds of segments that tell the size."""
JPEG_SIZE_END = 9
"""Bytes of such a segment up to and with the size."""
MAX_FILE_BYTES = 256 << 20


def read_color(path: Path) -> NDArray[np.uint8]:
    """Read a PNG or JPEG as (H, W, 3) uint8, RGB."""
    return decode_color(_read(path), path.name)


def decode_color(content: bytes, name: str) -> NDArray[np.uint8]:
    """Decode a PNG or JPEG to (H, W, 3) uint8, RGB; `name` is for the message."""
    # cv2 fills the missing part of a cut JPEG with grey and calls it read.
    if content.startswith(JPEG_MAGIC) and JPEG_END not in content[-JPEG_PADDING:]:
        raise UnreadableFrame(f"{name} is a JPEG that is cut off")
    bgr = _decode(content, name, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def read_depth(path: Path) -> NDArray[np.uint16]:
    """Read a one-channel 16-bit PNG as (H, W) uint16, in the file's own unit."""
    return decode_depth(_read(path), path.name)


def decode_depth(content: bytes, name: str) -> NDArray[np.uint16]:
    """Decode a one-channel 16-bit PNG to (H, W) uint16, in its own unit; `name` is for the message."""
    depth = _decode(content, name, cv2.IMREAD_UNCHANGED)
    if depth.dtype != np.uint16:
        raise UnreadableFrame(f"{name} is an {8 * depth.itemsize}-bit image; depth must be 16-bit")
    if depth.ndim != 2:
        raise UnreadableFrame(f"{name} has {depth.shape[2]} channels; depth must have one")
    return depth


def _read(path: Path) -> bytes:
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode):  # a pipe would never end, nor would a link to /dev/zero
            raise UnreadableFrame(f"{path.name} is no file")
        if facts.st_size > MAX_FILE_BYTES:
            raise UnreadableFrame(f"{path.name} is larger than {MAX_FILE_BYTES >> 20} MiB")
        return path.read_bytes()
    except OSError as error:
        raise UnreadableFrame(f"{path.name}: {error.strerror or error}") from error


def _decode(content: bytes, name: str, flags: int) -> NDArray[Any]:
    if not content.startswith((PNG_MAGIC, JPEG_MAGIC)):
        raise UnreadableFrame(f"{name} is {'empty' if not content else 'not a PNG or JPEG'}")
    if content.startswith(PNG_MAGIC):
        _check_png(content, name)
    else:
        _check_jpeg_size(content, name)
    try:
        image = cv2.imdecode(np.frombuffer(content, dtype=np.uint8), flags)
    except cv2.error as error:
        raise UnreadableFrame(f"{name} cannot be decoded: {error.err}") from error
    if image is None:
        raise UnreadableFrame(f"{name} is damaged")
    return image


def _check_png(content: bytes, name: str) -> None:
    """Look at the size before the decoder allocates it, and for damage, at which it writes to standard error."""
    if len(content) < 24:
        raise UnreadableFrame(f"{name} is cut off")
    width, height = struct.unpack(">II", content[16:24])
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE):
        raise UnreadableFrame(f"{name} claims a size of {width}x{height}")
    start, kind = len(PNG_MAGIC), b""
    while kind != PNG_END:
        size, kind = struct.unpack_from(">I4s", content, start) if start + PNG_CHUNK_FRAME <= len(content) else (0, b"")
        end = start + PNG_CHUNK_FRAME + size
        if not kind or end > len(content):
            raise UnreadableFrame(f"{name} is cut off")
        if zlib.crc32(memoryview(content)[start + 4 : end - 4]) != int.from_bytes(content[end - 4 : end], "big"):
            raise UnreadableFrame(f"{name} is damaged")
        start = end


def _check_jpeg_size(content: bytes, name: str) -> None:
    """Look at the size before the decoder allocates it."""
    start = len(JPEG_MAGIC) - 1
    while start + JPEG_SIZE_END <= len(content) and content[start] == JPEG_MARKER:
        kind, length = content[start + 1], int.from_bytes(content[start + 2 : start + 4], "big")
        if kind in JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", content, start + 5)
            if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE):
                raise UnreadableFrame(f"{name} claims a size of {width}x{height}")
            return
        start += 1 if kind == JPEG_MARKER else 2 + length  # a marker may be preceded by more of its first byte
    raise UnreadableFrame(f"{name} is damaged: it does not tell its size")
