"""Names and formats of a DPHM-Kinect sequence's files beside its images."""

from __future__ import annotations

import io
import logging
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dphm_core.files import make_folder, read_npy, write_atomically
from dphm_core.frames import FloatArray
from dphm_core.landmarks.tables import LANDMARK_COUNT

log = logging.getLogger(__name__)

MEDIAPIPE, PIPNET = "color/Mediapipe_landmarks", "color/PIPnet_landmarks"
"""Landmarks in the image: (478, 2) with x and y in 0..1; (98, 2) pixels in WFLW's order."""
POINTS, NORMALS = "points_new", "normals_new"
"""(N, 3) float32 per frame: metres and unit vectors towards the camera, camera frame."""
MEDIAPIPE_3D, PIPNET_3D = "lms_3d_mp_new", "lms_3d_pip_new"
"""(478, 3) and (98, 3) float32 per frame: metres, camera frame; (0, 0, 0), what a pixel without depth unprojects to,
where one is not known."""
PIPNET_COUNT = 98


def frame_file(folder: Path, kind: str, index: int) -> Path:
    """File of a frame; `kind` is one of the names above."""
    return folder / kind / f"{index:05d}.npy"


def write_array(path: Path, array: NDArray[Any]) -> None:
    """Write an .npy file, and the folder that it is in, as a whole; OutputError where that cannot be."""
    content = io.BytesIO()
    np.save(content, array, allow_pickle=False)
    make_folder(path.parent)
    write_atomically(path, content.getvalue())


def read_image_landmarks(folder: Path, kind: str, index: int, size: tuple[int, int]) -> FloatArray | None:
    """Read a frame's landmarks in the image.

    Parameters
    ----------
    folder : Path
        The sequence.
    kind : str
        MEDIAPIPE or PIPNET.
    index : int
        The frame's.
    size : (int, int)
        Width and height of the image.

    Returns
    -------
    (478, 2) or (98, 2) float32
        Pixels, where 0 is the middle of the first one; None where there is no file, or a damaged one, which is logged.
    """
    count = LANDMARK_COUNT if kind == MEDIAPIPE else PIPNET_COUNT
    found = _read_landmarks(frame_file(folder, kind, index), (count, None))
    if found is None:
        return None
    if found.shape[1] not in (2, 3):  # some files have the depth that MediaPipe guesses, or a score
        log.warning("%s: of shape %s; left out", frame_file(folder, kind, index), found.shape)
        return None
    return found[:, :2] * np.array(size, np.float32) - np.float32(0.5) if kind == MEDIAPIPE else found[:, :2]


def relative_landmarks(pixels: FloatArray, size: tuple[int, int]) -> FloatArray:
    """Turn (478, 2) pixels into what is written to MEDIAPIPE: 0 and 1 are the edges of the image of this size."""
    return ((pixels + np.float32(0.5)) / np.array(size, np.float32)).astype(np.float32)


def write_landmarks_3d(path: Path, points_cam: FloatArray) -> None:
    """Write (N, 3) float32 metres, NaN where one is not known."""
    write_array(path, np.where(np.isfinite(points_cam).all(axis=1, keepdims=True), points_cam, 0).astype(np.float32))


def read_landmarks_3d(folder: Path, kind: str, index: int) -> FloatArray | None:
    """Read (N, 3) float32 metres of MEDIAPIPE_3D or PIPNET_3D, NaN where one is not known; None without a file."""
    count = LANDMARK_COUNT if kind == MEDIAPIPE_3D else PIPNET_COUNT
    found = _read_landmarks(frame_file(folder, kind, index), (count, 3))
    return None if found is None else np.where((found == 0).all(axis=1, keepdims=True), np.float32(np.nan), found)


def _read_landmarks(path: Path, shape: tuple[int | None, ...]) -> FloatArray | None:
    if not path.is_file():
        return None
    try:
        return read_npy(path, shape)
    except (OSError, ValueError) as error:
        log.warning("%s cannot be read (%s); left out", path, error)
        return None
