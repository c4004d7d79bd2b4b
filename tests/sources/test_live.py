"""Waiting for a live camera, finding it again, and its clock."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

import numpy as np
import pytest
from waiting import wait_until

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.errors import SourceError
from dphm_core.frames import RGBDFrame
from dphm_core.sources.base import SourceInfo
from dphm_core.sources.live import CLOCK_JUMP_S, SLICE_MS, CameraLost, FrameClock, LiveSource, Patience

CAMERA = Intrinsics(width=4, height=3, fx=4, fy=4, cx=2, cy=1.5)
FPS = 30.0


def frame_at(time_s: float) -> RGBDFrame:
    return RGBDFrame(0, time_s, None, np.zeros((3, 4), np.float32), CAMERA)


@dataclass
class Bus:
    """What a made-up camera sends, and whether it is plugged in."""

    times_s: list[float]
    present: bool = True
    busy: bool = False
    silence_ms: int = 400
    """After this the camera is lost."""
    slices_ms: list[int] = field(default_factory=list)
    connected: int = 1
    tried: int = 0
    """Attempts to find it again."""


class MadeUpCamera(LiveSource):
    def __init__(self, bus: Bus, patience: Patience) -> None:
        super().__init__(patience)
        self.bus = bus
        self.info = SourceInfo("made-up", "Camera 1", CAMERA, FPS, None)

    def _take(self, timeout_ms: int) -> float | None:
        self.bus.slices_ms.append(timeout_ms)
        if self.bus.times_s:
            return self.bus.times_s.pop(0)
        time.sleep(timeout_ms / 1000)
        return None

    def _receive(self) -> RGBDFrame:
        time_s = self._wait(self._take, self.bus.silence_ms)
        if time_s is None:
            raise CameraLost("is silent", "plug it in again")
        return frame_at(time_s)

    def _disconnect(self) -> None:
        self.bus.connected = 0

    def _reconnect(self) -> None:
        self.bus.tried += 1
        if not self.bus.present:
            raise SourceError("no camera")
        if self.bus.busy:
            raise SourceError("Camera 1 has no power; connect it")
        self.bus.connected, self.bus.times_s = 1, [0.0, 1 / FPS]


def test_a_clock_numbers_frames_and_counts_what_is_missing() -> None:
    clock = FrameClock()
    placed = [clock.place(frame_at(5 + number / FPS), FPS) for number in (0, 1, 4, 5)]
    assert [frame.index for frame in placed] == [0, 1, 4, 5]
    assert placed[2].timestamp_s == pytest.approx(5 + 4 / FPS)
    assert clock.dropped == 2


@pytest.mark.parametrize("jump_s", [-4.0, 0.0, CLOCK_JUMP_S + 1.0, 1e9])
def test_a_clock_that_is_set_anew_leaves_neither_a_gap_nor_a_step_back(jump_s: float) -> None:
    clock = FrameClock()
    placed = [clock.place(frame_at(time_s), FPS) for time_s in (7.0, 7.0 + jump_s, 7.0 + jump_s + 1 / FPS)]
    assert [frame.index for frame in placed] == [0, 1, 2]
    assert np.diff([frame.timestamp_s for frame in placed]) == pytest.approx([1 / FPS] * 2, abs=0.02)
    assert clock.dropped == 0


def test_a_camera_that_comes_back_goes_on_with_its_indices_and_its_time() -> None:
    source = MadeUpCamera(Bus([3.0, 3.0 + 1 / FPS]), Patience(limit_s=60.0, retry_s=0.01))
    started = time.monotonic()
    frames = [next(source) for _ in range(4)]
    away_s = time.monotonic() - started
    indices, times_s = [frame.index for frame in frames], [frame.timestamp_s for frame in frames]
    assert indices[:2] == [0, 1] and indices[3] == indices[2] + 1
    assert 0.35 < times_s[2] - times_s[1] < away_s + 1 / FPS
    assert indices[2] == round((times_s[2] - 3.0) * FPS)
    assert source.dropped == 0 and source.waiting is None
    assert max(source.bus.slices_ms) <= SLICE_MS


def test_a_camera_that_stays_away_is_given_up() -> None:
    source = MadeUpCamera(Bus([1.0], present=False), Patience(limit_s=0.1, retry_s=0.01))
    next(source)
    with pytest.raises(SourceError, match=r"^Camera 1 is silent; plug it in again, then open it again$"):
        next(source)
    assert source.bus.connected == 0 and source.waiting is None


def test_a_camera_that_can_be_opened_but_sends_nothing_is_given_up_too() -> None:
    class Mute(MadeUpCamera):
        def _reconnect(self) -> None:
            super()._reconnect()
            self.bus.times_s = []

    source = Mute(Bus([1.0], silence_ms=20), Patience(limit_s=0.1, retry_s=0.01))
    next(source)
    with pytest.raises(SourceError, match=r"^Camera 1 is silent; plug it in again, then open it again$"):
        next(source)
    assert source.bus.tried > 1 and source.waiting is None


def test_a_camera_that_sends_a_picture_now_and_then_is_given_up_too() -> None:
    class Weak(MadeUpCamera):
        def _reconnect(self) -> None:
            super()._reconnect()
            self.bus.times_s = [0.0]

    source = Weak(Bus([1.0], silence_ms=20), Patience(limit_s=0.2, retry_s=0.01, steady_s=1.0))
    indices = []
    with pytest.raises(SourceError, match=r"^Camera 1 is silent; plug it in again, then open it again$"):
        for _ in range(100):
            indices.append(next(source).index)
    assert 1 < len(indices) < 50 and indices == sorted(set(indices))
    assert source.waiting is None


def test_a_camera_that_was_back_for_good_is_waited_for_anew() -> None:
    class Steady(MadeUpCamera):
        def _reconnect(self) -> None:
            super()._reconnect()
            self.bus.times_s = [number / FPS for number in range(6)]

        def _receive(self) -> RGBDFrame:
            time.sleep(0.01)
            return super()._receive()

    source = Steady(Bus([1.0], silence_ms=20), Patience(limit_s=0.2, retry_s=0.01, steady_s=0.03))
    started = time.monotonic()
    while time.monotonic() - started < 1.0:  # of losses that are several limits long together
        next(source)
    assert source.bus.tried > 3 and source.waiting is None


def test_what_keeps_a_camera_from_coming_back_is_told(caplog: pytest.LogCaptureFixture) -> None:
    bus = Bus([1.0], present=False)
    source = MadeUpCamera(bus, Patience(limit_s=1.0, retry_s=0.2))
    next(source)
    told: list[str | None] = []

    def plug_in() -> None:
        wait_until(lambda: bus.tried)
        time.sleep(0.05)  # the first refusal is no news
        first, bus.busy, bus.present = source.waiting, True, True
        wait_until(lambda: source.waiting != first)
        told.append(source.waiting)

    helper = threading.Thread(target=plug_in)
    helper.start()
    with pytest.raises(SourceError, match=r"^Camera 1 is silent and did not come back: Camera 1 has no power; connect"):
        next(source)
    helper.join()
    assert told == ["Camera 1 is not back yet: Camera 1 has no power; connect it"]
    assert caplog.text.count("not back yet") == 1


@pytest.mark.parametrize("present", [True, False])
def test_an_interrupted_source_ends_at_once(present: bool) -> None:
    source = MadeUpCamera(Bus([1.0], present, silence_ms=60_000 if present else 1), Patience(retry_s=60.0))
    next(source)
    rest: list[RGBDFrame] = []
    reader = threading.Thread(target=lambda: rest.extend(source))
    reader.start()
    deadline = time.monotonic() + (0.1 if present else 60.0)
    while source.waiting is None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert source.waiting == (None if present else "Camera 1 is silent; plug it in again: it goes on by itself")
    interrupted = time.monotonic()
    source.interrupt()
    reader.join()
    assert time.monotonic() - interrupted < 20.0  # of sixty
    assert rest == [] and source.waiting is None
    source.close()
