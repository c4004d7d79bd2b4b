"""The file of a live recording, `frames.stack`: a header and a record per frame, only ever appended to.

Little-endian::

    file    magic (8 bytes) | size of the header (uint32) | its CRC-32 (uint32) | header (JSON: version, width, height,
            fps, device) | record | record | … | table of contents, once it is finished (`stack_index`)
    record  marker (8 bytes) | index (uint64) | timestamp, seconds (float64) | size of the colour (uint32) | size of the
            depth (uint32) | CRC-32 of both (uint32) | CRC-32 of this header up to here (uint32) | colour | depth

Colour is a JPEG, or absent (size 0). Depth is in whole millimetres (uint16, 0: none), of which each pixel's difference
to its left neighbour is taken, folded (0, -1, 1, -2, … → 0, 1, 2, 3, …), split into low and high bytes and compressed
by Zstandard: 2–4 ms and 60–200 kB at 720p, where a PNG of the same size takes 12–18 ms (one core). Whatever part of the
file is lost or damaged, every record that is whole can be found by its marker.
"""

from __future__ import annotations

import json
import math
import struct
import zlib
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import zstandard
from numpy.typing import NDArray

from dphm_core.errors import SourceError
from dphm_core.frames import MM_PER_M, FloatArray
from dphm_core.sources.base import UnreadableFrame
from dphm_core.sources.fields import MAX_SIDE

STACK_FILE = "frames.stack"
"""Its name in a recording's folder."""
MAGIC: Final = b"\x89DPHMSTK"
MARKER: Final = b"\xf3FRAME\r\n"
VERSION = 1
MAX_HEADER_BYTES = 64 << 10
MAX_IMAGE_BYTES = 256 << 20
"""Largest compressed image: as much as the largest raw one."""
JPEG_QUALITY = 95
ZSTD_LEVEL = 1
"""The next levels take twice as long for a twentieth less."""
INVALID_BEYOND = 65534
"""Largest depth, millimetres: what does not fit saturates just above."""

_FILE_HEADER: Final = struct.Struct("<8sII")
_RECORD: Final = struct.Struct("<8sQdIII")
_CRC: Final = struct.Struct("<I")
RECORD_HEADER_BYTES: Final = _RECORD.size + _CRC.size


@dataclass(frozen=True)
class StackHeader:
    """Facts about all frames of a file."""

    width: int
    """Pixels, of both images."""
    height: int
    """Pixels."""
    fps: float
    """Nominal frames per second."""
    device: str
    """What was recorded, for people."""

    def encode(self) -> bytes:
        """Begin of the file."""
        content = json.dumps({"version": VERSION, **asdict(self)}).encode()
        return _FILE_HEADER.pack(MAGIC, len(content), zlib.crc32(content)) + content


@dataclass(frozen=True)
class RecordHeader:
    """What stands before a frame's images."""

    index: int
    """Frame index."""
    timestamp_s: float
    """Seconds."""
    color_bytes: int
    """0: no colour."""
    depth_bytes: int
    crc: int
    """Of both images' bytes."""

    @property
    def size(self) -> int:
        """Bytes of the whole record."""
        return RECORD_HEADER_BYTES + self.color_bytes + self.depth_bytes

    @property
    def sensible(self) -> bool:
        """Whether it may be true."""
        return max(self.color_bytes, self.depth_bytes) <= MAX_IMAGE_BYTES and math.isfinite(self.timestamp_s)


def file_header_size(start: bytes) -> int:
    """Bytes before the first record, told by the file's first 16; SourceError where it is no such file."""
    if len(start) < _FILE_HEADER.size or not start.startswith(MAGIC):
        raise SourceError("is not a recording of this program, or was cut off at its beginning; copy it again")
    size = _FILE_HEADER.unpack_from(start)[1]
    if size > MAX_HEADER_BYTES:
        raise SourceError(f"is damaged (it claims a header of {size} bytes); copy it again")
    return _FILE_HEADER.size + size


def decode_file_header(content: bytes) -> StackHeader:
    """Decode the file's beginning, up to the first record; SourceError where it is damaged or of a later version."""
    _, size, crc = _FILE_HEADER.unpack_from(content)
    text = content[_FILE_HEADER.size :]
    if len(text) != size or zlib.crc32(text) != crc:
        raise SourceError("is damaged at its beginning; copy it again")
    try:
        fields = json.loads(text)
        if fields["version"] != VERSION:
            raise SourceError(
                f"has format {fields['version']!r:.20}, which this version does not know; update this program"
            )
        header = StackHeader(*(fields[name] for name in ("width", "height", "fps", "device")))
        sizes = all(type(side) is int and 0 < side <= MAX_SIDE for side in (header.width, header.height))
        sensible = sizes and 0.01 <= header.fps <= 1000 and isinstance(header.device, str)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise SourceError(f"has a header that makes no sense ({error}); copy it again") from error
    if not sensible:
        raise SourceError("has a header that makes no sense (its image size or frame rate); copy it again")
    return header


