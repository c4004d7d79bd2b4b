"""`dphm convert`: a recording in, a folder of images or an Azure Kinect recording out."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import OmitArgPrefixes, Positional, arg

from dphm_core.commands.base import OK, Command, Say, progress
from dphm_core.sources.selection import Selection

if TYPE_CHECKING:
    from dphm_core.recording.convert import ConvertOptions


@dataclass(frozen=True, kw_only=True)
class Convert(Command):
    """Turn a recording into a folder of images: color/, depth/ (PNG, 16 bit, millimetres), calibration.json.

    Or, where OUT ends in .mkv, into an Azure Kinect recording, which Microsoft's tools open, too.

    Ctrl-C ends it and leaves nothing behind.
    """

    source: Annotated[Positional[str], arg(metavar="SOURCE")]
    """Recording (a folder, .mkv, .bag or .db3 file, or "demo"), or camera ("kinect", "realsense", "orbbec") with
    --stop."""
    out: Annotated[Positional[Path], arg(metavar="OUT")]
    """A new or empty folder, or a new .mkv file."""
    color: Literal["png", "jpg"] = "png"
    """Format of a folder's colour images: png keeps every value, jpg takes a fifth of the room."""
    depth: Literal["registered", "nfov-binned", "nfov-unbinned", "wfov-binned", "wfov-unbinned"] = "registered"
    """Of an .mkv file: registered to colour as it is, or seen once more by a Kinect's depth camera in one of its modes,
    for programs that expect a Kinect's own recordings; nfov-binned is the smallest, 5 MB per second."""
    selection: OmitArgPrefixes[Selection] = field(default_factory=Selection)

    def run(self, say: Say) -> int:
        """Convert, with a progress bar."""
        from dphm_core.recording.convert import convert

        with progress("frames") as tell:
            made = convert(self.source, self.out, self._options(), tell)
        damaged = f", {made.damaged} damaged ones left out" if made.damaged else ""
        missing = f", {made.missing} missing" if made.missing else ""
        say(f"{made.frames} frames in {made.folder}{damaged}{missing}")
        return OK

    def _options(self) -> ConvertOptions:
        from dphm_core.camera.k4a_calibration import DepthMode
        from dphm_core.recording.convert import ConvertOptions

        name = self.depth.replace("-", "_").replace("_binned", "_2x2binned").upper()
        mode = None if self.depth == "registered" else DepthMode[name]
        return ConvertOptions(self.color, self.selection, mode)
