"""Preprocessed DPHM-Kinect sequences without depth images: each frame's points are drawn into one again."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.camera.rays import project
from dphm_core.errors import SourceError
from dphm_core.files import read_npy
from dphm_core.frames import FloatArray, RGBDFrame
from dphm_core.sources.base import UnreadableFrame
from dphm_core.sources.folder import (
    COLOR_FOLDER,
    COLOR_SUFFIXES,
    DEPTH_FOLDER,
    MAX_PROBES,
    NumberedSource,
    numbered_files,
)
from dphm_core.sources.folder_camera import read_folder_camera
from dphm_core.sources.images import read_color

POINTS_FOLDERS = ("points_new", "points")
"""Where the points are, (N, 3) per frame, metres, camera frame; the first one that is there."""
POINT_SUFFIXES = (".npy",)


class PointsSource(NumberedSource):
    """Frames of a folder with color/, points_new/ (or points/) and a calibration, but without depth images.

    The points come from pixels of a depth image registered to colour, so that drawing them with the same camera gives
    that image back, less what the preprocessing cut away. The index of a frame is the number in its files' names.
    """

    def __init__(self, folder: Path) -> None:
        points = points_folder(folder)
        if points is None:
            raise SourceError(f"{folder} holds no points; choose a folder with '{POINTS_FOLDERS[0]}/'")
        self._points = numbered_files(points, POINT_SUFFIXES)
        self._colors = numbered_files(folder / COLOR_FOLDER, COLOR_SUFFIXES)
        self._indices = sorted(self._points)
        if not self._indices:
            raise SourceError(f"{points} holds no points; put them there as 00000.npy and so on")
        camera = read_folder_camera(folder, self._image_size(folder), self._indices[-1])
        self._camera = camera.with_clock_for(self._indices)
        self.info = self._info("points", folder, self._camera)

    def _read_frame(self, index: int) -> RGBDFrame:
        intrinsics = self._camera.intrinsics(index)
        color = read_color(self._colors[index]) if index in self._colors else None
        if color is not None and color.shape[:2] != (intrinsics.height, intrinsics.width):
            raise UnreadableFrame(f"frame {index} is {color.shape[1]}x{color.shape[0]}, unlike the others")
        try:
            points = read_npy(self._points[index], (None, 3))
        except (OSError, ValueError) as error:
            raise UnreadableFrame(f"{self._points[index].name}: {error}") from error
        return RGBDFrame(index, self._camera.timestamp_s(index), color, draw_depth(points, intrinsics), intrinsics)

    def _image_size(self, folder: Path) -> tuple[int, int]:
        """Width and height of the first readable colour image: points do not tell them."""
        for index in sorted(self._colors)[:MAX_PROBES]:
            try:
                height, width = read_color(self._colors[index]).shape[:2]
            except UnreadableFrame:
                continue
            return width, height
        raise SourceError(
            f"{folder} has points, but no readable image in '{COLOR_FOLDER}/', in which the face is looked for; "
            "put the sequence's colour images there"
        )


def points_folder(folder: Path) -> Path | None:
    """Where the points of a preprocessed sequence are; None where there are none."""
    return next((folder / name for name in POINTS_FOLDERS if (folder / name).is_dir()), None)


def has_points_only(folder: Path) -> bool:
    """Whether this is a preprocessed sequence from which the depth images are gone."""
    return points_folder(folder) is not None and not (folder / DEPTH_FOLDER).is_dir()


def draw_depth(points_cam: FloatArray, intrinsics: Intrinsics) -> FloatArray:
    """Depth image of points: the nearest one of each pixel.

    Parameters
    ----------
    points_cam : (N, 3) float32
        Metres, camera frame; what is not finite, behind the camera or outside the image is left out.
    intrinsics : Intrinsics
        The camera.

    Returns
    -------
    (H, W) float32
        Metres along the optical axis, 0 where there is no point.
    """
    depth = np.zeros((intrinsics.height, intrinsics.width), dtype=np.float32)
    points = points_cam[np.isfinite(points_cam).all(axis=1) & (points_cam[:, 2] > 0)]
    points = points[np.argsort(-points[:, 2], kind="stable")]  # of several in a pixel the last one stays
    pixels = np.rint(project(points, intrinsics))
    with np.errstate(invalid="ignore"):
        inside = (pixels >= 0).all(axis=1) & (pixels < (intrinsics.width, intrinsics.height)).all(axis=1)
    columns, rows = pixels[inside].astype(int).T
    depth[rows, columns] = points[inside, 2]
    return depth
