"""Azure Kinect recordings (MKV, as k4arecorder writes them)."""

from __future__ import annotations

import logging
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from dphm_core.errors import SourceError
from dphm_core.frames import RGBDFrame
from dphm_core.sources.base import Source, SourceInfo
from dphm_core.sources.ebml import EBML_MAGIC
from dphm_core.sources.fields import first_bytes, read_text
from dphm_core.sources.k4a_capture import COLOR_SIZES, FRAME_RATES, CaptureConverter, CaptureMode
from dphm_core.sources.k4a_driver import load_pyk4a
from dphm_core.sources.mkv_converters import ColorConverter, LayoutConverter
from dphm_core.sources.mkv_layout import parse_layout
from dphm_core.sources.mkv_probe import playback_of, probe
from dphm_core.sources.mkv_repair import find_damage, names_kinect, write_repaired

log = logging.getLogger(__name__)

CHECK_BUDGET_S = 2.0
"""For a look at every capture's head: enough for an hour on a fast disk, and for the beginning on a slow one."""
MAX_BLANK_CAPTURES = 300
"""Captures without depth that are passed over in search of the first and the last frame."""
COLOR_ONLY, DEPTH_ONLY = "mkv without depth", "mkv without colour"
"""Kinds of recordings that can be shown, but not tracked."""
CALIBRATION_SUFFIX = ".calibration.json"
"""Of a file beside the recording that stands in for its own calibration."""
RECORD = "give a recording made with k4arecorder"
LACKS = {COLOR_ONLY: "depth", DEPTH_ONLY: "colour"}
USEC = 1e6


