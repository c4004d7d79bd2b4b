"""How this program's frames lie in an Azure Kinect recording, whose images have the camera's own sizes and no others.

The SDK plays colour only in the camera's resolutions and depth only in the sizes of its depth modes. So the colour
image lies in the upper left corner of the smallest resolution that holds it, and the depth, which is registered to
colour, is written unscaled as far as a depth mode has room. The factory calibration says what comes of it, that of two
cameras in one place; a further entry there tells `MkvSource` how to put the frames together again as they were.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.camera.k4a_calibration import DEPTH_WINDOWS, DepthMode
from dphm_core.errors import OutputError, SourceError
from dphm_core.sources.k4a_capture import COLOR_SIZES
from dphm_core.sources.mkv_calibration import calibration_file, color_entry, depth_entry

LAYOUT_ENTRY = "DphmLayout"
"""Key of the layout beside "CalibrationInformation"; the SDK passes over it."""
DEPTH_MODES = (DepthMode.NFOV_UNBINNED, DepthMode.WFOV_UNBINNED)
"""Those in use, the smaller one first."""
NUMBERS = {"width": int, "height": int, "left": int, "top": int, "step": int, "fps": float, "clock_s": float}


class Arrangement(Protocol):
    """What the writer needs to know of how frames become a recording's images."""

    @property
    def fps(self) -> float:
        """Frames per second."""

    @property
    def color_resolution(self) -> str:
        """Name of the recording's colour resolution."""

    @property
    def depth_mode(self) -> DepthMode:
        """The recording's depth mode."""

    @property
    def depth_size(self) -> tuple[int, int]:
        """Width and height of the recording's depth images."""

    @property
    def keeps_pixels(self) -> bool:
        """Whether every pixel of a frame's depth should be found in the recording's."""

    def cut_depth(self, depth: NDArray[np.uint16]) -> NDArray[np.uint16]:
        """Make the recording's depth image of a frame's; both (H, W) uint16, millimetres."""

    def calibration(self, camera: Intrinsics) -> bytes:
        """Write the recording's factory calibration; `camera` is that of the frames."""


@dataclass(frozen=True)
class MkvLayout:
    """Where the frames' images lie in the recording's."""

    width: int
    """Of the frames, pixels."""
    height: int
    """Of the frames, pixels."""
    left: int
    """Column of the frame that the depth image begins with."""
    top: int
    """Row of the frame that the depth image begins with."""
    step: int
    """The depth image has every so many-th column and row of the frame."""
    fps: float
    """Frames per second; the recording itself tells 5, 15 or 30."""
    clock_s: float = 0.0
    """To be added to the recording's device times, which have no room for a date."""

    @property
    def color_resolution(self) -> str:
        """Name of the smallest resolution that holds the colour image; OutputError where none does."""
        return color_resolution(self.width, self.height)

    @property
    def depth_mode(self) -> DepthMode:
        """The smallest mode that holds the whole frame's depth, or else the largest."""
        fitting = (mode for mode in DEPTH_MODES if self._depth_fits(*DEPTH_WINDOWS[mode].size))
        return next(fitting, DEPTH_MODES[-1])

    @property
    def depth_size(self) -> tuple[int, int]:
        """Width and height of the recording's depth images."""
        return DEPTH_WINDOWS[self.depth_mode].size

    def cut_depth(self, depth: NDArray[np.uint16]) -> NDArray[np.uint16]:
        """Take the recording's depth image out of a frame's; both (H, W) uint16, millimetres."""
        width, height = self.depth_size
        cut = depth[self.top :: self.step, self.left :: self.step][:height, :width]
        image = np.zeros((height, width), dtype=np.uint16)
        image[: cut.shape[0], : cut.shape[1]] = cut
        return image

    def place_depth(self, image: NDArray[np.uint16]) -> NDArray[np.uint16]:
        """Undo `cut_depth`: (H, W) uint16, millimetres.

        What was cut off is 0, what was passed over has its upper left neighbour's depth.
        """
        if self.step > 1:
            image = image.repeat(self.step, axis=0).repeat(self.step, axis=1)
        depth = np.zeros((self.height, self.width), dtype=np.uint16)
        target = depth[self.top :, self.left :][: image.shape[0], : image.shape[1]]
        target[:] = image[: target.shape[0], : target.shape[1]]
        return depth

    @property
    def keeps_pixels(self) -> bool:
        """Whether no pixel of the depth is lost as long as it lies where the depth image is."""
        return self.step == 1

    def calibration(self, camera: Intrinsics) -> bytes:
        """Write the factory calibration of a recording in this layout; `camera` is that of the frames."""
        window = DEPTH_WINDOWS[self.depth_mode]
        depth = replace(
            camera,
            fx=camera.fx / self.step,
            fy=camera.fy / self.step,
            cx=(camera.cx - self.left) / self.step + window.offset[0],
            cy=(camera.cy - self.top) / self.step + window.offset[1],
        )
        cameras = [depth_entry(depth, window.scaled), color_entry(camera, COLOR_SIZES[self.color_resolution])]
        return calibration_file(cameras, {LAYOUT_ENTRY: asdict(self)})

    def _depth_fits(self, width: int, height: int) -> bool:
        return math.ceil(self.width / self.step) <= width and math.ceil(self.height / self.step) <= height


