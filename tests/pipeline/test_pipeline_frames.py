"""Frames on their way through real threads: order, dropping, times, and who is told what."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from pipeline_parts import CountingSource, PlainObserver, RecordingTracker
from waiting import wait_until

from dphm_core.frames import Observation, RGBDFrame, Similarity, TrackedFrame, TrackStatus
from dphm_core.pipeline import AHEAD, Pipeline, PipelineState


def test_batch_yields_every_frame_in_order_with_times_of_all_stages() -> None:
    source, observer = CountingSource(), PlainObserver()
    with Pipeline(source, observer, RecordingTracker(busy_s=0.002), every_frame=True) as pipeline:
        results = list(pipeline.results())
        status = pipeline.status()
    assert [tracked.index for tracked in results] == list(range(20))
    assert (status.frames_read, status.frames_tracked, status.frames_dropped) == (20, 20, 0)
    assert status.state is PipelineState.ENDED
    assert results[0].stages_s.keys() == {"decode", "observe", "solve"}
    assert 0.001 <= results[0].stages_s["decode"] < 1.0
    assert results[0].stages_s["observe"] == 0.5


def test_a_slow_consumer_loses_nothing_in_batch() -> None:
    with Pipeline(CountingSource(length=8), PlainObserver(), RecordingTracker(), every_frame=True) as pipeline:
        indices = []
        for tracked in pipeline.results():
            time.sleep(0.01)
            indices.append(tracked.index)
            assert pipeline.status().frames_read <= tracked.index + 7  # each hand-over and thread holds one
    assert indices == list(range(8))


def test_live_drops_what_a_slow_tracker_cannot_take() -> None:
    tracker = RecordingTracker(busy_s=0.03)
    with Pipeline(CountingSource(length=None), PlainObserver(), tracker, every_frame=False) as pipeline:
        wait_until(lambda: len(tracker.seen) >= 5)
        status, latest = pipeline.status(), pipeline.latest()
        newest_read = pipeline.status().frames_read
    assert tracker.seen == sorted(set(tracker.seen))
    assert status.frames_dropped > 0
    assert status.source_fps > 2 * status.tracker_fps > 0
    assert latest is not None
    assert newest_read - latest.index < 150  # about one tracking time behind, not five


def test_nothing_before_the_first_frame() -> None:
    pipeline = Pipeline(CountingSource(), PlainObserver(), RecordingTracker(), every_frame=False)
    assert pipeline.latest() is None
    assert pipeline.status().state is PipelineState.IDLE
    pipeline.stop()


class Approaching(RecordingTracker):
    """Its head is ten centimetres nearer in every frame; each takes as long as it likes."""

    def track(self, observation: Observation) -> TrackedFrame:
        index = observation.frame.index
        self.seen.append(index)
        time.sleep(0.01 * (index % 3))
        place = np.array([0, 0, max(0.5, 2 - 0.1 * index)], np.float32)
        pose = Similarity(np.diag([1.0, -1.0, -1.0]).astype(np.float32), place)
        return TrackedFrame(observation, TrackStatus.TRACKING, "there", head_to_cam=pose)


def face_depth(index: int) -> float:
    return pytest.approx(2 - 0.1 * index - 0.12 / 4)


def test_the_observer_is_told_where_the_head_was_two_frames_before_whatever_that_took() -> None:
    observer = PlainObserver()
    with Pipeline(CountingSource(length=8), observer, Approaching(), every_frame=True) as pipeline:
        list(pipeline.results())
    assert observer.hints == [face_depth(index) for index in range(8 - AHEAD)]


def test_a_live_observer_is_told_where_the_head_is_as_soon_as_that_is_known() -> None:
    observer, tracker = PlainObserver(), Approaching()
    with Pipeline(CountingSource(length=None), observer, tracker, every_frame=False):
        wait_until(lambda: len(observer.hints) > 3)
    known = [max(0.5, 2 - 0.1 * index) - 0.12 / 4 for index in tracker.seen]
    assert all(any(hint == pytest.approx(depth) for depth in known) for hint in observer.hints)
    assert observer.hints == sorted(observer.hints, reverse=True)  # it comes nearer: none is told late


class Keeper:
    """Keeps the indices of the frames that it is given, and on which thread."""

    def __init__(self) -> None:
        self.indices: list[int] = []
        self.threads: set[str] = set()

    def put(self, frame: RGBDFrame) -> None:
        self.indices.append(frame.index)
        self.threads.add(threading.current_thread().name)


def test_a_recorder_gets_every_frame_however_slow_the_tracker_is() -> None:
    keeper, tracker = Keeper(), RecordingTracker(busy_s=0.03)
    with Pipeline(CountingSource(length=None), PlainObserver(), tracker, every_frame=False) as pipeline:
        wait_until(lambda: pipeline.status().frames_read > 5)
        pipeline.record(keeper)
        wait_until(lambda: len(keeper.indices) > 60)
        pipeline.record(None)
        kept = len(keeper.indices)
        read = pipeline.status().frames_read
        wait_until(lambda: pipeline.status().frames_read > read + 5)
    assert kept <= len(keeper.indices) <= kept + 1  # one may have been on its way
    assert np.diff(keeper.indices).tolist() == [1] * (len(keeper.indices) - 1)
    assert keeper.threads == {"dphm-source"}
    assert len(tracker.seen) < len(keeper.indices)


def test_tracking_can_be_stopped_while_frames_go_on_and_begins_anew() -> None:
    tracker = RecordingTracker()
    with Pipeline(CountingSource(length=None), PlainObserver(), tracker, every_frame=False) as pipeline:
        wait_until(lambda: len(tracker.seen) > 3)
        pipeline.set_tracking(False)
        wait_until(lambda: pipeline.latest().reason == "tracking is stopped")
        seen, shown = len(tracker.seen), pipeline.latest().index
        wait_until(lambda: pipeline.latest().index > shown + 5)
        assert len(tracker.seen) == seen
        pipeline.set_tracking(True)
        wait_until(lambda: len(tracker.seen) > seen + 3)
        assert pipeline.latest().reason == "no head yet"
    assert tracker.restarted_after[-1] == seen


def test_the_latency_is_from_a_frames_coming_in_to_its_mesh() -> None:
    tracker = RecordingTracker(busy_s=0.05)
    with Pipeline(CountingSource(length=1), PlainObserver(), tracker, every_frame=True) as pipeline:
        assert pipeline.status().latency_s is None
        list(pipeline.results())
        latency_s = pipeline.status().latency_s
    assert 0.05 <= latency_s < 1.0
