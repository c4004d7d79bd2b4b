"""The pipeline's own frame rate: frames out of memory, nothing written, as with a live camera."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from time import perf_counter

from dphm_core.frames import RGBDFrame
from dphm_core.pipeline import Pipeline
from dphm_core.sources.base import SourceInfo
from dphm_core.sources.selection import SelectedFrames
from dphm_core.stages import FrameObserver
from dphm_core.tracking.tracker import HeadTracker

FRAMES = 60
"""Frames held in memory: 0.4 GB at 720p, 0.9 GB at 1080p."""
WARM_UP = 10
"""Frames before the clock starts: the detector finds the face, the tracker finds the head again."""


class MemoryFrames:
    """A source of frames that are in memory already."""

    def __init__(self, frames: list[RGBDFrame], info: SourceInfo) -> None:
        self.info = info
        self._frames = frames

    def __iter__(self) -> Iterator[RGBDFrame]:
        return iter(self._frames)

    def seek(self, index: int) -> None:
        """Leave the frames before `index` out."""
        self._frames = [frame for frame in self._frames if frame.index >= index]

    def close(self) -> None:
        """Let the frames go."""
        self._frames = []


def pipeline_rate(selected: SelectedFrames, observer: FrameObserver, tracker: HeadTracker) -> float | None:
    """Frames per second of observing and tracking, measured on the first frames of a recording.

    Parameters
    ----------
    selected : SelectedFrames
        Read, and closed, before the clock starts.
    observer : FrameObserver
        Closed afterwards.
    tracker : HeadTracker
        Calibrated.

    Returns
    -------
    float or None
        None where the recording is too short to tell.
    """
    with selected:
        frames = list(islice(selected, FRAMES))
    tracker.restart()
    done_s = []
    with Pipeline(MemoryFrames(frames, selected.info), observer, tracker, every_frame=True) as pipeline:
        for _ in pipeline.results():
            done_s.append(perf_counter())
    steady = done_s[WARM_UP:]
    return round((len(steady) - 1) / (steady[-1] - steady[0]), 2) if len(steady) > WARM_UP else None
