"""Folders that the iPhone app Record3D exports as "EXR + JPG": EXR_RGBD/ with rgb/, depth/ and metadata.json.

What is known of the format, from the author's answers in github.com/marek-simonik/record3d (issues 67, 83, 93, 99) and
from readers of it: depth is one float channel in metres; w and h are the size of the colour images that K, column by
column, is for; perFrameIntrinsicCoeffs holds fx fy cx cy of each frame; frameTimestamps are seconds. Depth and colour
come from one camera at two resolutions: colour is brought to the depth's size, so that every depth is a measured one.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.errors import SourceError
from dphm_core.files import bytes_in
from dphm_core.frames import MILLIMETRE, FloatArray
from dphm_core.sources.base import UnreadableFrame, log
from dphm_core.sources.fields import MAX_SIDE, field, number, read_json, side
from dphm_core.sources.folder import FolderSource
from dphm_core.sources.folder_camera import FOLDER_FPS, FolderCamera
from dphm_core.sources.images import MAX_FILE_BYTES, read_color, read_depth
from dphm_core.sources.rgbd_folder import column_major_camera, pinhole

EXPORT_FOLDER = "EXR_RGBD"
"""What the app calls the folder inside of the one that it shares."""
COLOR_FOLDER = "rgb"
METADATA_FILE = "metadata.json"
EXR_MAGIC = b"\x76\x2f\x31\x01"
EXR_PLAIN = 2
"""Version and flags of a file that is neither tiled nor deep nor in parts (long names aside)."""
EXR_LONG_NAMES = 0x400
EXR_WINDOW = b"dataWindow\0box2i\0\x10\0\0\0"
"""Name, type and size of the attribute that tells the first and the last column and row."""
EXR_HEADER_BYTES = 1 << 16
ASPECT_SLACK = 0.02
"""Fraction by which the two images' proportions may differ: sizes are whole pixels."""


