"""Stages of a pipeline that are known through and through."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.errors import SourceError
from dphm_core.frames import Observation, RGBDFrame, TrackedFrame, TrackStatus

CAMERA = Intrinsics(width=4, height=3, fx=4, fy=4, cx=2, cy=1.5)
EMPTY = np.zeros((0, 3), dtype=np.float32)


@dataclass(frozen=True)
class Info:
    label: str
    fps: float
    length: int | None
    kind: str = "counting"


class CountingSource:
    """Frames numbered from 0; remembers which thread closed it."""

    def __init__(self, length: int | None = 20, fps: float = 100.0, broken_at: int | None = None) -> None:
        self.info = Info("counting source", fps, length)
        self.broken_at = broken_at
        self.next_index = 0
        self.read_at: list[float] = []
        self.closed_by: list[str] = []

    def __iter__(self) -> Iterator[RGBDFrame]:
        while self.info.length is None or self.next_index < self.info.length:
            if self.next_index == self.broken_at:
                raise SourceError("counting source: frame is damaged; record it again")
            index, self.next_index = self.next_index, self.next_index + 1
            self.read_at.append(time.monotonic())
            time.sleep(0.001)
            yield RGBDFrame(index, index / self.info.fps, None, np.zeros((3, 4), np.float32), CAMERA)

    def seek(self, index: int) -> None:
        self.next_index = index

    def close(self) -> None:
        self.closed_by.append(threading.current_thread().name)


class PlainObserver:
    def __init__(self) -> None:
        self.closed = False
        self.hints: list[float] = []

    def hint(self, region: tuple[int, int, int, int], depth_m: float) -> None:
        self.hints.append(depth_m)

    def observe(self, frame: RGBDFrame) -> Observation:
        return Observation(frame, EMPTY, EMPTY, None, {"observe": 0.5})

    def close(self) -> None:
        self.closed = True


class RecordingTracker:
    def __init__(self, busy_s: float = 0.0, broken_at: int | None = None) -> None:
        self.busy_s, self.broken_at = busy_s, broken_at
        self.seen: list[int] = []
        self.restarted_after: list[int] = []

    def cancel(self) -> None:
        pass

    def restart(self) -> None:
        self.restarted_after.append(len(self.seen))

    def track(self, observation: Observation) -> TrackedFrame:
        time.sleep(self.busy_s)
        if observation.frame.index == self.broken_at:
            raise ZeroDivisionError("tracker broke")
        self.seen.append(observation.frame.index)
        return TrackedFrame(observation, TrackStatus.SEARCHING, "no head yet", stages_s={"solve": 0.25})


def dphm_threads() -> list[str]:
    """Threads of pipelines; the camera kernels' pool stays for good once another test has used it."""
    names = [thread.name for thread in threading.enumerate()]
    return [name for name in names if name.startswith("dphm-") and not name.startswith("dphm-camera")]
