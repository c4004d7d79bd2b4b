"""Writes Azure Kinect recordings with the SDK's own recorder, so that playback can be tested without a camera."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyk4a
import pytest
from numpy.typing import NDArray


class _Config(ctypes.Structure):
    """k4a_device_configuration_t."""

    _fields_ = (
        ("color_format", ctypes.c_int),
        ("color_resolution", ctypes.c_int),
        ("depth_mode", ctypes.c_int),
        ("camera_fps", ctypes.c_int),
        ("synchronized_images_only", ctypes.c_bool),
        ("depth_delay_off_color_usec", ctypes.c_int32),
        ("wired_sync_mode", ctypes.c_int),
        ("subordinate_delay_off_master_usec", ctypes.c_uint32),
        ("disable_streaming_indicator", ctypes.c_bool),
    )


@dataclass(frozen=True)
class RecordedImages:
    """One capture to be written."""

    timestamp_usec: int
    color: NDArray[np.uint8] | None
    """In the recording's format; None: the capture has no colour."""
    depth: NDArray[np.uint16] | None
    infrared: NDArray[np.uint16] | None = None


COLOR_STRIDES = {"COLOR_MJPG": 0, "COLOR_NV12": 1, "COLOR_YUY2": 2, "COLOR_BGRA32": 4}


def record(
    path: Path,
    calibration: bytes,
    captures: Sequence[RecordedImages],
    color_format: str = "COLOR_MJPG",
    color_resolution: int = 1,
    fps: int = 2,
    depth_mode: int = int(pyk4a.DepthMode.NFOV_UNBINNED),
) -> None:
    """Write 720p colour (or none: resolution 0) and NFOV-unbinned depth (or none: mode 0), at 30 fps (FPS_30 is 2)."""
    library = _library()
    image_format = int(pyk4a.ImageFormat[color_format])
    config = _Config(image_format, color_resolution, depth_mode, fps, False, 0, 0, 0, False)
    handle = ctypes.c_void_p()
    _check(library.k4a_record_create(str(path).encode(), None, config, ctypes.byref(handle)))
    add_calibration(handle, calibration)
    _check(library.k4a_record_write_header(handle))
    for images in captures:
        with _capture(library, images, image_format, COLOR_STRIDES[color_format] * 1280) as capture:
            _check(library.k4a_record_write_capture(handle, capture))
    _check(library.k4a_record_flush(handle))
    library.k4a_record_close(handle)


def add_calibration(handle: ctypes.c_void_p, calibration: bytes) -> None:
    """Put a calibration into a recording whose header is not written yet: without a camera it has none."""
    library, name = _library(), b"calibration.json"
    _check(library.k4a_record_add_attachment(handle, name, calibration, ctypes.c_size_t(len(calibration))))
    _check(library.k4a_record_add_tag(handle, b"K4A_CALIBRATION_FILE", name))


@contextmanager
def _capture(library, images: RecordedImages, image_format: int, stride: int):
    capture = ctypes.c_void_p()
    _check(library.k4a_capture_create(ctypes.byref(capture)))
    made = []
    for pixels, kind, size, row, put in (
        (images.color, image_format, (1280, 720), stride, library.k4a_capture_set_color_image),
        (images.depth, int(pyk4a.ImageFormat.DEPTH16), (640, 576), 1280, library.k4a_capture_set_depth_image),
        (images.infrared, int(pyk4a.ImageFormat.IR16), (1024, 1024), 2048, library.k4a_capture_set_ir_image),
    ):
        if pixels is not None:
            made.append(_image(library, np.ascontiguousarray(pixels), kind, size, row, images.timestamp_usec))
            put(capture, made[-1][0])
    yield capture
    for image, _ in made:
        library.k4a_image_release(image)
    library.k4a_capture_release(capture)


def _image(library, pixels, kind: int, size: tuple[int, int], stride: int, timestamp_usec: int):
    image = ctypes.c_void_p()
    buffer = pixels.ctypes.data_as(ctypes.c_void_p)
    result = library.k4a_image_create_from_buffer(
        kind, *size, stride, buffer, ctypes.c_size_t(pixels.nbytes), None, None, ctypes.byref(image)
    )
    _check(result)
    library.k4a_image_set_device_timestamp_usec(image, ctypes.c_uint64(timestamp_usec))
    return image, pixels


def _library() -> ctypes.CDLL:
    """The recorder's library; the linker shows libk4a's symbols through it."""
    wheel_libraries = Path(pyk4a.__file__).parent.parent / "pyk4a_bundle.libs"
    paths = list(wheel_libraries.glob("libk4arecord*"))
    if not paths:
        pytest.skip("needs libk4arecord as pyk4a-bundle's Linux wheel carries it")
    return ctypes.CDLL(str(paths[0]))


def _check(result: int) -> None:
    assert result == 0, "the SDK refused"
