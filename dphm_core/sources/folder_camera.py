"""The camera of a recording folder: DPHM-Kinect's calibration.json or column file, or a meta.json.

Files rarely say the image size: it comes from the first readable frame, and what the file does say must agree.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.errors import SourceError
from dphm_core.frames import MILLIMETRE
from dphm_core.sources.fields import COPY_AGAIN, field, number, read_json, read_text, side

log = logging.getLogger(__name__)

CALIBRATION_FILE = "calibration.json"
COLUMN_FILE = "camera/c00_color_intrinsic.txt"
META_FILE = "meta.json"
TIMESTAMPS_FILE = "timestamps.json"

FOLDER_FPS = 30.0
"""Frame rate of recordings that do not tell theirs (DPHM-Kinect)."""
RATE_RANGE = (0.01, 1000.0)
"""Frame rates that may be meant."""
MAX_FOCAL = 1e5
MAX_DISTORTION = 1e3
"""Azure Kinect's rational coefficients stay below 10 in magnitude, other makes' below some 100."""
MAX_TANGENTIAL = 0.05
"""Tangential coefficients of a real lens are a hundred times smaller."""
RADIUS_RANGE = (0.3, 20.0)
"""Plausible metric radii: half-angles of 17° to 87°."""
CENTRAL_PART = 0.05
"""The principal point lies at least this fraction of the image's side inside the image."""


@dataclass(frozen=True)
class FolderCamera:
    """Cameras, clock and depth unit of a recording folder."""

    cameras: tuple[Intrinsics, ...]
    """One for all frames, or one per frame index."""
    fps: float
    """Frames per second."""
    depth_unit_m: float
    """Metres per unit of the depth images."""
    timestamps_s: tuple[float, ...] | None
    """Seconds by frame index, beyond which the frame rate goes on; None: index / fps."""
    path: Path
    """File that the cameras were read from."""

    def intrinsics(self, index: int) -> Intrinsics:
        """Camera of a frame."""
        return self.cameras[index if len(self.cameras) > 1 else 0]

    def timestamp_s(self, index: int) -> float:
        """Time of a frame, seconds."""
        if not self.timestamps_s:
            return index / self.fps
        last = len(self.timestamps_s) - 1
        return self.timestamps_s[min(index, last)] + max(index - last, 0) / self.fps

    def with_clock_for(self, indices: Sequence[int]) -> FolderCamera:
        """The same, by its frame rate where its times cannot be those of these frames, in their order."""
        times = [self.timestamp_s(index) for index in indices]
        if all(earlier <= later for earlier, later in pairwise(times)) and (len(times) < 2 or times[0] < times[-1]):
            return self
        log.warning(
            "%s: the times do not rise from frame to frame; %g frames a second are assumed", self.path.parent, self.fps
        )
        return replace(self, timestamps_s=None)


def calibration_json(intrinsics: Intrinsics) -> bytes:
    """Content of the calibration.json that `read_folder_camera` reads these intrinsics from."""
    names = ("k1", "k2", "k3", "k4", "k5", "k6", "p1", "p2")
    camera = {name: getattr(intrinsics, name) for name in ("width", "height", "fx", "fy", "cx", "cy")}
    camera |= dict(zip(names, (*intrinsics.k, *intrinsics.p), strict=True))
    if intrinsics.metric_radius is not None:
        camera["metric_radius"] = intrinsics.metric_radius
    return json.dumps({"color": camera}, indent=1).encode()


def read_folder_camera(folder: Path, size: tuple[int, int], last_index: int) -> FolderCamera:
    """Read the calibration of a recording folder.

    Parameters
    ----------
    folder : Path
        The recording.
    size : (int, int)
        Width and height of its images, pixels.
    last_index : int
        Largest frame index: a camera per frame must reach as far.

    Raises
    ------
    SourceError
        No calibration, or one that is absurd or made for another image size.
    """
    if (folder / META_FILE).is_file():
        return _read_meta(folder / META_FILE, size, last_index)
    path, camera = _read_single_camera(folder, size)
    _check_center(camera, path)
    fps, timestamps = _read_timestamps(folder / TIMESTAMPS_FILE, last_index)
    return FolderCamera((camera,), fps, MILLIMETRE, timestamps, path)


def _read_single_camera(folder: Path, size: tuple[int, int]) -> tuple[Path, Intrinsics]:
    path = folder / CALIBRATION_FILE
    if path.is_file():
        color = read_json(path).get("color")
        if not isinstance(color, dict):
            raise SourceError(f"{path}: 'color' must be an object with fx, fy, cx, cy; {COPY_AGAIN}")
        return path, _camera(color, path, size)
    path = folder / COLUMN_FILE
    if path.is_file():
        return path, _camera(parse_column(path), path, size)
    raise SourceError(
        f"{folder}: no calibration; put {CALIBRATION_FILE}, {COLUMN_FILE} or {META_FILE} there (see docs/recordings.md)"
    )


