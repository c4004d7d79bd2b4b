"""Recording folders: color/%05d.png (or .jpg), depth/%05d.png registered to colour, and a calibration beside them."""

from __future__ import annotations

import re
from abc import abstractmethod
from bisect import bisect_left
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dphm_core.errors import SourceError
from dphm_core.frames import FloatArray, RGBDFrame
from dphm_core.sources.base import Source, SourceInfo, UnreadableFrame, log
from dphm_core.sources.folder_camera import FolderCamera, read_folder_camera
from dphm_core.sources.images import read_color, read_depth

COLOR_FOLDER, DEPTH_FOLDER = "color", "depth"
TRUTH_FILE = "ground_truth.npz"
"""What a synthetic recording really showed."""
COLOR_SUFFIXES = (".png", ".jpg", ".jpeg")
DEPTH_SUFFIXES = (".png",)
MAX_INDEX = 10_000_000
"""Frames of four days at 30 fps; a larger number in a file name is not a frame index."""
MAX_PROBES = 100
"""Frames tried for a readable one before the folder is given up."""
DepthImage = NDArray[np.uint16] | FloatArray
"""(H, W), in the folder's own unit."""

SENSIBLE_M = (0.02, 20.0)
"""Where half of what a depth camera sees may lie, metres."""


class NumberedSource(Source):
    """Frames with numbers for indices, such as those in their files' names; numbers may be missing."""

    _indices: list[int]
    _position: int = 0

    def count(self, indices: range) -> int:
        """How many of these frame indices there are files of."""
        return sum(index in indices for index in self._indices)

    def seek(self, index: int) -> None:
        """Make the frame with this index, or the first one after it, the next one."""
        self._position = bisect_left(self._indices, index)

    def close(self) -> None:
        """Leave the recording: nothing more is read."""
        self._position = len(self._indices)

    def _read_next(self) -> RGBDFrame:
        if self._position >= len(self._indices):
            raise StopIteration
        self._position += 1
        return self._read_frame(self._indices[self._position - 1])

    @abstractmethod
    def _read_frame(self, index: int) -> RGBDFrame:
        """Read the frame of an index; UnreadableFrame where it is damaged."""

    def _info(self, kind: str, folder: Path, camera: FolderCamera) -> SourceInfo:
        """Facts of the folder, whose first frame is of this camera."""
        return SourceInfo(
            kind=kind,
            label=folder.resolve().name,
            intrinsics=camera.intrinsics(self._indices[0]),
            fps=camera.fps,
            length=self._indices[-1] + 1,
        )


class FolderSource(NumberedSource):
    """Frames of a DPHM-Kinect folder, or of the same layout with a meta.json.

    The index of a frame is the number in its depth image's name; numbers may be missing. A depth image without a
    colour image gives a frame without colour.
    """

    kind: str = "folder"
    color_folder: str = COLOR_FOLDER
    depth_suffixes: tuple[str, ...] = DEPTH_SUFFIXES

    def __init__(self, folder: Path) -> None:
        self._colors, self._depths = _frame_files(folder, self.color_folder, self.depth_suffixes)
        self._indices = sorted(self._depths)
        first = self._first_depth(folder)
        height, width = first.shape
        camera = self._read_camera(folder, (width, height))
        self._camera = camera.with_clock_for(self._indices)
        _check_unit(first, camera)
        self.info = self._info(self.kind, folder, self._camera)

    def _read_frame(self, index: int) -> RGBDFrame:
        color, depth = self._read_images(index)
        intrinsics = self._camera.intrinsics(index)
        if depth.shape != (intrinsics.height, intrinsics.width):
            raise UnreadableFrame(f"frame {index} is {depth.shape[1]}x{depth.shape[0]}, unlike the others")
        return RGBDFrame(index, self._camera.timestamp_s(index), color, self._metres(depth), intrinsics)

    def _read_camera(self, folder: Path, size: tuple[int, int]) -> FolderCamera:
        """Camera of images of this width and height."""
        return read_folder_camera(folder, size, self._indices[-1])

    def _metres(self, depth: DepthImage) -> FloatArray:
        return depth.astype(np.float32) * np.float32(self._camera.depth_unit_m)

    def _read_images(self, index: int) -> tuple[NDArray[np.uint8] | None, DepthImage]:
        depth = read_depth(self._depths[index])
        if index not in self._colors:
            return None, depth
        color = read_color(self._colors[index])
        if color.shape[:2] != depth.shape:
            color_size, depth_size = (f"{image.shape[1]}x{image.shape[0]}" for image in (color, depth))
            raise UnreadableFrame(f"frame {index}: colour is {color_size}, but depth is {depth_size} (not registered)")
        return color, depth

    def _first_depth(self, folder: Path) -> DepthImage:
        """(H, W) depth image of the first readable frame."""
        reasons = []
        for index in self._indices[:MAX_PROBES]:
            try:
                return self._read_images(index)[1]
            except UnreadableFrame as damage:
                reasons.append(str(damage))
        raise SourceError(
            f"{folder}: no readable frame among the first {len(reasons)} ({reasons[0]}); record or convert it again"
        )


