"""Pace, pause, steps, seeks and loops of a pipeline."""

from __future__ import annotations

import time

import numpy as np
import pytest
from pipeline_parts import CountingSource, PlainObserver, RecordingTracker
from waiting import wait_until

from dphm_core.errors import SourceError
from dphm_core.pipeline import Pace, Pipeline, PipelineState


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
