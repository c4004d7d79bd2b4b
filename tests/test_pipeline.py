"""The pipeline with real threads: order, dropping, errors, teardown, pacing."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from waiting import wait_until

import dphm_core.pipeline as pipeline_module
from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.errors import Cancelled, DphmError, SourceError
from dphm_core.frames import Observation, RGBDFrame, Similarity, TrackedFrame, TrackStatus
from dphm_core.pipeline import AHEAD, Pace, Pipeline, PipelineState
from dphm_core.sources.base import SourceInfo, UnreadableFrame
from dphm_core.sources.live import CameraLost, LiveSource, Patience

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


@pytest.fixture(autouse=True)
def no_thread_survives() -> Iterator[None]:
    yield
    assert dphm_threads() == []


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


def test_a_thread_that_does_not_end_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dphm_core.pipeline.JOIN_TIMEOUT_S", 0.05)
    pipeline = Pipeline(CountingSource(), PlainObserver(), tracker := RecordingTracker(busy_s=0.5), every_frame=True)
    pipeline.start()
    wait_until(lambda: tracker.seen)  # and the next one is under way
    time.sleep(0.1)
    with pytest.raises(DphmError, match="dphm-tracker still busy"):
        pipeline.stop()
    wait_until(lambda: dphm_threads() == [])


def test_source_pace_follows_frame_rate_times_speed() -> None:
    source = CountingSource(length=9, fps=50.0)
    with Pipeline(
        source, PlainObserver(), RecordingTracker(), every_frame=True, pace=Pace.SOURCE, speed=2.0
    ) as pipeline:
        list(pipeline.results())
    spacing = np.median(np.diff(source.read_at))
    assert 0.009 < spacing < 0.05


def test_pause_holds_and_play_goes_on() -> None:
    source = CountingSource(length=None)
    with Pipeline(source, PlainObserver(), RecordingTracker(), every_frame=False) as pipeline:
        wait_until(lambda: source.next_index > 3)
        pipeline.pause()
        time.sleep(0.3)  # the frame in hand
        held_at = source.next_index
        time.sleep(0.05)
        assert source.next_index == held_at
        assert pipeline.status().state is PipelineState.PAUSED
        pipeline.play()
        wait_until(lambda: source.next_index > held_at)


def test_stepping_reads_exactly_what_was_asked_for() -> None:
    source, tracker = CountingSource(), RecordingTracker()
    with Pipeline(source, PlainObserver(), tracker, every_frame=False, pace=Pace.STEPPED) as pipeline:
        time.sleep(0.03)
        assert source.next_index == 0
        pipeline.step()
        wait_until(lambda: tracker.seen == [0])
        pipeline.step()
        wait_until(lambda: tracker.seen == [0, 1])
        time.sleep(0.03)
        assert source.next_index == 2


def test_seek_shows_the_frame_while_paused_and_play_goes_on_from_there() -> None:
    tracker = RecordingTracker()
    with Pipeline(CountingSource(), PlainObserver(), tracker, every_frame=False, pace=Pace.STEPPED) as pipeline:
        pipeline.seek(12)
        wait_until(lambda: (latest := pipeline.latest()) is not None and latest.index == 12)
        time.sleep(0.03)
        assert tracker.seen == [12]
        pipeline.play()
        wait_until(lambda: pipeline.status().state is PipelineState.ENDED)
        assert tracker.seen[1] > 12


def test_a_selection_is_looped_and_can_be_left() -> None:
    tracker = RecordingTracker()
    with Pipeline(CountingSource(length=9), PlainObserver(), tracker, every_frame=False, pace=Pace.SOURCE) as pipeline:
        pipeline.player.set_loop(2, 4, on=True)
        wait_until(lambda: tracker.seen.count(2) > 2)
        assert max(tracker.seen) == 4
        pipeline.player.set_loop(2, 4, on=False)
        wait_until(lambda: pipeline.status().state is PipelineState.ENDED)
        pipeline.player.set_loop(0, 8, on=True)
        pipeline.play()
        looped_from = len(tracker.seen)
        wait_until(lambda: tracker.seen[looped_from:].count(1) > 1)
        assert pipeline.status().state is PipelineState.PLAYING


def test_the_tracker_restarts_after_a_seek_only() -> None:
    tracker = RecordingTracker()
    with Pipeline(CountingSource(), PlainObserver(), tracker, every_frame=False, pace=Pace.STEPPED) as pipeline:
        for index in (0, 1):
            pipeline.step()
            wait_until(lambda index=index: tracker.seen[-1:] == [index])
        assert tracker.restarted_after == []
        pipeline.seek(0)
        wait_until(lambda: tracker.seen == [0, 1, 0])
        pipeline.step()
        wait_until(lambda: tracker.seen == [0, 1, 0, 1])
    assert tracker.restarted_after == [2]


def test_at_the_end_a_recording_holds_and_play_starts_over() -> None:
    source, tracker = CountingSource(length=4), RecordingTracker()
    with Pipeline(source, PlainObserver(), tracker, every_frame=False) as pipeline:
        wait_until(lambda: pipeline.status().state is PipelineState.ENDED)
        assert source.closed_by == []
        pipeline.play()
        wait_until(lambda: len(source.read_at) == 8)
        wait_until(lambda: pipeline.status().state is PipelineState.ENDED)
        pipeline.seek(1)
        wait_until(lambda: tracker.seen[-1] == 1)


@pytest.mark.parametrize(("length", "message"), [(None, "is live"), (20, "has no frame 20")])
def test_seeking_where_nothing_is_tells_why(length: int | None, message: str) -> None:
    pipeline = Pipeline(CountingSource(length=length), PlainObserver(), RecordingTracker(), every_frame=False)
    with pytest.raises(SourceError, match=message):
        pipeline.seek(20)
    pipeline.stop()


def test_stepping_back_in_a_live_source_tells_why_and_it_goes_on() -> None:
    source, tracker = CountingSource(length=None), RecordingTracker()
    with Pipeline(source, PlainObserver(), tracker, every_frame=False) as pipeline:
        with pytest.raises(SourceError, match="is live"):
            pipeline.step(-1)
        seen = len(tracker.seen)
        wait_until(lambda: len(tracker.seen) > seen + 3)


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


def test_a_selection_is_looped_until_it_is_let_go() -> None:
    tracker = RecordingTracker()
    with Pipeline(CountingSource(), PlainObserver(), tracker, every_frame=False, pace=Pace.SOURCE) as pipeline:
        pipeline.player.set_loop(5, 8, True)
        pipeline.seek(5)
        wait_until(lambda: tracker.seen.count(5) >= 3)
        assert max(tracker.seen[tracker.seen.index(5) :]) <= 8
        pipeline.player.set_loop(5, 8, False)
        wait_until(lambda: pipeline.status().state is PipelineState.ENDED)
    assert max(tracker.seen) == 19


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