class MkvSource(Source):
    """Frames of an Azure Kinect recording; indices count from the first capture with depth.

    What cannot be opened as it is, but has whole frames, is read from a temporary copy of these. A recording of colour
    alone has frames with an empty depth image.
    """

    def __init__(self, path: Path) -> None:
        _check_kind(path)
        self._k4a = load_pyk4a()
        self._path = path
        self._playback: Any = None
        self._cleanup = ExitStack()
        try:
            self._calibration = _calibration_beside(path)
            found = find_damage(path, CHECK_BUDGET_S) or probe(path, with_calibration=self._calibration is None)
            readable = path if found is None else self._repaired(found)
            self._playback = playback_of(self._k4a, readable, with_calibration=self._calibration is None)
            self._call(self._playback.open)
            self._start()
        except BaseException:
            self.close()
            raise
        if found is not None:
            log.warning(
                "%s is cut off or damaged (%s): what is whole is read, %s; dphm convert keeps it",
                *(path, found, _up_to(self.info.length or 0)),
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
        with_calibration = self._calibration is None
        if write_repaired(self._path, copy) and not probe(copy, with_calibration):
            return copy
        if with_calibration and not probe(self._path, with_calibration=False):
            raise SourceError(f"{self._path}: its calibration is damaged; {self._calibration_cure}")
        if not names_kinect(self._path):
            raise SourceError(f"{self._path} is no Kinect recording, or the first bytes of one; {RECORD}")
        raise SourceError(f"{self._path} is cut off or damaged ({found}), and nothing in it is whole; record it again")

    def _start(self) -> None:
        mode, has_depth = self._mode()
        self._converter = self._make_converter(mode, has_depth)
        first_usec = self._time_usec(self._playback.get_next_capture)
        if first_usec is None and has_depth and mode.color_resolution is not None:
            has_depth, self._converter = False, self._make_converter(mode, has_depth=False)
            self._call(self._playback.seek, 0, self._k4a.SeekOrigin.BEGIN)
            first_usec = self._time_usec(self._playback.get_next_capture)
        self._converter.start_usec = first_usec
        self._call(self._playback.seek, 0, self._k4a.SeekOrigin.END)
        last_usec = self._time_usec(self._playback.get_previous_capture)
        if first_usec is None:
            raise SourceError(f"{self._path}: no readable frame (no capture has an image); record it again")
        if last_usec is None:  # its end has none
            last_usec = first_usec + int(self._playback.length)
        length = self._converter.index_of(last_usec) + 1
        kind = "mkv" if has_depth and mode.color_resolution else DEPTH_ONLY if has_depth else COLOR_ONLY
        self.info = SourceInfo(kind, self._path.name, self._converter.intrinsics, self._converter.mode.fps, length)
        if kind in LACKS:
            log.warning("%s has no %s: it can be shown, but no head can be tracked in it", self._path.name, LACKS[kind])
        self.seek(0)

    def _make_converter(self, mode: CaptureMode, has_depth: bool) -> CaptureConverter:
        try:
            calibration = self._calibration or self._call(lambda: self._playback.calibration_raw)
            layout = parse_layout(calibration)
            if not has_depth:
                return ColorConverter(calibration, mode)
            return CaptureConverter(calibration, mode) if layout is None else LayoutConverter(calibration, mode, layout)
        except SourceError as error:
            raise SourceError(f"{self._path}: {error}; {self._calibration_cure}") from error

    @property
    def _calibration_cure(self) -> str:
        name = self._path.with_suffix(CALIBRATION_SUFFIX).name
        return f"put the one of another recording of this camera beside it, as {name} (see docs/kinect-recordings.md)"

    def _mode(self) -> tuple[CaptureMode, bool]:
        """How the camera was set, and whether that gave depth."""
        try:
            told = self._call(lambda: self._playback.configuration)
        except ValueError as error:  # a number that pyk4a's enums do not have
            raise SourceError(
                f"{self._path}: recorded in an unknown mode ({error}); record it again with k4arecorder"
            ) from error
        resolution = told["color_resolution"].name if told["color_track_enabled"] else None
        if resolution is not None and resolution not in COLOR_SIZES:
            raise SourceError(
                f"{self._path}: unknown colour resolution {resolution}; record with one of {', '.join(COLOR_SIZES)}"
            )
        if resolution is None and not told["depth_track_enabled"]:
            raise SourceError(f"{self._path} has neither depth nor colour, infrared at most; record it again with both")
        fps = FRAME_RATES[told["camera_fps"].name]
        mode = CaptureMode(int(told["depth_mode"]), resolution, told["color_format"].name, fps)
        return mode, bool(told["depth_track_enabled"])

    def _time_usec(self, step: Any) -> int | None:
        """Device time of the nearest capture that makes a frame, walking by `step`; None where none is near."""
        with suppress(EOFError):
            for _ in range(MAX_BLANK_CAPTURES):
                if (time_usec := self._converter.time_usec(self._call(step))) is not None:
                    return time_usec
        return None

    def _call(self, function: Any, *arguments: Any) -> Any:
        try:
            return function(*arguments)
        except self._k4a.K4AException as error:
            raise SourceError(f"{self._path} cannot be read any further; copy or record it again") from error


def check_trackable(info: SourceInfo) -> None:
    """Refuse a recording that lacks what every head needs; SourceError."""
    if info.kind in LACKS:
        raise SourceError(
            f"{info.label} has no {LACKS[info.kind]}, and tracking needs both depth and colour; "
            "record it again with both (k4arecorder does by itself)"
        )


def _up_to(frames: int) -> str:
    return "a single frame" if frames == 1 else f"up to {frames} frames"


def _check_kind(path: Path) -> None:
    """Reject what is no Matroska file."""
    magic = first_bytes(path, len(EBML_MAGIC))
    if magic != EBML_MAGIC:
        kind = "an empty file" if not magic else "not a Matroska file"
        raise SourceError(f"{path} is {kind}; {RECORD}")


def _calibration_beside(path: Path) -> str | None:
    """Factory calibration in a file of its own, which takes the place of the recording's; None where there is none."""
    beside = path.with_suffix(CALIBRATION_SUFFIX)
    return read_text(beside) if beside.is_file() else None
