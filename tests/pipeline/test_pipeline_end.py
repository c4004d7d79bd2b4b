"""How a pipeline ends: errors, and threads that are joined."""

from __future__ import annotations

import threading
import time

import pytest
from pipeline_parts import CountingSource, PlainObserver, RecordingTracker, dphm_threads
from waiting import wait_until

from dphm_core.errors import Cancelled, DphmError, SourceError
from dphm_core.frames import Observation, TrackedFrame
from dphm_core.pipeline import Pipeline, PipelineState


def test_source_error_reaches_the_consumer_after_the_frames_before_it() -> None:
    source = CountingSource(broken_at=3)
    indices = []
    with Pipeline(source, PlainObserver(), RecordingTracker(), every_frame=True) as pipeline:
        with pytest.raises(SourceError, match="frame is damaged"):
            for tracked in pipeline.results():
                indices.append(tracked.index)
        assert pipeline.status().state is PipelineState.FAILED
    assert indices == [0, 1, 2]
    assert source.closed_by == ["dphm-source"]


def test_tracker_error_reaches_the_consumer_and_ends_the_producer() -> None:
    source = CountingSource(length=None)
    with Pipeline(source, PlainObserver(), RecordingTracker(broken_at=4), every_frame=True) as pipeline:
        with pytest.raises(ZeroDivisionError, match="tracker broke"):
            list(pipeline.results())
        wait_until(lambda: source.closed_by != [])


def test_status_carries_the_error_of_a_live_pipeline() -> None:
    pipeline = Pipeline(CountingSource(broken_at=0), PlainObserver(), RecordingTracker(), every_frame=False)
    with pipeline:
        wait_until(lambda: pipeline.status().error is not None)
        assert "damaged" in str(pipeline.status().error)


def test_an_error_nobody_asked_for_is_raised_by_stop() -> None:
    pipeline = Pipeline(CountingSource(), PlainObserver(), RecordingTracker(broken_at=0), every_frame=True)
    pipeline.start()
    wait_until(lambda: dphm_threads() == [])
    with pytest.raises(ZeroDivisionError):
        pipeline.stop()


@pytest.mark.parametrize("every_frame", [True, False])
def test_stop_ends_threads_and_closes_source_and_observer(every_frame: bool) -> None:
    source, observer = CountingSource(length=None), PlainObserver()
    pipeline = Pipeline(source, observer, RecordingTracker(), every_frame=every_frame)
    pipeline.start()
    wait_until(lambda: source.next_index > 1)
    assert dphm_threads() == ["dphm-source", "dphm-observer", "dphm-tracker"]
    started = time.monotonic()
    pipeline.stop()
    pipeline.stop()
    assert time.monotonic() - started < 10.0
    assert dphm_threads() == []
    assert source.closed_by == ["dphm-source"]
    assert observer.closed
    assert pipeline.status().state is PipelineState.STOPPED


def test_an_unstarted_pipeline_still_closes_its_source() -> None:
    source, observer = CountingSource(), PlainObserver()
    Pipeline(source, observer, RecordingTracker(), every_frame=True).stop()
    assert source.closed_by == ["MainThread"]
    assert observer.closed


def test_failing_to_close_the_observer_is_told_and_the_source_is_closed_all_the_same() -> None:
    class Stuck(PlainObserver):
        def close(self) -> None:
            raise OSError("detector would not close")

    source = CountingSource(length=2)
    with pytest.raises(OSError, match="would not close"):  # noqa: SIM117
        with Pipeline(source, Stuck(), RecordingTracker(), every_frame=True) as pipeline:
            list(pipeline.results())
    assert source.closed_by == ["dphm-source"]


def test_a_calibration_under_way_is_given_up_when_the_pipeline_stops() -> None:
    class Calibrating(RecordingTracker):
        asked = threading.Event()

        def cancel(self) -> None:
            self.asked.set()

        def track(self, observation: Observation) -> TrackedFrame:
            if self.asked.wait(30):
                raise Cancelled("given up")
            raise AssertionError("nobody asked")

    pipeline = Pipeline(CountingSource(), PlainObserver(), Calibrating(), every_frame=True)
    pipeline.start()
    time.sleep(0.05)
    pipeline.stop()  # raises where the tracker's thread is still busy
    assert dphm_threads() == []


def test_a_thread_that_does_not_end_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dphm_core.pipeline.JOIN_TIMEOUT_S", 0.05)
    pipeline = Pipeline(CountingSource(), PlainObserver(), tracker := RecordingTracker(busy_s=0.5), every_frame=True)
    pipeline.start()
    wait_until(lambda: tracker.seen)  # and the next one is under way
    time.sleep(0.1)
    with pytest.raises(DphmError, match="dphm-tracker still busy"):
        pipeline.stop()
    wait_until(lambda: dphm_threads() == [])
