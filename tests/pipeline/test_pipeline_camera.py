"""A pipeline whose camera is gone for a while, or loses frames."""

from __future__ import annotations

import time

import numpy as np
import pytest
from pipeline_parts import CAMERA, PlainObserver, RecordingTracker, dphm_threads
from waiting import wait_until

import dphm_core.pipeline as pipeline_module
from dphm_core.errors import SourceError
from dphm_core.frames import RGBDFrame
from dphm_core.pipeline import Pipeline, PipelineState
from dphm_core.sources.base import SourceInfo, UnreadableFrame
from dphm_core.sources.live import CameraLost, LiveSource, Patience


class UnpluggedCamera(LiveSource):
    """Gives two frames, then none until it is plugged in again."""

    def __init__(self) -> None:
        super().__init__(Patience(retry_s=0.01))
        self.info = SourceInfo("made-up", "Camera 1", CAMERA, 30.0, None)
        self.left, self.rubbish, self.plugged_in, self.closed = 2, 0, False, False

    def _receive(self) -> RGBDFrame:
        if self.left == 0:
            raise CameraLost("was unplugged", "plug it in again")
        self.left -= 1
        if self.rubbish:
            self.rubbish -= 1
            raise UnreadableFrame("it is all grey")
        return RGBDFrame(0, self.left / -30, None, np.zeros((3, 4), np.float32), CAMERA)

    def _disconnect(self) -> None:
        self.closed = True

    def _reconnect(self) -> None:
        if not self.plugged_in:
            raise SourceError("no camera is connected")
        self.left = 2


def test_an_unplugged_camera_is_told_of_and_the_head_is_looked_for_anew_when_it_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pipeline_module, "LONGEST_GAP_S", 0.2)
    source, tracker = UnpluggedCamera(), RecordingTracker()
    with Pipeline(source, PlainObserver(), tracker, every_frame=False) as pipeline:
        wait_until(lambda: len(tracker.seen) > 0 and pipeline.status().waiting is not None)
        status, before = pipeline.status(), len(tracker.seen)
        assert status.waiting == "Camera 1 was unplugged; plug it in again: it goes on by itself"
        assert (status.state, status.error) == (PipelineState.PLAYING, None)
        time.sleep(0.3)
        source.plugged_in = True
        wait_until(lambda: len(tracker.seen) > before)
        assert tracker.restarted_after == [before]
        assert tracker.seen == sorted(set(tracker.seen))
        source.plugged_in = False


@pytest.mark.parametrize("every_frame", [True, False])
def test_stopping_does_not_wait_for_a_camera_that_is_gone(every_frame: bool) -> None:
    source = UnpluggedCamera()
    pipeline = Pipeline(source, PlainObserver(), RecordingTracker(), every_frame=every_frame)
    pipeline.start()
    if every_frame:
        results = pipeline.results()
        assert [next(results).index for _ in range(2)] == [0, 1]
    wait_until(lambda: pipeline.status().waiting is not None)
    started = time.monotonic()
    pipeline.stop()
    assert time.monotonic() - started < 10.0  # of sixty
    assert pipeline.status().waiting is None
    assert source.closed


def test_an_error_elsewhere_does_not_wait_for_a_camera_that_is_gone() -> None:
    source = UnpluggedCamera()
    source.left = 1
    pipeline = Pipeline(source, PlainObserver(), RecordingTracker(broken_at=0), every_frame=False)
    pipeline.start()
    wait_until(lambda: not dphm_threads())
    assert isinstance(pipeline.status().error, ZeroDivisionError)
    pipeline.stop()


def test_what_a_camera_loses_is_counted() -> None:
    source = UnpluggedCamera()
    source.left, source.rubbish = 4, 2
    with Pipeline(source, PlainObserver(), RecordingTracker(), every_frame=False) as pipeline:
        wait_until(lambda: pipeline.status().waiting is not None)
        source.dropped = 3
        status = pipeline.status()
    assert (status.frames_read, status.frames_missed) == (2, 5)