def encode_record(index: int, timestamp_s: float, color: NDArray[np.uint8] | None, depth_m: FloatArray) -> bytes:
    """Encode a frame.

    Parameters
    ----------
    index : int
        Frame index.
    timestamp_s : float
        Seconds.
    color : (H, W, 3) uint8, RGB, or None
        Where None, the frame has depth only.
    depth_m : (H, W) float32
        Metres, 0 where invalid; kept in whole millimetres.
    """
    image = b"" if color is None else _encode_color(color)
    depth = encode_depth(millimetres(depth_m))
    crc = zlib.crc32(depth, zlib.crc32(image))
    header = _RECORD.pack(MARKER, index, timestamp_s, len(image), len(depth), crc)
    return b"".join((header, _CRC.pack(zlib.crc32(header)), image, depth))


def decode_record_header(content: bytes) -> RecordHeader | None:
    """Decode a record's first 40 bytes; None where they are none."""
    if len(content) < RECORD_HEADER_BYTES or not content.startswith(MARKER):
        return None
    if zlib.crc32(content[: _RECORD.size]) != _CRC.unpack_from(content, _RECORD.size)[0]:
        return None
    header = RecordHeader(*_RECORD.unpack_from(content)[1:])
    return header if header.sensible else None


def decode_images(
    record: RecordHeader, content: bytes, header: StackHeader
) -> tuple[NDArray[np.uint8] | None, NDArray[np.uint16]]:
    """Decode what follows a record's header.

    Returns
    -------
    ((H, W, 3) uint8, RGB, or None), (H, W) uint16
        Colour and depth, the latter in millimetres.

    Raises
    ------
    UnreadableFrame
        It is cut off or damaged.
    """
    name = f"frame {record.index}"
    if len(content) != record.color_bytes + record.depth_bytes or zlib.crc32(content) != record.crc:
        raise UnreadableFrame(f"{name} is damaged")
    depth = decode_depth(content[record.color_bytes :], (header.height, header.width), name)
    if not record.color_bytes:
        return None, depth
    from dphm_core.sources.images import decode_color

    color = decode_color(content[: record.color_bytes], f"colour of {name}")
    if color.shape[:2] != depth.shape:
        raise UnreadableFrame(f"colour of {name} has shape {color.shape}, unlike its depth's {depth.shape}")
    return color, depth


def millimetres(depth_m: FloatArray) -> NDArray[np.uint16]:
    """Depth in whole millimetres: (H, W) uint16, 0 where it is no number, not positive or beyond 65.534 m."""
    import cv2

    # Rounds and saturates in one pass; what is no number becomes 0. That it takes a number its type hints do not say.
    scaled = cv2.multiply(depth_m, MM_PER_M, dtype=cv2.CV_16U)  # type: ignore[call-overload]
    rounded = np.asarray(scaled, dtype=np.uint16)
    rounded[rounded > INVALID_BEYOND] = 0
    return rounded


def encode_depth(depth: NDArray[np.uint16]) -> bytes:
    """Compress an (H, W) uint16 image without loss."""
    steps = np.empty_like(depth)
    steps[:, 0] = depth[:, 0]
    np.subtract(depth[:, 1:], depth[:, :-1], out=steps[:, 1:])  # modulo 2^16
    signed = steps.view(np.int16)
    folded = (signed << 1) ^ (signed >> 15)
    planes = np.stack([folded.astype(np.uint8), (folded >> 8).astype(np.uint8)])
    return zstandard.ZstdCompressor(level=ZSTD_LEVEL).compress(planes.data)


def decode_depth(content: bytes, shape: tuple[int, int], name: str) -> NDArray[np.uint16]:
    """Decode an (H, W) uint16 image; UnreadableFrame if damaged or not of this shape, `name` is for the message."""
    size = 2 * shape[0] * shape[1]
    try:
        if zstandard.frame_content_size(content) != size:  # before anything is allocated
            raise UnreadableFrame(f"depth of {name} is not {shape[1]}x{shape[0]}")
        planes: NDArray[Any] = np.frombuffer(zstandard.ZstdDecompressor().decompress(content), dtype=np.uint8)
    except zstandard.ZstdError as error:
        raise UnreadableFrame(f"depth of {name} is damaged") from error
    low, high = planes.reshape(2, *shape)
    folded = low | np.left_shift(high, 8, dtype=np.uint16)
    steps = (folded >> 1) ^ (0 - (folded & 1))
    return np.cumsum(steps, axis=1, dtype=np.uint16)


def _encode_color(color: NDArray[np.uint8]) -> bytes:
    import cv2

    bgr = cv2.cvtColor(color, cv2.COLOR_RGB2BGR)
    encoded, content = cv2.imencode(".jpg", bgr, (cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY))
    if not encoded:
        raise ValueError(f"image of shape {color.shape} cannot be encoded as JPEG")
    return bytes(content)
