"""Azure Kinect recordings (MKV, as k4arecorder writes them)."""

from __future__ import annotations

import logging
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dphm_core.camera.k4a_calibration import parse_k4a_calibration
from dphm_core.errors import SourceError
from dphm_core.frames import MILLIMETRE, FloatArray, RGBDFrame
from dphm_core.sources.base import Source, SourceInfo, UnreadableFrame
from dphm_core.sources.ebml import EBML_MAGIC
from dphm_core.sources.k4a_capture import (
    COLOR_SIZES,
    FRAME_RATES,
    Capture,
    CaptureConverter,
    CaptureMode,
    decode_k4a_color,
)
from dphm_core.sources.k4a_driver import load_pyk4a
from dphm_core.sources.mkv_layout import UNKNOWN_RADIUS, MkvLayout, parse_layout
from dphm_core.sources.mkv_probe import probe
from dphm_core.sources.mkv_repair import find_damage, write_repaired

log = logging.getLogger(__name__)

CHECK_BUDGET_S = 2.0
"""For a look at every capture's head: enough for an hour on a fast disk, and for the beginning on a slow one."""
MAX_BLANK_CAPTURES = 300
"""Captures without depth that are passed over in search of the first and the last frame."""
USEC = 1e6


class MkvSource(Source):
    """Frames of an Azure Kinect recording; indices count from the first capture with depth.

    What cannot be opened as it is, but has whole frames, is read from a temporary copy of these.
    """

    def __init__(self, path: Path) -> None:
        _check_kind(path)
        self._k4a = load_pyk4a()
        self._path = path
        self._playback: Any = None
        self._cleanup = ExitStack()
        try:
            found = find_damage(path, CHECK_BUDGET_S) or probe(path)
            readable = path if found is None else self._repaired(found)
            # thread_safe=False only means that pyk4a lets other threads run meanwhile.
            self._playback = self._k4a.PyK4APlayback(readable, thread_safe=False)
            self._call(self._playback.open)
            self._start()
        except BaseException:
            self.close()
            raise
        if found is not None:
            log.warning(
                "%s is cut off or damaged (%s): what is whole is read, up to %d frames; dphm convert keeps it",
                *(path, found, self.info.length),
            )

    def seek(self, index: int) -> None:
        """Make the frame with this index, or the first one after it, the next one."""
        start = self._converter.start_usec or 0
        half_a_frame_before = max(index, 0) - 0.5
        time_usec = max(0, round(start + half_a_frame_before / self.info.fps * USEC))
        self._call(self._playback.seek, time_usec, self._k4a.SeekOrigin.DEVICE_TIME)
        self._converter.restart()

    def close(self) -> None:
        """Close the file; harmless when repeated."""
        playback, self._playback = self._playback, None
        if playback is not None:
            with suppress(self._k4a.K4AException):  # it was never open
                playback.close()
        self._cleanup.close()

    def _read_next(self) -> RGBDFrame:
        if self._playback is None:
            raise StopIteration
        try:
            capture = self._call(self._playback.get_next_capture)
        except EOFError:
            raise StopIteration from None
        return self._converter.frame(capture)

    def _repaired(self, found: str) -> Path:
        """Copy what is whole of a file that cannot be opened; SourceError where nothing is, or that does not help."""
        folder = self._cleanup.enter_context(TemporaryDirectory(prefix="dphm-mkv-"))
        copy = Path(folder) / "repaired.mkv"
        if not write_repaired(self._path, copy) or probe(copy):
            raise SourceError(f"{self._path} is cut off, damaged or no Kinect recording ({found}); record it again")
        return copy

    def _start(self) -> None:
        mode = self._mode()
        try:
            calibration = self._call(lambda: self._playback.calibration_raw)
            layout = parse_layout(calibration)
            if layout is None:
                self._converter = CaptureConverter(calibration, mode)
            else:
                self._converter = LayoutConverter(calibration, mode, layout)
        except SourceError as error:
            raise SourceError(f"{self._path}: {error}; record it again") from error
        self._converter.start_usec = self._depth_time_usec(self._playback.get_next_capture)
        self._call(self._playback.seek, 0, self._k4a.SeekOrigin.END)
        last_usec = self._depth_time_usec(self._playback.get_previous_capture)
        length = self._converter.index_of(last_usec) + 1
        self.info = SourceInfo("mkv", self._path.name, self._converter.intrinsics, self._converter.mode.fps, length)
        self.seek(0)

    def _mode(self) -> CaptureMode:
        try:
            told = self._call(lambda: self._playback.configuration)
        except ValueError as error:  # a number that pyk4a's enums do not have
            raise SourceError(
                f"{self._path}: recorded in an unknown mode ({error}); record it again with k4arecorder"
            ) from error
        if not told["depth_track_enabled"]:
            raise SourceError(f"{self._path} was recorded without depth; record with depth mode NFOV_UNBINNED")
        resolution = told["color_resolution"].name if told["color_track_enabled"] else None
        if resolution is not None and resolution not in COLOR_SIZES:
            raise SourceError(
                f"{self._path}: unknown colour resolution {resolution}; record with one of {', '.join(COLOR_SIZES)}"
            )
        fps = FRAME_RATES[told["camera_fps"].name]
        return CaptureMode(int(told["depth_mode"]), resolution, told["color_format"].name, fps)

    def _depth_time_usec(self, step: Any) -> int:
        """Device time of the nearest capture with depth, walking by `step`."""
        with suppress(EOFError):
            for _ in range(MAX_BLANK_CAPTURES):
                capture = self._call(step)
                if capture.depth is not None:
                    return int(capture.depth_timestamp_usec)
        raise SourceError(f"{self._path}: no readable frame (no capture has depth); record it again")

    def _call(self, function: Any, *arguments: Any) -> Any:
        try:
            return function(*arguments)
        except self._k4a.K4AException as error:
            raise SourceError(f"{self._path} cannot be read any further; copy or record it again") from error


