"""Azure Kinect recordings (MKV, as k4arecorder writes them)."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from dphm_core.errors import SourceError
from dphm_core.frames import RGBDFrame
from dphm_core.sources.base import Source, SourceInfo
from dphm_core.sources.k4a_capture import (
    COLOR_SIZES,
    FRAME_RATES,
    CaptureConverter,
    CaptureMode,
)
from dphm_core.sources.k4a_driver import SDK_LOG, load_pyk4a

EBML_MAGIC = b"\x1a\x45\xdf\xa3"
"""First bytes of every Matroska file."""
PROBE_TIMEOUT_S = 60
"""The probe takes 0.1 s on a local disk."""
PROBE = """
import sys, pyk4a
playback = pyk4a.PyK4APlayback(sys.argv[1])
playback.open()
try:
    playback.configuration, playback.calibration_raw, playback.calibration
except pyk4a.K4AException:
    sys.exit("(). its calibration is damaged")
try:
    playback.get_next_capture()
except EOFError:
    sys.exit("(). it has no capture")
"""
CUES_ID = "1c53bb6b"
"""Matroska's index, the last thing that a recorder writes."""
MAX_BLANK_CAPTURES = 300
"""Captures without depth that are passed over in search of the first and the last frame."""
USEC = 1e6


class MkvSource(Source):
    """Frames of an Azure Kinect recording; indices count from the first capture with depth."""

    def __init__(self, path: Path) -> None:
        _probe(path)
        self._k4a = load_pyk4a()
        self._path = path
        # thread_safe=False only means that pyk4a lets other threads run meanwhile.
        self._playback: Any = self._k4a.PyK4APlayback(path, thread_safe=False)
        self._call(self._playback.open)
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def seek(self, index: int) -> None:
        """Make the frame with this index, or the first one after it, the next one."""
        start = self._converter.start_usec or 0
        half_a_frame_before = max(index, 0) - 0.5
        time_usec = max(0, round(start + half_a_frame_before / self.info.fps * USEC))
        self._call(self._playback.seek, time_usec, self._k4a.SeekOrigin.DEVICE_TIME)
        self._converter.restart()

    def close(self) -> None:
        """Close the file; harmless when repeated."""
        if self._playback is not None:
            self._playback.close()
        self._playback = None

    def _read_next(self) -> RGBDFrame:
        if self._playback is None:
            raise StopIteration
        try:
            capture = self._call(self._playback.get_next_capture)
        except EOFError:
            raise StopIteration from None
        return self._converter.frame(capture)

    def _start(self) -> None:
        mode = self._mode()
        try:
            self._converter = CaptureConverter(self._call(lambda: self._playback.calibration_raw), mode)
        except SourceError as error:
            raise SourceError(f"{self._path}: {error}; record it again") from error
        self._converter.start_usec = self._depth_time_usec(self._playback.get_next_capture)
        self._call(self._playback.seek, 0, self._k4a.SeekOrigin.END)
        last_usec = self._depth_time_usec(self._playback.get_previous_capture)
        length = self._converter.index_of(last_usec) + 1
        self.info = SourceInfo("mkv", self._path.name, self._converter.intrinsics, mode.fps, length)
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


def _probe(path: Path) -> None:
    """Reject what is no recording; in a process of its own, which the SDK's reader kills on some damaged files."""
    try:
        with path.open("rb") as file:
            magic = file.read(len(EBML_MAGIC))
    except OSError as error:
        raise SourceError(f"{path} cannot be read ({error.strerror}); check its permissions") from error
    if magic != EBML_MAGIC:
        kind = "an empty file" if not magic else "not a Matroska file"
        raise SourceError(f"{path} is {kind}; give a recording made with k4arecorder")
    load_pyk4a()  # says what is wrong where it cannot be imported at all
    try:
        probe = subprocess.run(
            [sys.executable, "-c", PROBE, str(path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,  # the SDK complains on one, the C++ runtime on the other
            env=os.environ | {SDK_LOG: "1"},
            text=True,
            errors="replace",
            timeout=PROBE_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired as error:
        raise SourceError(f"{path} could not be opened within {PROBE_TIMEOUT_S} s; copy it to a local disk") from error
    if probe.returncode != 0:
        raise SourceError(f"{path} is cut off, damaged or no Kinect recording ({_reason(probe.stdout, path)}")


def _reason(output: str, path: Path) -> str:
    """Pick the first thing that the SDK complained about, without its own file names; and what to do about it."""
    complaint = re.search(r"\(\)\. (.+)", output) or re.search(r"what\(\):\s*(.+)", output)
    reason = complaint[1].strip() if complaint else "no reason given"
    if CUES_ID in reason:
        return (
            f"its index is missing); `mkvmerge -o repaired.mkv {path.name}` of MKVToolNix makes one for what is there"
        )
    return f"{reason}); record it again"
