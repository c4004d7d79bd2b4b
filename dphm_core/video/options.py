"""What a video shows; light, because the command line is made from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from tyro.conf import OmitArgPrefixes

from dphm_core.errors import SettingError
from dphm_core.sources.selection import Selection

View = Literal["overlay", "turntable", "both"]
LEAST_HEIGHT, MOST_HEIGHT = 64, 2160


@dataclass(frozen=True)
class VideoOptions:
    """What a video shows and how large."""

    view: View = "overlay"
    """The mesh over the recording's picture, the mesh alone and turning, or both side by side."""
    crop: bool = False
    """Show a square around the head rather than all of the recording's picture."""
    height: int = 720
    """Of the picture, pixels."""
    quality: int = 20
    """H.264's rate factor: 0 is without loss, 18 looks like it, 28 is small."""
    turn_s: float = 6.0
    """Seconds for one turn of the turntable; negative for the other way round."""
    opacity: float = 0.85
    """Of the mesh over the picture, 0 to 1."""
    frames: OmitArgPrefixes[Selection] = field(default_factory=Selection)

    def __post_init__(self) -> None:
        if self.view not in get_args(View):
            raise SettingError(f"a video's view cannot be '{self.view}'; choose one of {', '.join(get_args(View))}")
        if not LEAST_HEIGHT <= self.height <= MOST_HEIGHT:
            raise SettingError(f"a video's height is {LEAST_HEIGHT} to {MOST_HEIGHT} pixels, not {self.height}")
        if not 0 <= self.quality <= 51:
            raise SettingError(f"a video's quality is 0 (best) to 51, not {self.quality}")
        if not abs(self.turn_s) >= 0.5:
            raise SettingError(f"a turn takes 0.5 s or more, not {self.turn_s:g}")
        if not 0 < self.opacity <= 1:
            raise SettingError(f"a mesh's opacity is above 0 and at most 1, not {self.opacity:g}")

    @property
    def needs_recording(self) -> bool:
        """Whether the recording's pictures are shown."""
        return self.view != "turntable"