class LayoutConverter(CaptureConverter):
    """Converts the captures of recordings that `MkvWriter` wrote: puts the frames together again as they were."""

    def __init__(self, calibration: str, mode: CaptureMode, layout: MkvLayout) -> None:
        super().__init__(calibration, replace(mode, color_resolution=None))  # nothing is to be registered
        if mode.color_resolution != layout.color_resolution or mode.depth_mode != layout.depth_mode:
            raise SourceError("the layout of its frames does not fit its images")
        self.mode = replace(mode, fps=layout.fps)
        self._layout = layout
        self._canvas = COLOR_SIZES[layout.color_resolution]
        camera = parse_k4a_calibration(calibration).color_camera(*self._canvas)
        radius = None if camera.metric_radius == UNKNOWN_RADIUS else camera.metric_radius
        self.intrinsics = replace(camera, width=layout.width, height=layout.height, metric_radius=radius)

    def frame(self, capture: Capture) -> RGBDFrame:
        """Convert a capture; UnreadableFrame where it has no depth or its colour is damaged."""
        frame = super().frame(capture)
        return replace(frame, timestamp_s=frame.timestamp_s + self._layout.clock_s)

    def _registered(self, depth: NDArray[np.uint16]) -> FloatArray:
        return self._layout.place_depth(depth).astype(np.float32) * np.float32(MILLIMETRE)

    def _rgb(self, color: NDArray[np.uint8], index: int) -> NDArray[np.uint8]:
        rgb = decode_k4a_color(color, self.mode.color_format, f"colour of frame {index}")
        if rgb.shape[1::-1] != self._canvas:
            raise UnreadableFrame(f"colour of frame {index} has shape {rgb.shape}, expected {self._canvas[::-1]}")
        return np.ascontiguousarray(rgb[: self._layout.height, : self._layout.width])


def _check_kind(path: Path) -> None:
    """Reject what is no Matroska file."""
    try:
        with path.open("rb") as file:
            magic = file.read(len(EBML_MAGIC))
    except OSError as error:
        raise SourceError(f"{path} cannot be read ({error.strerror}); check its permissions") from error
    if magic != EBML_MAGIC:
        kind = "an empty file" if not magic else "not a Matroska file"
        raise SourceError(f"{path} is {kind}; give a recording made with k4arecorder")