def _camera(fields: Mapping[str, Any], path: Path, size: tuple[int, int]) -> Intrinsics:
    for name, actual in zip(("width", "height"), size, strict=True):
        told = side(fields, name, path)
        if told is not None and told != actual:
            raise SourceError(
                f"{path}: '{name}' is {told}, but the images are {size[0]}x{size[1]}; calibrate for these"
            )

    def distortion(name: str) -> float:
        return field(fields, name, path, low=-MAX_DISTORTION, high=MAX_DISTORTION, default=0.0)

    return Intrinsics(
        width=size[0],
        height=size[1],
        fx=field(fields, "fx", path, low=1, high=MAX_FOCAL),
        fy=field(fields, "fy", path, low=1, high=MAX_FOCAL),
        cx=field(fields, "cx", path),
        cy=field(fields, "cy", path),
        k=(distortion("k1"), distortion("k2"), distortion("k3"), distortion("k4"), distortion("k5"), distortion("k6")),
        p=(distortion("p1"), distortion("p2")),
        metric_radius=field(fields, "metric_radius", path, low=0, high=1e6, default=0.0) or None,
    )


def _check_center(camera: Intrinsics, path: Path) -> None:
    for name, center, length in (("cx", camera.cx, camera.width), ("cy", camera.cy, camera.height)):
        if not CENTRAL_PART * length < center < (1 - CENTRAL_PART) * length:
            raise SourceError(
                f"{path}: '{name}' is {center:g}, which cannot be for images of {camera.width}x{camera.height}; "
                "it was made for another image size"
            )


def parse_column(path: Path) -> dict[str, float]:
    """Read DPHM-Kinect's column file: cx cy fx fy k1..k6, then the tangential terms in an order found by plausibility.

    Returns
    -------
    dict[str, float]
        fx, fy, cx, cy, k1..k6 and, where one order is plausible, p1, p2, metric_radius.
    """
    try:
        values = [float(word) for word in read_text(path).split()]
    except ValueError as error:
        raise SourceError(f"{path} must be a column of numbers ({error}); {COPY_AGAIN}") from error
    if not 10 <= len(values) <= 64:
        raise SourceError(f"{path} holds {len(values)} numbers, not cx cy fx fy k1..k6 and more; {COPY_AGAIN}")
    names = ("cx", "cy", "fx", "fy", "k1", "k2", "k3", "k4", "k5", "k6")
    fields = dict(zip(names, values[:10], strict=True))
    return fields | _tangential(values[10:], path)


def _tangential(rest: Sequence[float], path: Path) -> dict[str, float]:
    """Take the first plausible reading of what follows k6."""
    orders = (  # the SDK's own order first: it begins with two exact zeros, which no other reading explains
        ("codx", "cody", "p2", "p1", "metric_radius"),
        ("codx", "cody", "p2", "p1"),
        ("metric_radius", "p1", "p2"),
    )
    for order in orders:
        fields = dict(zip(order, rest, strict=False))
        if len(fields) == len(order) and _plausible(fields):
            log.info("%s: columns 10.. were read as %s", path, " ".join(order))
            return {name: value for name, value in fields.items() if name not in ("codx", "cody")}
    if rest:
        log.warning("%s: no plausible order of columns 10.. (%s); tangential distortion is left out", path, rest)
    return {}


def _plausible(fields: Mapping[str, float]) -> bool:
    radius = fields.get("metric_radius", 0.0)
    return (
        fields.get("codx", 0.0) == 0
        and fields.get("cody", 0.0) == 0
        and max(abs(fields["p1"]), abs(fields["p2"])) < MAX_TANGENTIAL
        and (radius == 0 or RADIUS_RANGE[0] <= radius <= RADIUS_RANGE[1])
    )


def _read_timestamps(path: Path, last_index: int) -> tuple[float, tuple[float, ...] | None]:
    if not path.is_file():
        return FOLDER_FPS, None
    content = read_json(path)
    times = content.get("timestamps_s")
    if not isinstance(times, list):
        raise SourceError(f"{path}: 'timestamps_s' must be a list of seconds, one per frame; mend or remove the file")
    if len(times) <= last_index:
        log.warning(
            "%s: %d times, but the last frame is %d; the rest follow the frame rate", path, len(times), last_index
        )
    fps = field(content, "fps", path, low=RATE_RANGE[0], high=RATE_RANGE[1], default=FOLDER_FPS)
    return fps, tuple(number(time, f"timestamps_s[{i}]", path) for i, time in enumerate(times))


def _read_meta(path: Path, size: tuple[int, int], last_index: int) -> FolderCamera:
    meta = read_json(path)
    unit = field(meta, "depth_unit_m", path, low=1e-6, high=0.1)
    entries = meta.get("frames")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise SourceError(f"{path}: 'frames' must be a list of objects, one per frame; {COPY_AGAIN}")
    if len(entries) <= last_index:
        raise SourceError(
            f"{path}: 'frames' has {len(entries)} entries, but the folder has frame {last_index}; add the rest"
        )
    _camera(meta | entries[0], path, size)  # width and height stand at the top
    cameras = tuple(_camera(entry, path, size) for entry in entries)
    _check_center(cameras[0], path)
    if all(camera == cameras[0] for camera in cameras):
        cameras = cameras[:1]
    times = tuple(field(entry, "timestamp_s", path) for entry in entries)
    fps = field(meta, "fps", path, low=RATE_RANGE[0], high=RATE_RANGE[1], default=_rate(times))
    return FolderCamera(cameras, fps, unit, times, path)


def _rate(times: Sequence[float]) -> float:
    """Mean frames per second."""
    duration = times[-1] - times[0]
    rate = round((len(times) - 1) / duration, 3) if duration > 1e-3 else FOLDER_FPS
    return rate if RATE_RANGE[0] <= rate <= RATE_RANGE[1] else FOLDER_FPS