def choose_layout(depth: NDArray[np.uint16], fps: float) -> MkvLayout:
    """Choose the layout by a recording's first depth image, (H, W) uint16.

    Where the whole image does not fit, the part with depth does as a rule (an Azure Kinect's at 720p); where that does
    not either, columns and rows are left out.
    """
    (height, width), (most_x, most_y) = depth.shape, DEPTH_WINDOWS[DEPTH_MODES[-1]].size
    left, spans_x = _placed(np.flatnonzero(depth.any(axis=0)), width, most_x)
    top, spans_y = _placed(np.flatnonzero(depth.any(axis=1)), height, most_y)
    if spans_x <= most_x and spans_y <= most_y:
        return MkvLayout(width, height, left, top, 1, fps)
    return MkvLayout(width, height, 0, 0, math.ceil(max(width / most_x, height / most_y)), fps)


def color_resolution(width: int, height: int) -> str:
    """Name of the smallest resolution that holds an image of this size; OutputError where none does."""
    for name, (most_x, most_y) in sorted(COLOR_SIZES.items(), key=lambda item: math.prod(item[1])):
        if width <= most_x and height <= most_y:
            return name
    raise OutputError(f"images of {width}x{height} have no room in an Azure Kinect recording; convert to a folder")


def _placed(used: NDArray[np.intp], length: int, room: int) -> tuple[int, int]:
    """First place of `room` places around those in use, and how many are needed."""
    if length <= room or not len(used):
        return 0, length
    middle = (int(used[0]) + int(used[-1]) + 1) // 2
    return min(max(middle - room // 2, 0), length - room), int(used[-1] - used[0]) + 1


def parse_layout(calibration: str) -> MkvLayout | None:
    """Layout that a calibration tells of; None for a camera's own. SourceError where it makes no sense."""
    try:
        document = json.loads(calibration.rstrip("\0"))
        if LAYOUT_ENTRY not in document:
            return None
        entry = document[LAYOUT_ENTRY]
        layout = MkvLayout(**{name: kind(entry[name]) for name, kind in NUMBERS.items()})
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise SourceError(f"the layout of its frames cannot be read ({error})") from error
    widest, highest = COLOR_SIZES["RES_3072P"]
    inside = 0 <= layout.left < layout.width <= widest and 0 <= layout.top < layout.height <= highest
    if not (inside and 1 <= layout.step <= widest and 0.01 <= layout.fps <= 1000 and abs(layout.clock_s) < 1e12):
        raise SourceError("the layout of its frames makes no sense")
    return layout
