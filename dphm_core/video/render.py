"""A saved track → a video file."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.camera.rays import project
from dphm_core.errors import SettingError, SourceError
from dphm_core.files import file_size
from dphm_core.frames import FloatArray, RGBDFrame
from dphm_core.jobs import Tell
from dphm_core.meshing.picture import Image
from dphm_core.output.saved_track import SavedTrack
from dphm_core.sources import open_source
from dphm_core.sources.selection import SelectedFrames
from dphm_core.video.mp4 import open_mp4
from dphm_core.video.options import VideoOptions
from dphm_core.video.scenes import Overlay, Part, Turntable, even

USUAL_FPS = 30.0
SUFFIX = ".mp4"
LOOKED_AT = 50
"""Frames by which is told where in the picture the head moves."""


@dataclass(frozen=True)
class VideoSummary:
    """What was written."""

    pictures: int
    seconds: float
    size: tuple[int, int]
    """(width, height), pixels."""
    bytes: int

    @property
    def words(self) -> str:
        """In one line, for a user."""
        width, height = self.size
        pictures = f"{self.pictures} picture{'s' * (self.pictures != 1)}"
        return f"{pictures} of {width}x{height}, {self.seconds:.1f} s, {file_size(self.bytes)}"


def write_video(
    saved: SavedTrack, recording: str | Path | None, path: Path, options: VideoOptions, tell: Tell
) -> VideoSummary:
    """Draw a track's frames into a video; for any one thread.

    A frame without a head shows the recording's picture alone, and on the turntable the last head that there was.

    Parameters
    ----------
    saved : SavedTrack
        What to draw.
    recording : str or Path or None
        What was tracked, for the pictures behind the mesh; a turntable needs none.
    path : Path
        File to write, ending in .mp4; all of it or nothing.
    options : VideoOptions
        What it shows.
    tell : Tell
        Called with the pictures done, and how many there are.

    Raises
    ------
    SettingError
        The recording is missing, the file's extension is another, or the track has no such frames.
    SourceError
        The recording cannot be opened.
    OutputError
        The file cannot be written.
    Cancelled
        By `tell`; nothing is left behind.
    """
    if path.suffix.lower() != SUFFIX:
        raise SettingError(f"{path.name} does not end in {SUFFIX}; videos are of that format")
    rows = [row for row, index in enumerate(saved.track.frame_index.tolist()) if index in options.frames]
    if not rows:
        known = saved.track.frame_index
        raise SettingError(f"the track has no such frames; it has frames {known[0]} to {known[-1]}")
    tell(0, len(rows))
    times_s = saved.track.timestamp_s[rows] - saved.track.timestamp_s[rows[0]]
    fps = _rate(times_s)
    with ExitStack() as opened:
        painters = _painters(saved, recording, options, opened)
        size = (sum(painter.size[0] for painter in painters), painters[0].size[1])
        video = opened.enter_context(open_mp4(path, size, fps, options.quality))
        for done, (row, time_s) in enumerate(zip(rows, times_s.tolist(), strict=True), start=1):
            video.write(np.hstack([painter.paint(row, time_s) for painter in painters]), time_s)
            tell(done, len(rows))
    return VideoSummary(len(rows), float(times_s[-1]) + 1 / fps, size, path.stat().st_size)


def _painters(
    saved: SavedTrack, recording: str | Path | None, options: VideoOptions, opened: ExitStack
) -> list[_Painter]:
    """Who paint a picture's parts, from left to right; `opened` closes the recording."""
    height = even(options.height)
    painters: list[_Painter] = []
    if options.needs_recording:
        if recording is None:
            raise SettingError("the recording's pictures are wanted; give --source, or take --view turntable")
        frames = opened.enter_context(SelectedFrames(open_source(recording), options.frames))
        part = _part(saved, frames.info.intrinsics, height, options)
        painters.append(_OverlayPainter(saved, frames, Overlay(part, options.opacity)))
    if options.view != "overlay":
        turntable = Turntable.around(saved.subject.vertices_canonical, height, options.turn_s)
        painters.append(_TurntablePainter(saved, turntable))
    return painters


def _part(saved: SavedTrack, camera: Intrinsics, height: int, options: VideoOptions) -> Part:
    """What of the recording's pictures is shown."""
    rows = [row for row in range(len(saved.track.frame_index)) if saved.track.frame_index[row] in options.frames]
    heads = [saved.vertices_cam(row) for row in rows[:: max(1, len(rows) // LOOKED_AT)]]
    seen = [pixels for head in heads if head is not None for pixels in [project(head, camera)]]
    points = np.concatenate(seen) if seen else np.zeros((0, 2))
    points = points[np.isfinite(points).all(axis=1)]
    return Part.around(points, camera, height) if options.crop and len(points) else Part.whole(camera, height)


def _rate(times_s: NDArray[np.float64]) -> float:
    """Usual pictures per second of rising times."""
    steps = np.diff(times_s)
    steps = steps[steps > 0]
    return float(1 / np.median(steps)) if len(steps) else USUAL_FPS


class _Painter(Protocol):
    """Paints one part of the video's pictures, row after row of the track."""

    size: tuple[int, int]

    def paint(self, row: int, time_s: float) -> Image:
        """Paint the picture of a row of the track, at a time of the video."""


class _OverlayPainter:
    def __init__(self, saved: SavedTrack, frames: SelectedFrames, overlay: Overlay) -> None:
        self.size = overlay.part.size
        self._saved, self._overlay, self._label = saved, overlay, frames.info.label
        self._frames = iter(frames)
        self._read: RGBDFrame | None = None

    def paint(self, row: int, _time_s: float) -> Image:
        """Paint the mesh over the row's own frame."""
        frame = self._frame(int(self._saved.track.frame_index[row]))
        return self._overlay.draw(frame, self._saved.vertices_cam(row), self._saved.faces)

    def _frame(self, index: int) -> RGBDFrame:
        while self._read is None or self._read.index < index:
            self._read = next(self._frames, None)
            if self._read is None:
                break
        if self._read is None or self._read.index != index:
            raise SourceError(f"{self._label} has no frame {index}, which the track has; give the recording it is of")
        return self._read


class _TurntablePainter:
    def __init__(self, saved: SavedTrack, turntable: Turntable) -> None:
        self.size = (turntable.size, turntable.size)
        self._saved, self._turntable = saved, turntable
        self._head: FloatArray | None = None

    def paint(self, row: int, time_s: float) -> Image:
        """Paint the row's head, or the one before where it has none."""
        head = self._saved.vertices_head(row)
        self._head = self._head if head is None else head
        return self._turntable.draw(self._head, self._saved.faces, time_s)
