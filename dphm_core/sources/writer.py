"""Writes frames as a DPHM-Kinect folder, with the timestamps in a file beside them; `open_source` reads it back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final, Literal, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.camera.rays import check_image_size
from dphm_core.errors import OutputError
from dphm_core.files import make_folder, take_back, write_atomically
from dphm_core.frames import FloatArray
from dphm_core.sources.folder import COLOR_FOLDER, DEPTH_FOLDER
from dphm_core.sources.folder_camera import CALIBRATION_FILE, TIMESTAMPS_FILE, calibration_json
from dphm_core.sources.stack_file import millimetres

ColorFormat = Literal["png", "jpg"]
IMAGE_OPTIONS: Final[dict[str, tuple[int, int]]] = {
    "png": (cv2.IMWRITE_PNG_COMPRESSION, 1),
    "jpg": (cv2.IMWRITE_JPEG_QUALITY, 95),
}
"""By kind of file. PNG is quick: the strongest compression saves a tenth and takes ten times as long."""

MAX_GAP = 1_000_000
"""Frames missing in a row, of nine hours at 30 fps: each has an entry among the timestamps."""


class FolderWriter:
    """Writes one recording; frames are numbered from 0 in the order in which they come, unless told otherwise.

    A context manager: where the block raises, or is interrupted, what was written is removed again.

    Parameters
    ----------
    path : Path
        The folder, made if need be; one that holds a recording already is refused.
    intrinsics : Intrinsics
        Camera of both images.
    fps : float
        Nominal frames per second.
    color_format : {"png", "jpg"}
        "png" keeps every colour as it is; "jpg" takes a fifth of the room.
    device : str
        What is recorded, for people; kept beside the timestamps.
    """

    def __init__(
        self, path: Path, intrinsics: Intrinsics, fps: float, color_format: ColorFormat = "png", device: str = ""
    ) -> None:
        self.path = path
        self._intrinsics = intrinsics
        self._fps, self._device = fps, device
        self._color_format: ColorFormat = color_format
        self._timestamps_s: list[float] = []
        self._made: list[Path] = []
        self._written: list[Path] = []
        for folder in (path / COLOR_FOLDER, path / DEPTH_FOLDER):
            self._made += make_folder(folder)
            if any(folder.iterdir()):
                raise OutputError(f"{path} already holds a recording; choose a new folder")
        self._put(path / CALIBRATION_FILE, calibration_json(intrinsics))

    def write(
        self, color: NDArray[np.uint8] | None, depth_m: FloatArray, timestamp_s: float, index: int | None = None
    ) -> None:
        """Append a frame.

        Parameters
        ----------
        color : (H, W, 3) uint8, RGB, or None
            Where None, the frame has depth only.
        depth_m : (H, W) float32
            Metres, 0 where invalid; saved in whole millimetres, up to 65.534 m (beyond: invalid).
        timestamp_s : float
            Seconds.
        index : int, optional
            Its number, larger than the last one's, which it follows by default; larger by more than 1 leaves a gap.
        """
        check_image_size(depth_m, self._intrinsics, color)
        number = len(self._timestamps_s) if index is None else index
        if number < len(self._timestamps_s):
            raise ValueError(f"frame {number} comes after frame {len(self._timestamps_s) - 1}")
        if number - len(self._timestamps_s) > MAX_GAP:
            raise OutputError(
                f"frame {number} comes {number - len(self._timestamps_s)} numbers after the one before; "
                "rename the images, or write the parts before and behind the gap by themselves"
            )
        if color is not None:
            image = _encoded(np.asarray(cv2.cvtColor(color, cv2.COLOR_RGB2BGR)), self._color_format)
            self._put(self.path / COLOR_FOLDER / f"{number:05d}.{self._color_format}", image)
        self._put(self.path / DEPTH_FOLDER / f"{number:05d}.png", _encoded(millimetres(depth_m), "png"))
        # The list has a time for the numbers left out, too: so long before this frame's as they are away from it.
        first = len(self._timestamps_s) - number
        self._timestamps_s += [float(timestamp_s) + before / self._fps for before in range(first, 1)]

    def close(self) -> None:
        """Write the timestamps; harmless when repeated."""
        device = {"device": self._device} if self._device else {}
        content = {**device, "fps": self._fps, "timestamps_s": self._timestamps_s}
        self._put(self.path / TIMESTAMPS_FILE, json.dumps(content, indent=1).encode())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_exception: object) -> None:
        if kind is None:
            self.close()
        else:
            take_back(self._written, self._made)  # half a recording looks like a whole one

    def _put(self, path: Path, content: bytes) -> None:
        self._written.append(path)
        write_atomically(path, content)


def _encoded(image: NDArray[Any], kind: str) -> bytes:
    encoded, content = cv2.imencode(f".{kind}", image, IMAGE_OPTIONS[kind])
    if not encoded:
        raise OutputError(f"image of shape {image.shape} cannot be encoded as {kind.upper()}")
    return content.tobytes()
