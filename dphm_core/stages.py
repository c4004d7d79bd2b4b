"""The stages of a pipeline by what they must answer to, and what a pipeline tells of itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, runtime_checkable

from dphm_core.frames import Observation, RGBDFrame, TrackedFrame


class SourceFacts(Protocol):
    """What the pipeline needs to know of a source."""

    @property
    def kind(self) -> str:
        """What it is, such as "folder", "mkv" or "kinect"."""

    @property
    def label(self) -> str:
        """Name for messages."""

    @property
    def fps(self) -> float:
        """Nominal frames per second."""

    @property
    def length(self) -> int | None:
        """Number of frames; None for a live source."""


class FrameSource(Protocol):
    """Where frames come from; used by the reading thread only, once started."""

    @property
    def info(self) -> SourceFacts:
        """Facts about the source."""

    def __iter__(self) -> Iterator[RGBDFrame]:
        """Frames from the current position on."""

    def seek(self, index: int) -> None:
        """Make `index` the next frame."""

    def close(self) -> None:
        """Release the device or file."""


@runtime_checkable
class LiveFrames(Protocol):
    """What a source may tell beyond its frames: that of a camera, which may have to be waited for."""

    @property
    def waiting(self) -> str | None:
        """What it waits for, and what to do, for the user; None while frames come. Any thread."""

    @property
    def dropped(self) -> int:
        """Frames that the camera lost so far. Any thread."""

    @property
    def damaged(self) -> int:
        """Frames that came and could not be used, so far. Any thread."""

    def interrupt(self) -> None:
        """Let iteration end soon, also where it waits; any thread."""


class FrameObserver(Protocol):
    """Turns frames into observations, on the observing thread."""

    def observe(self, frame: RGBDFrame) -> Observation:
        """Find the head's points and landmarks in one frame."""

    def hint(self, region: tuple[int, int, int, int], depth_m: float) -> None:
        """Tell where the head was last: its box (x0, y0, x1, y1) in pixels, its face's depth in metres."""

    def close(self) -> None:
        """Release the landmark detector."""


class FrameTracker(Protocol):
    """Tracks the head, on the tracking thread."""

    def track(self, observation: Observation) -> TrackedFrame:
        """Advance by one observation."""

    def cancel(self) -> None:
        """Give up what takes long: `track` raises `Cancelled` soon. May be called from any thread."""

    def restart(self) -> None:
        """Forget where the head was: the next observation is from another place in the recording."""


class FrameRecorder(Protocol):
    """Keeps frames, offered on the reading thread."""

    def put(self, frame: RGBDFrame) -> None:
        """Take a frame; never waits, never raises."""


class PipelineState(Enum):
    """IDLE → PLAYING ⇄ PAUSED → ENDED (→ PLAYING after play or seek); FAILED and STOPPED are final."""

    IDLE = "idle"
    PLAYING = "playing"
    PAUSED = "paused"
    ENDED = "ended"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True)
class PipelineStatus:
    """A pipeline at one moment."""

    state: PipelineState
    frames_read: int
    """Frames taken from the source so far."""
    frames_tracked: int
    """Frames the tracker has finished."""
    frames_dropped: int
    """Frames that a newer one replaced before they were observed or tracked (where not every frame counts)."""
    source_fps: float
    """Frames per second out of the source; 0 while it rests."""
    tracker_fps: float
    """Frames per second out of the tracker; 0 while it rests."""
    latency_s: float | None
    """From the newest tracked frame's coming in to its mesh; None before the first."""
    tracking: bool
    """Whether heads are looked for."""
    error: BaseException | None
    """What ended a thread, where one failed."""
    frames_missed: int = 0
    """Frames that a camera lost before they could be read, or that came and could not be used."""
    waiting: str | None = None
    """What a camera is waited for, and what to do, for the user; None while frames come."""

    @property
    def caught_up(self) -> bool:
        """Whether the tracker has answered for every frame read so far."""
        return self.frames_tracked + self.frames_dropped == self.frames_read