class Record3DSource(FolderSource):
    """Frames of a Record3D export; the index of a frame is the number in its depth image's name."""

    kind = "record3d"
    color_folder = COLOR_FOLDER
    depth_suffixes = (".exr", ".png")

    def _read_camera(self, folder: Path, size: tuple[int, int]) -> FolderCamera:
        return _read_camera(folder / METADATA_FILE, size, self._indices[-1])

    def _read_images(self, index: int) -> tuple[NDArray[np.uint8] | None, FloatArray]:
        depth_m = read_depth_m(self._depths[index])
        if index not in self._colors:
            return None, depth_m
        color = read_color(self._colors[index])
        height, width = depth_m.shape
        if not _same_shape(color.shape[1::-1], (width, height)):
            raise UnreadableFrame(
                f"frame {index}: colour is {color.shape[1]}x{color.shape[0]}, but depth {width}x{height}, cut otherwise"
            )
        if color.shape[:2] != depth_m.shape:
            color = np.asarray(cv2.resize(color, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)
        return color, depth_m


def export_folder(folder: Path) -> Path | None:
    """Record3D's export: this folder or the one inside of it; None where it is none."""
    for candidate in (folder, folder / EXPORT_FOLDER):
        if (candidate / METADATA_FILE).is_file() and (candidate / COLOR_FOLDER).is_dir():
            return candidate
    return None


def read_depth_m(path: Path) -> FloatArray:
    """Read a depth image, EXR in metres or 16-bit PNG in millimetres, as (H, W) float32 metres, 0 where invalid."""
    if path.suffix.lower() == ".png":
        return read_depth(path).astype(np.float32) * np.float32(MILLIMETRE)
    depth = _read_exr(path)
    return np.where(np.isfinite(depth) & (depth > 0), depth, np.float32(0)).astype(np.float32)


def _read_exr(path: Path) -> FloatArray:
    """Read the only, or the red, channel of an OpenEXR file."""
    try:
        if bytes_in(path) > MAX_FILE_BYTES:
            raise UnreadableFrame(f"{path.name} is larger than {MAX_FILE_BYTES >> 20} MiB")
        content = path.read_bytes()
    except OSError as error:
        raise UnreadableFrame(f"{path.name}: {error.strerror or error}") from error
    _check_exr(content, path.name)
    os.environ.setdefault("OPENCV_IO_ENABLE_OPENEXR", "1")  # OpenCV looks at it before its first EXR
    try:
        image = cv2.imdecode(np.frombuffer(content, dtype=np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise UnreadableFrame(f"{path.name} cannot be decoded: {error.err}") from error
    if image is None or image.dtype != np.float32:
        raise UnreadableFrame(f"{path.name} is damaged, or has no numbers with a fraction")
    return np.asarray(image if image.ndim == 2 else image[..., 2], dtype=np.float32)


def _check_exr(content: bytes, name: str) -> None:
    """Look at the kind and the size before the decoder allocates it."""
    if not content.startswith(EXR_MAGIC) or len(content) < 8:
        raise UnreadableFrame(f"{name} is {'empty' if not content else 'not an OpenEXR file'}")
    if int.from_bytes(content[4:8], "little") & ~EXR_LONG_NAMES != EXR_PLAIN:
        raise UnreadableFrame(f"{name} is a tiled, deep or many-part OpenEXR file")
    start = content.find(EXR_WINDOW, 0, EXR_HEADER_BYTES) + len(EXR_WINDOW)
    if start < len(EXR_WINDOW) or start + 16 > len(content):
        raise UnreadableFrame(f"{name} is cut off, or does not tell its size")
    left, top, right, bottom = struct.unpack_from("<4i", content, start)
    if not (0 <= right - left < MAX_SIDE and 0 <= bottom - top < MAX_SIDE):
        raise UnreadableFrame(f"{name} claims a size of {right - left + 1}x{bottom - top + 1}")


def _read_camera(path: Path, size: tuple[int, int], last_index: int) -> FolderCamera:
    """Cameras of the depth images, of this width and height."""
    fields = read_json(path)
    told = side(fields, "w", path), side(fields, "h", path)
    if told[0] is None or told[1] is None:
        raise SourceError(f"{path}: 'w' and 'h' are missing; export the video again")
    color_size = (told[0], told[1])
    if not _same_shape(color_size, size):
        raise SourceError(
            f"{path} is for {color_size[0]}x{color_size[1]}, but the depth images of {size[0]}x{size[1]} are cut "
            "otherwise; export the video again"
        )
    cameras = _cameras(fields, path, color_size, last_index)
    fps = field(fields, "fps", path, low=0.01, high=1000, default=FOLDER_FPS)
    return FolderCamera(tuple(_scaled(camera, size) for camera in cameras), fps, 1.0, _times(fields, path), path)


def _cameras(fields: Mapping[str, Any], path: Path, size: tuple[int, int], last_index: int) -> list[Intrinsics]:
    """One camera per frame where the file has that many, or else one for all."""
    name = "perFrameIntrinsicCoeffs"
    rows = fields.get(name)
    if not isinstance(rows, list) or len(rows) <= last_index:
        if rows:
            log.warning("%s: '%s' is too short; 'K' is taken for all frames", path, name)
        return [column_major_camera(fields, "K", path, size)]
    cameras = []
    for row in rows:
        if not isinstance(row, list) or len(row) != 4:
            raise SourceError(f"{path}: '{name}' must hold fx, fy, cx, cy per frame; export the video again")
        fx, fy, cx, cy = (number(value, name, path) for value in row)
        cameras.append(pinhole((fx, fy, cx, cy), name, path, size))
    return cameras[:1] if all(camera == cameras[0] for camera in cameras) else cameras


def _times(fields: Mapping[str, Any], path: Path) -> tuple[float, ...] | None:
    name = "frameTimestamps"
    times = fields.get(name)
    if times is None:
        return None
    if not isinstance(times, list):
        raise SourceError(f"{path}: '{name}' must be a list of seconds, one per frame; export the video again")
    return tuple(number(time, name, path) for time in times) or None


def _scaled(camera: Intrinsics, size: tuple[int, int]) -> Intrinsics:
    """Camera of the same picture at another size; integer coordinates are pixel centres."""
    x, y = size[0] / camera.width, size[1] / camera.height
    center = (camera.cx + 0.5) * x - 0.5, (camera.cy + 0.5) * y - 0.5
    return Intrinsics(*size, camera.fx * x, camera.fy * y, *center)


def _same_shape(first: tuple[int, ...], second: tuple[int, ...]) -> bool:
    """Whether two (width, height) have the same proportions."""
    return abs(first[0] * second[1] / (first[1] * second[0]) - 1) <= ASPECT_SLACK
