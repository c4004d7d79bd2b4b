"""A small recording on disk, and an observer and a tracker whose answers are known beforehand."""

from __future__ import annotations

import threading
from dataclasses import replace
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from dphm_core.batch import Stages
from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.errors import Cancelled
from dphm_core.frames import FaceLandmarks, FloatArray, Observation, RGBDFrame, Similarity, TrackedFrame, TrackStatus
from dphm_core.sources import open_source
from dphm_core.sources.selection import SelectedFrames, Selection
from dphm_core.sources.writer import FolderWriter
from dphm_core.tracking.fit_state import FitState
from dphm_core.tracking.subject_file import KnownSubject
from dphm_core.tracking.tracker import HeadTracker

CAMERA = Intrinsics(width=48, height=32, fx=60, fy=60, cx=24, cy=16)
FACE_RED = 200
"""Red of frames that show a face."""
EXPRESSIONS = ("jawOpen", "smile")
VERTICES = np.array([[0, 0, 0.2], [0.4, 0, 0], [0, 0.4, 0], [0, 0, -0.2]], dtype=np.float32)
"""Head frame."""
FACES = np.array([[0, 1, 2], [1, 3, 2]], dtype=np.int32)
POSE = Similarity(np.diag([1.0, -1.0, -1.0]).astype(np.float32), np.array([0, 0, 0.6], np.float32), 1.25)


def record(folder: Path, faces: list[bool], with_color: bool = True) -> Path:
    """Write a recording whose frame k shows a face where `faces[k]`."""
    with FolderWriter(folder, CAMERA, 30.0) as writer:
        for index, face in enumerate(faces):
            color = np.full((CAMERA.height, CAMERA.width, 3), 40, dtype=np.uint8)
            color[..., 0] = FACE_RED if face else 0
            depth_m = np.full((CAMERA.height, CAMERA.width), 0.6, dtype=np.float32)
            writer.write(color if with_color else None, depth_m, index / 30)
    return folder


class RedObserver:
    """Sees a face in red images."""

    def observe(self, frame: RGBDFrame) -> Observation:
        landmarks = None
        if frame.color is not None and frame.color[0, 0, 0] == FACE_RED:
            points = np.full((478, 3), 0.5, dtype=np.float32)
            landmarks = FaceLandmarks(np.zeros((478, 2), np.float32), points, np.zeros(52, np.float32))
        points = np.zeros((10, 3), dtype=np.float32)
        return Observation(frame, points, points, landmarks, {"observe": 0.002, "landmarks": 0.004})

    def hint(self, region: tuple[int, int, int, int], depth_m: float) -> None:
        assert region[2] > region[0] and region[3] > region[1] and depth_m > 0

    def close(self) -> None:
        pass


class ScriptedTracker:
    """Calibrates on its third face; tracks what shows a face, with jawOpen = index / 100 and residual = index."""

    calibration_faces = 3

    def __init__(self, template: bool = True, broken_at: int | None = None, follows: bool = False) -> None:
        landmark_vertices = np.full(478, -1, dtype=np.int32)
        landmark_vertices[7] = 2
        self.model = SimpleNamespace(
            template=SimpleNamespace(landmark_vertices=landmark_vertices) if template else None,
            expression_names=EXPRESSIONS,
            config=SimpleNamespace(expression_dim=len(EXPRESSIONS)),
        )
        self.subject: Any = None
        self.calibration_s = 0.0
        self.tracked: list[int] = []
        self.restarts = self.images_seen = 0
        self.resumed = False
        self._follows = follows
        self._broken_at = broken_at
        self._faces_seen = 0

    @property
    def known(self) -> KnownSubject | None:
        return (
            None if self.subject is None else KnownSubject(np.zeros(3, np.float32), 1.25, 5e-4, 2e-4, "scripted", "0")
        )

    @property
    def faces(self) -> Any:
        return FACES if self.subject is not None else np.zeros((0, 3), np.int32)

    def track(self, observation: Observation) -> TrackedFrame:
        self.images_seen += observation.frame.color is not None or observation.frame.depth_m.size > 0
        index = observation.frame.index
        if index == self._broken_at:
            raise ZeroDivisionError("tracker broke")
        if self.subject is None:
            self._faces_seen += observation.landmarks is not None
            if self._faces_seen >= self.calibration_faces:
                self.finish_calibration()
            return TrackedFrame(observation, TrackStatus.CALIBRATING, "looking", POSE)
        self.tracked.append(index)
        if observation.landmarks is None and not self.resumed:
            return TrackedFrame(observation, TrackStatus.LOST, "no face", stages_s=dict(observation.stages_s))
        code = np.array([index / 100, 0], dtype=np.float32)
        vertices_cam = POSE.to_camera(self.posed(code))
        stages = {**observation.stages_s, "solve": 0.008, "mesh": 0.001}
        return TrackedFrame(observation, TrackStatus.TRACKING, "fits", POSE, code, vertices_cam, float(index), stages)

    @property
    def settled(self) -> bool:
        return self.subject is not None

    def conclude(self) -> None:
        pass

    def finish_calibration(self) -> None:
        if self._faces_seen:
            code = np.arange(5, dtype=np.float32)
            self.subject = SimpleNamespace(
                identity_code=code, scale=1.25, offset=None, posed_vertices=self.posed, faces=FACES
            )
            self.calibration_s = 1.5

    def cancel(self) -> None:
        pass

    def restart(self) -> None:
        self.restarts += 1

    def resume(self, state: FitState) -> None:
        self.resumed = self._follows

    @staticmethod
    def posed(code: FloatArray) -> FloatArray:
        return VERTICES + np.float32([0, -code[0], 0])


