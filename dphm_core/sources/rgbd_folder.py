"""RGB-D folders as Open3D's recorders and readers write them: color/, depth/ and an intrinsics JSON, in millimetres.

The JSON holds width, height and intrinsic_matrix, nine numbers column by column; Open3D's video reader adds
depth_scale (units per metre) and fps. Colour and depth are registered, and the pinhole camera has no distortion.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.errors import SourceError
from dphm_core.sources.fields import field, number, read_json, side
from dphm_core.sources.folder import FolderSource
from dphm_core.sources.folder_camera import CALIBRATION_FILE, FOLDER_FPS, MAX_FOCAL, META_FILE, FolderCamera

INTRINSIC_FILES = ("camera_intrinsic.json", "intrinsic.json")
"""Names that Open3D's recorder and its video reader give."""
DEPTH_SCALE = 1000.0
"""Units of a depth image per metre where the file does not say."""
MATRIX_SIZE = 9
ROUNDING = 1e-3
"""What the matrix' fixed entries may be off."""


class RgbdFolderSource(FolderSource):
    """Frames of an Open3D-style folder; the index of a frame is the number in its depth image's name."""

    kind = "rgbd folder"

    def _read_camera(self, folder: Path, size: tuple[int, int]) -> FolderCamera:
        path = intrinsic_file(folder)
        if path is None:
            raise SourceError(f"{folder}: no {' or '.join(INTRINSIC_FILES)}; put it there")
        return _read_camera(path, size)


def intrinsic_file(folder: Path) -> Path | None:
    """Open3D's intrinsics file of a folder; None where there is none, or the folder has a calibration of its own."""
    if (folder / CALIBRATION_FILE).is_file() or (folder / META_FILE).is_file():
        return None
    return next((folder / name for name in INTRINSIC_FILES if (folder / name).is_file()), None)


def column_major_camera(fields: Mapping[str, Any], name: str, path: Path, size: tuple[int, int]) -> Intrinsics:
    """Read a camera from a matrix of nine numbers, column by column: fx 0 0, 0 fy 0, cx cy 1.

    Parameters
    ----------
    fields : mapping
        Content of the file.
    name : str
        Field of the matrix.
    path : Path
        The file, for messages.
    size : (int, int)
        Width and height of the matrix' images, pixels.

    Raises
    ------
    SourceError
        It is no such matrix, or its centre is outside of the images.
    """
    matrix = fields.get(name)
    if not isinstance(matrix, list) or len(matrix) != MATRIX_SIZE:
        raise SourceError(f"{path}: '{name}' must be a list of nine numbers, column by column")
    fx, skew_x, low_x, skew_y, fy, low_y, cx, cy, one = (number(value, name, path) for value in matrix)
    if max(map(abs, (skew_x, low_x, skew_y, low_y, one - 1))) > ROUNDING:
        raise SourceError(f"{path}: '{name}' must be fx 0 0 0 fy 0 cx cy 1, column by column; transpose it")
    return pinhole((fx, fy, cx, cy), name, path, size)


def pinhole(
    coefficients: tuple[float, float, float, float], name: str, path: Path, size: tuple[int, int]
) -> Intrinsics:
    """Check fx, fy, cx, cy in pixels of images of this width and height, and make a camera of them."""
    fx, fy, cx, cy = coefficients
    if not (1 <= fx <= MAX_FOCAL and 1 <= fy <= MAX_FOCAL and 0 < cx < size[0] and 0 < cy < size[1]):
        raise SourceError(
            f"{path}: '{name}' has focal lengths {fx:g}, {fy:g} and centre {cx:g}, {cy:g}, which cannot be for images "
            f"of {size[0]}x{size[1]}; calibrate for these"
        )
    return Intrinsics(*size, fx, fy, cx, cy)


def _read_camera(path: Path, size: tuple[int, int]) -> FolderCamera:
    fields = read_json(path)
    told = tuple(side(fields, name, path) or actual for name, actual in zip(("width", "height"), size, strict=True))
    if told != size:
        raise SourceError(
            f"{path} is for images of {told[0]}x{told[1]}, but these are {size[0]}x{size[1]}; calibrate for these"
        )
    scale = field(fields, "depth_scale", path, low=10, high=1e6, default=DEPTH_SCALE)
    fps = field(fields, "fps", path, low=0.01, high=1000, default=FOLDER_FPS)
    camera = column_major_camera(fields, "intrinsic_matrix", path, size)
    return FolderCamera((camera,), fps, 1 / scale, None, path)
