"""Frames before the face was first seen: a recording can be followed backwards from there, by depth alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.camera.rays import project
from dphm_core.frames import FloatArray, RGBDFrame, TrackedFrame
from dphm_core.landmarks.tables import Region
from dphm_core.output.retrack import without_images
from dphm_core.sources.selection import SelectedFrames
from dphm_core.stages import FrameObserver
from dphm_core.tracking.fit_state import FitState
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
    assert tracker.subject is not None, "nothing to follow before the calibration"
    tracker.resume(first)
    vertices_cam = first.head_to_cam.to_camera(tracker.subject.posed_vertices(first.expression))
    for index in reversed(before):
        frame = _frame_at(frames, index)
        if frame is None:
            continue
        observer.hint(*head_place(vertices_cam, frame.intrinsics))
        tracked = tracker.track(without_images(observer.observe(frame)))
        if tracked.vertices_cam is None:
            return
        vertices_cam = tracked.vertices_cam
        yield replace(tracked, reason=REASON)


def head_place(vertices_cam: FloatArray, camera: Intrinsics) -> tuple[Region, float]:
    """Box (x0, y0, x1, y1) in pixels of a tracked head (V, 3), and the depth of its face in metres."""
    pixels = project(vertices_cam[::8], camera)
    low, high = np.nanmin(pixels, axis=0), np.nanmax(pixels, axis=0)
    size = np.array([camera.width, camera.height])
    x0, y0 = np.clip(low, 0, size).astype(int)
    x1, y1 = np.clip(high + 1, 0, size).astype(int)
    # The template's vertices are dense on the face, so that their median lies a little behind it.
    return (int(x0), int(y0), int(x1), int(y1)), float(np.median(vertices_cam[:, 2]))


def _frame_at(frames: SelectedFrames, index: int) -> RGBDFrame | None:
    frames.seek(index)
    frame = next(iter(frames), None)
    return frame if frame is not None and frame.index == index else None
