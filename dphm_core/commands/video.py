"""`dphm video`: a track as a film."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from tyro.conf import OmitArgPrefixes, Positional, arg

from dphm_core.commands.base import OK, Command, Say, progress
from dphm_core.video.options import VideoOptions


@dataclass(frozen=True, kw_only=True)
class Video(Command):
    """Make a video (.mp4) of a track: its mesh over the recording's picture, or turning by itself, or both.

    Ctrl-C ends it and leaves nothing behind.
    """

    track: Annotated[Positional[Path], arg(metavar="TRACK")]
    """Results folder of `dphm track`."""
    out: Path
    """New .mp4 file."""
    source: str | None = None
    """The recording that was tracked; --view turntable needs none."""
    model: str | None = None
    """Head model that it was tracked with, where it lies elsewhere now: a name under models/, or a folder."""
    overwrite: bool = False
    """Replace the file."""
    video: OmitArgPrefixes[VideoOptions] = field(default_factory=VideoOptions)

    def run(self, say: Say) -> int:
        """Draw, with a progress bar."""
        from dphm_core.errors import OutputError
        from dphm_core.output.saved_track import load_saved_track
        from dphm_core.video.render import write_video

        if self.out.exists() and not self.overwrite:
            raise OutputError(f"{self.out} is there; give another file, or --overwrite to replace it")
        saved = load_saved_track(self.track, self.model)
        with progress("pictures") as tell:
            made = write_video(saved, self.source, self.out, self.video, tell)
        say(f"{'video':14}{made.words}")
        say(f"{'results':14}{self.out}")
        return OK