def stages(recording: Path, tracker: ScriptedTracker | None = None, selection: Selection | None = None) -> Stages:
    """Parts of a run: a real source, the observer and tracker above."""
    made = tracker or ScriptedTracker()
    return Stages(
        frames=lambda: SelectedFrames(open_source(recording), selection or Selection()),
        tracker=lambda: cast(HeadTracker, made),
        observer=RedObserver,
        depth_observer=RedObserver,
        model="scripted",
    )


def breaking_after(parts: Stages, count: int, error: Exception) -> Stages:
    """The same parts, but reading ends with an error after some frames."""

    def frames() -> SelectedFrames:
        selected = parts.frames()
        whole = SelectedFrames.__iter__

        class Breaking(SelectedFrames):
            def __iter__(self) -> Any:
                yield from islice(whole(self), count)
                raise error

        selected.__class__ = Breaking
        return selected

    return replace(parts, frames=frames)


class BusyTracker(ScriptedTracker):
    """Works on whose head it is, either at its third face or at the end, until it is told to give up."""

    def __init__(self, at_the_end: bool) -> None:
        super().__init__()
        self.calibration_faces = 1000 if at_the_end else 3
        self.busy, self._unwanted = threading.Event(), threading.Event()

    def finish_calibration(self) -> None:
        self._wait_to_give_up()
        raise Cancelled("given up")

    def _wait_to_give_up(self) -> None:
        self._unwanted.clear()  # work may be done again, although the pipeline has ended
        self.busy.set()
        # In pieces, as work does it: Ctrl-C is heard between two of them.
        assert any(self._unwanted.wait(0.02) for _ in range(1000)), "nobody gave it up"

    def cancel(self) -> None:
        self._unwanted.set()


class RefiningTracker(BusyTracker):
    """Knows whose head it is, and works on knowing it better when the recording is at its end."""

    settled = False

    def __init__(self) -> None:
        super().__init__(at_the_end=True)
        self._faces_seen = 1
        ScriptedTracker.finish_calibration(self)

    def finish_calibration(self) -> None:
        pass

    def conclude(self) -> None:
        super().finish_calibration()


class RelearningTracker(BusyTracker):
    """Takes the head for the first of `heads` after three faces, for the next one after frame `learns_after`, and
    at each end.

    At the second frame, once `busy_with` heads are known and the recording is gone through again, it waits to be told
    to give up.
    """

    def __init__(self, heads: list[float], busy_with: int, learns_after: int | None = None) -> None:
        super().__init__(at_the_end=False)
        self._heads, self._busy = heads, (busy_with, 1)
        self._learns_after = learns_after
        self._known = 0

    @property
    def known(self) -> KnownSubject | None:
        known = super().known
        return known and replace(known, coefficients=np.full(3, self.subject.scale, np.float32))

    @property
    def settled(self) -> bool:
        return self._known == len(self._heads)

    def finish_calibration(self) -> None:
        if self.subject is None:
            self.conclude()

    def conclude(self) -> None:
        ScriptedTracker.finish_calibration(self)
        self.subject.scale = self._heads[self._known]
        self._known += 1

    def track(self, observation: Observation) -> TrackedFrame:
        tracked = super().track(observation)
        if self.restarts and self._busy == (self._known, observation.frame.index):
            self._wait_to_give_up()
        if observation.frame.index == self._learns_after:
            self.conclude()
        return tracked