def _check_unit(depth: DepthImage, camera: FolderCamera) -> None:
    """Tell of depth that cannot be meant: bytes in the wrong order, or another unit."""
    seen = depth[depth > 0]
    middle_m = float(np.median(seen)) * camera.depth_unit_m if seen.size else 1.0
    if not SENSIBLE_M[0] <= middle_m <= SENSIBLE_M[1]:
        text = "%s: the first depth image lies %.3g m away; its bytes may be swapped, or its unit needs a meta.json"
        log.warning(text, camera.path.parent, middle_m)


def _frame_files(
    folder: Path, color_folder: str, depth_suffixes: Iterable[str]
) -> tuple[dict[int, Path], dict[int, Path]]:
    """Colour and depth files by frame index."""
    colors = numbered_files(folder / color_folder, COLOR_SUFFIXES)
    depths = numbered_files(folder / DEPTH_FOLDER, depth_suffixes)
    if not colors and not depths:
        raise SourceError(
            f"{folder} is no recording: no images in '{color_folder}/' and '{DEPTH_FOLDER}/'; {_other_folder(folder)}"
        )
    for name, files in ((color_folder, colors), (DEPTH_FOLDER, depths)):
        if not files:
            raise SourceError(f"{folder}: no images in '{name}/'; put them there as {name}/00000.png and so on")
    if not depths.keys() & colors.keys():
        raise SourceError(
            f"{folder}: no depth image has a colour image of the same number; name the images of a frame alike"
        )
    if without_depth := len(colors.keys() - depths.keys()):
        log.warning("%s: %d colour images have no depth image and are left out", folder, without_depth)
    return colors, depths


def _other_folder(folder: Path) -> str:
    """Say what to open instead: somebody may have taken the folder of many recordings."""
    with suppress(OSError):
        for inside in sorted(folder.iterdir()):
            if (inside / DEPTH_FOLDER).is_dir():
                return f"choose one inside of it, such as '{inside.name}'"
    return "choose the folder that holds these two"


def numbered_files(folder: Path, suffixes: Iterable[str]) -> dict[int, Path]:
    """Files of a folder by the number that is their name; SourceError where it cannot be listed."""
    files, beyond = {}, 0
    try:
        paths = list(folder.iterdir()) if folder.is_dir() else []
    except OSError as error:
        raise SourceError(f"{folder} cannot be listed ({error.strerror}); check its permissions") from error
    for path in sorted(paths):  # of two files with one number always the same is taken
        if path.suffix.lower() not in suffixes or not re.fullmatch("[0-9]+", path.stem):
            continue
        if len(path.stem) > 8 or int(path.stem) > MAX_INDEX:
            beyond += 1
        else:
            files[int(path.stem)] = path
    if beyond:
        log.warning("%s: %d images left out: frame numbers end at %d; number from 0", folder, beyond, MAX_INDEX)
    return files
