"""Frames before the face was first seen: a recording can be followed backwards from there, by depth alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dphm_core.frames import TrackedFrame
from dphm_core.sources.selection import SelectedFrames
from dphm_core.stages import FrameObserver
from dphm_core.tracking.fit_state import FitState
from dphm_core.tracking.place import head_place
from dphm_core.tracking.tracker import HeadTracker

REASON = "following the frame after"


def follow_backwards(
    frames: SelectedFrames, observer: FrameObserver, tracker: HeadTracker, first: FitState, before: list[int]
) -> Iterator[TrackedFrame]:
    """Track frames in reverse from the first tracked one, until the head is lost.

    Parameters
    ----------
    frames : SelectedFrames
        The recording, seekable.
    observer : FrameObserver
        Told of the head's place at each step; needs no landmarks: turned away, a face is found badly or not at all.
    tracker : HeadTracker
        Calibrated; where it stands is forgotten.
    first : FitState
        State of the first frame that was tracked.
    before : list of int
        Indices before it, rising.

    Yields
    ------
    TrackedFrame
        In falling order of their index.
    """
    tracker.resume(first)
    pose = first.head_to_cam
    for index in reversed(before):
        frame = frames.frame_at(index)
        if frame is None:
            continue
        observer.hint(*head_place(pose, frame.intrinsics))
        tracked = tracker.track(observer.observe(frame).without_images())
        if tracked.head_to_cam is None:
            return
        pose = tracked.head_to_cam
        yield replace(tracked, reason=REASON)
