"""Writes frames as a DPHM-Kinect folder, with the timestamps in a file beside them; `open_source` reads it back."""

from __future__ import annotations

import json
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.errors import OutputError
from dphm_core.files import make_folder, write_atomically
from dphm_core.frames import MILLIMETRE, FloatArray
from dphm_core.sources.folder import COLOR_FOLDER, DEPTH_FOLDER
from dphm_core.sources.folder_camera import CALIBRATION_FILE, TIMESTAMPS_FILE

PNG_OPTIONS = (cv2.IMWRITE_PNG_COMPRESSION, 1)
"""Quick: the strongest compression saves a tenth and takes ten times as long."""


class FolderWriter:
    """Writes one recording; frames are numbered from 0 in the order in which they come.

    A context manager: where the block raises, or is interrupted, what was written is removed again.

    Parameters
    ----------
    path : Path
        The folder, made if need be; one that holds a recording already is refused.
    intrinsics : Intrinsics
        Camera of both images.
    fps : float
        Nominal frames per second.
    """

    def __init__(self, path: Path, intrinsics: Intrinsics, fps: float) -> None:
        self.path = path
        self._intrinsics = intrinsics
        self._fps = fps
        self._timestamps_s: list[float] = []
        self._made: list[Path] = []
        for folder in (path / COLOR_FOLDER, path / DEPTH_FOLDER):
            self._made += [part for part in (*reversed(folder.parents), folder) if not part.exists()]
            make_folder(folder)
            if any(folder.iterdir()):
                raise OutputError(f"{path} already holds a recording; choose a new folder")
        write_atomically(path / CALIBRATION_FILE, _json({"color": _calibration(intrinsics)}))

    def write(self, color: NDArray[np.uint8] | None, depth_m: FloatArray, timestamp_s: float) -> None:
        """Append a frame.

        Parameters
        ----------
        color : (H, W, 3) uint8, RGB, or None
            Where None, the frame has depth only.
        depth_m : (H, W) float32
            Metres, 0 where invalid; saved in whole millimetres, up to 65.535 m (beyond: invalid).
        timestamp_s : float
            Seconds.
        """
        size = (self._intrinsics.height, self._intrinsics.width)
        if depth_m.shape != size or (color is not None and color.shape != (*size, 3)):
            raise ValueError(f"frame of shape {depth_m.shape} does not fit the recording's {size}")
        name = _image_name(len(self._timestamps_s))
        if color is not None:
            write_atomically(self.path / COLOR_FOLDER / name, _png(cv2.cvtColor(color, cv2.COLOR_RGB2BGR)))
        write_atomically(self.path / DEPTH_FOLDER / name, _png(_millimetres(depth_m)))
        self._timestamps_s.append(float(timestamp_s))

    def close(self) -> None:
        """Write the timestamps; harmless when repeated."""
        write_atomically(self.path / TIMESTAMPS_FILE, _json({"fps": self._fps, "timestamps_s": self._timestamps_s}))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._discard()

    def _discard(self) -> None:
        """Remove what was written: half a recording looks like a whole one."""
        for folder in (self.path / COLOR_FOLDER, self.path / DEPTH_FOLDER):
            for number in range(len(self._timestamps_s) + 1):
                (folder / _image_name(number)).unlink(missing_ok=True)
        (self.path / CALIBRATION_FILE).unlink(missing_ok=True)
        for folder in reversed(self._made):
            if not any(folder.iterdir()):
                folder.rmdir()


def _image_name(number: int) -> str:
    return f"{number:05d}.png"


def _calibration(intrinsics: Intrinsics) -> dict[str, float]:
    names = ("k1", "k2", "k3", "k4", "k5", "k6", "p1", "p2")
    radius = {} if intrinsics.metric_radius is None else {"metric_radius": intrinsics.metric_radius}
    return {
        **{name: getattr(intrinsics, name) for name in ("width", "height", "fx", "fy", "cx", "cy")},
        **dict(zip(names, (*intrinsics.k, *intrinsics.p), strict=True)),
        **radius,
    }


def _millimetres(depth_m: FloatArray) -> NDArray[np.uint16]:
    units = np.rint(np.nan_to_num(depth_m, nan=0.0, posinf=0.0, neginf=0.0) / MILLIMETRE)
    return np.where((units > 0) & (units <= 65535), units, 0).astype(np.uint16)


def _png(image: NDArray[Any]) -> bytes:
    encoded, content = cv2.imencode(".png", image, PNG_OPTIONS)
    if not encoded:
        raise OutputError(f"image of shape {image.shape} cannot be encoded as PNG")
    return content.tobytes()


def _json(content: dict[str, Any]) -> bytes:
    return json.dumps(content, indent=1).encode()
