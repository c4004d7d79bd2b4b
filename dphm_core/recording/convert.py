"""Any recording, or some seconds of a camera, as what other programs read: images, or an Azure Kinect recording."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from dphm_core.camera.k4a_calibration import DepthMode
from dphm_core.errors import OutputError, SourceError
from dphm_core.files import check_new_folder, make_folder, written_atomically
from dphm_core.frames import RGBDFrame
from dphm_core.jobs import Tell
from dphm_core.sources import SourceInfo, open_source
from dphm_core.sources.mkv_head import FASTEST, FRAME_RATES
from dphm_core.sources.mkv_writer import MkvWriter
from dphm_core.sources.selection import SelectedFrames, Selection
from dphm_core.sources.writer import FolderWriter

log = logging.getLogger(__name__)

MKV_SUFFIX = ".mkv"
"""Of the file that is written instead of a folder."""
OTHER_SUFFIXES = (".mp4", ".avi", ".mov", ".bag", ".db3")
"""Of files that are not written; who gives one does not mean a folder."""


@dataclass(frozen=True)
class ConvertOptions:
    """What to convert, and to what."""

    color: Literal["png", "jpg"] = "png"
    """Format of a folder's colour images: png keeps every value, jpg takes a fifth of the room. Depth is always PNG."""
    selection: Selection = field(default_factory=Selection)
    """Which frames."""
    depth_mode: DepthMode | None = None
    """Of an .mkv file: write depth as this mode of a Kinect's own depth camera sees it; None: as it is."""


@dataclass(frozen=True)
class Converted:
    """What a conversion made."""

    folder: Path
    """Where it is: a folder, or the .mkv file."""
    frames: int
    """Frames in it."""
    damaged: int
    """Frames of the source that could not be read."""
    missing: int
    """Frames that the source did not have: lost when it was recorded, or sent by a camera while others were written."""


def convert(source: str | Path, out: Path, options: ConvertOptions, tell: Tell) -> Converted:
    """Write a recording's frames to a new folder, color/ and depth/ (16 bit, millimetres) with calibration.json.

    Or, where `out` ends in .mkv, to an Azure Kinect recording, which the SDK's playback opens (see `MkvWriter`); of a
    source that is too fast for one, every second, third … frame is written.

    Frames keep their numbers, counted from the selection's first and in its steps, so that missing ones stay missing.
    Where it fails or is cancelled nothing is left behind.

    Parameters
    ----------
    source : str or Path
        What `open_source` takes.
    out : Path
        A new or empty folder, or a new .mkv file.
    options : ConvertOptions
        What to convert, and to what.
    tell : callable
        Told of the progress; raises `Cancelled` to end it.

    Raises
    ------
    SourceError
        The source cannot be opened, or is a camera and the selection has no end.
    OutputError
        The folder is not empty or the file exists, it cannot be written, the file has no room for such frames, is of
        another kind, or a folder is to have a depth mode.
    Cancelled
        By `tell`.
    """
    as_file = out.suffix.lower() == MKV_SUFFIX
    if out.suffix.lower() in OTHER_SUFFIXES:
        raise OutputError(f"{out}: no {out.suffix} files are written; give {out.with_suffix(MKV_SUFFIX)}, or a folder")
    if options.depth_mode is not None and not as_file:
        raise OutputError(f"a folder's depth is registered to colour and has no mode; give {out}.mkv, or leave it out")
    if as_file and out.exists():
        raise OutputError(f"{out} is there already; choose a new name")
    if not as_file:
        check_new_folder(out)
    opened = open_source(source)
    if as_file:
        options = replace(options, selection=_slow_enough(opened.info, options.selection))
    with closing(SelectedFrames(opened, options.selection)) as frames:
        total = frames.count
        if total is None:
            raise SourceError(f"{frames.info.label} is live and has no end; tell where to stop")
        write = _write_file if as_file else _write_folder
        written = write(frames, out, options, total, tell)
    return Converted(out, written, opened.damaged, max(0, total - written - opened.damaged))


def _slow_enough(info: SourceInfo, selection: Selection) -> Selection:
    """Leave out so many frames that an Azure Kinect recording has room for the rest."""
    steps = int(info.fps / selection.every / FASTEST) + 1
    if steps == 1:
        return selection
    every = selection.every * steps
    log.warning(
        "%s has %g frames per second, and an Azure Kinect recording at most %d: of every %d frames, one is written",
        *(info.label, info.fps, FRAME_RATES[-1], every),
    )
    return replace(selection, every=every)


def _write_file(frames: SelectedFrames, out: Path, options: ConvertOptions, total: int, tell: Tell) -> int:
    info, fps = frames.info, frames.info.fps / options.selection.every
    make_folder(out.absolute().parent)
    with (
        written_atomically(out) as partial,
        MkvWriter(partial, info.intrinsics, fps, options.depth_mode, info.label) as writer,
    ):
        return _write_each(
            frames, lambda frame: writer.write(frame.color, frame.depth_m, frame.timestamp_s), total, tell
        )


def _write_folder(frames: SelectedFrames, out: Path, options: ConvertOptions, total: int, tell: Tell) -> int:
    info, every, start = frames.info, options.selection.every, options.selection.start
    with FolderWriter(out, info.intrinsics, info.fps / every, options.color, info.label) as writer:

        def write(frame: RGBDFrame) -> None:
            writer.write(frame.color, frame.depth_m, frame.timestamp_s, (frame.index - start) // every)

        return _write_each(frames, write, total, tell)


def _write_each(frames: SelectedFrames, write: Callable[[RGBDFrame], None], total: int, tell: Tell) -> int:
    """Write frames one after another; how many there were."""
    info, written = frames.info, 0
    tell(0, total)
    for frame in _of_one_camera(frames, info.label, info.intrinsics):
        write(frame)
        written += 1
        tell(written, total)
    if not written:
        raise SourceError(f"{info.label} has no frame in this part; choose another one")
    return written


def _of_one_camera(frames: Iterable[RGBDFrame], label: str, intrinsics: object) -> Iterable[RGBDFrame]:
    """Pass frames on, and tell of a camera that changes: what is written has the first one's."""
    told = False
    for frame in frames:
        if frame.intrinsics != intrinsics and not told:
            told = True
            log.warning("%s: the camera's calibration changes; that of its first frame is written for all", label)
        yield frame
