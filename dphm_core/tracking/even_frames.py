"""Frames spread evenly over all the time that a head was followed: what single views do not tell, many together do."""

from __future__ import annotations

from dphm_core.tracking.keyframes import Keyframe

MAX_KEPT = 60
"""Frames that are kept: some 12 MB. Once there are more, every second one goes."""


class EvenFrames:
    """Keeps a bounded number of frames, evenly spread over those that were offered; lives on the tracking thread."""

    def __init__(self) -> None:
        self.frames: list[Keyframe] = []
        """In the order in which they came."""
        self.offered = 0
        self._stride = 1

    def offer(self, frame: Keyframe) -> None:
        """Keep a frame where its turn is."""
        if self.offered % self._stride == 0:
            self.frames.append(frame.to_keep())
        self.offered += 1
        if len(self.frames) > MAX_KEPT:
            self.frames = self.frames[::2]
            self._stride *= 2
