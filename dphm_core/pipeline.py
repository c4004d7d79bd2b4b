"""The one place with the threads of frames: reading on one, observing on another, tracking on a third.

The window, the command line and the API all run this:

    with Pipeline(source, observer, tracker, every_frame=True) as pipeline:
        for tracked in pipeline.results(): ...
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from queue import SimpleQueue
from time import monotonic, perf_counter
from typing import Self

from dphm_core.errors import Cancelled, DphmError, SourceError
from dphm_core.frames import Observation, RGBDFrame, TrackedFrame, TrackStatus
from dphm_core.handover import HandOver, RateMeter
from dphm_core.player import Pace, Player
from dphm_core.stages import (
    FrameObserver,
    FrameRecorder,
    FrameSource,
    FrameTracker,
    LiveFrames,
    PipelineState,
    PipelineStatus,
)
from dphm_core.tracking.place import Place, head_place

log = logging.getLogger(__name__)

__all__ = ["Pace", "Pipeline", "PipelineState", "PipelineStatus"]

JOIN_TIMEOUT_S = 2.0
"""How long `Pipeline.stop` waits for its threads."""
AHEAD = 2
"""Frames by which observing is ahead of tracking where every frame counts: more would not make it faster, and each is
told where the head was just so many frames before, so that no result depends on time."""
LONGEST_GAP_S = 1.0
"""After a camera has sent nothing for longer, the head is looked for anew: it may be anywhere by then."""


@dataclass(frozen=True)
class _Read:
    """A frame on its way."""

    frame: RGBDFrame
    seeks: int
    """How often the place in the source was changed before, or a camera was silent for long."""
    started_s: float
    done_s: float
    """When reading it began and ended (`perf_counter`)."""


def _untracked(observation: Observation) -> TrackedFrame:
    return TrackedFrame(observation, TrackStatus.SEARCHING, "tracking is stopped")


class Pipeline:
    """Runs the source, the observer and the tracker, each on a thread of its own.

    Made, commanded and read from the caller's (say, the GUI's) thread. From `start` on the source belongs to the
    reading thread and the observer to the observing thread, which also close them, and the tracker to the tracking
    thread. That reading waits for nothing keeps a live camera's frames whole for a recorder.

    Parameters
    ----------
    source, observer, tracker
        The stages.
    every_frame
        True: no frame is lost, every result must be taken from `results`, and the end of the source is the end.
        False: each stage gets the newest frame, the rest are dropped and counted, and at the end of a recording the
        pipeline holds until `play` or `seek`.
    pace
        Who sets the pace of reading.
    speed
        Factor on the source's frame rate.
    """

    def __init__(
        self,
        source: FrameSource,
        observer: FrameObserver,
        tracker: FrameTracker,
        *,
        every_frame: bool,
        pace: Pace = Pace.FASTEST,
        speed: float = 1.0,
    ) -> None:
        self.info = source.info
        self.player = Player(source.info.fps, pace, speed)
        self._source, self._observer, self._tracker = source, observer, tracker
        self._live = source if source.info.length is None and isinstance(source, LiveFrames) else None
        self._last_s: float | None = None  # time of the frame before, where it is a camera's
        self._every_frame = every_frame
        self._frames: HandOver[_Read] = HandOver(every_frame)
        self._observations: HandOver[tuple[_Read, Observation]] = HandOver(every_frame)
        self._tracked: HandOver[TrackedFrame] = HandOver(every_frame)
        self._places: SimpleQueue[Place | None] = SimpleQueue()  # where the head was, a frame each, for the observer
        for _ in range(AHEAD):
            self._places.put(None)
        self._threads = (
            threading.Thread(target=self._read, name="dphm-source", daemon=True),
            threading.Thread(target=self._look, name="dphm-observer", daemon=True),
            threading.Thread(target=self._work, name="dphm-tracker", daemon=True),
        )
        self._recorder: FrameRecorder | None = None
        self._tracking = True
        self._latest: TrackedFrame | None = None
        self._source_rate, self._tracker_rate = RateMeter(), RateMeter()
        self._frames_read = self._frames_tracked = self._seeks = 0
        self._latency_s: float | None = None
        self._started = self._stopped = self._finished = False
        self._error: BaseException | None = None
        self._error_seen = False

    def start(self) -> None:
        """Start the threads."""
        self._started = True
        for thread in self._threads:
            thread.start()

    def results(self) -> Iterator[TrackedFrame]:
        """Yield tracked frames as they come, every one and in order with `every_frame`; blocks.

        Raises
        ------
        BaseException
            Whatever ended either thread, after the frames before it.
        """
        while (tracked := self._tracked.take()) is not None:
            yield tracked
        if self._error is not None:
            self._error_seen = True
            raise self._error

    def latest(self) -> TrackedFrame | None:
        """Return the newest tracked frame, the same object until there is a newer one; None before the first."""
        return self._latest

    def status(self) -> PipelineStatus:
        """State, counters, rates, and the error where a thread failed."""
        self._error_seen = self._error_seen or self._error is not None
        return PipelineStatus(
            state=self._state(),
            frames_read=self._frames_read,
            frames_tracked=self._frames_tracked,
            frames_dropped=self._frames.dropped + self._observations.dropped,
            source_fps=self._source_rate.fps,
            tracker_fps=self._tracker_rate.fps,
            latency_s=self._latency_s,
            tracking=self._tracking,
            error=self._error,
            frames_missed=0 if self._live is None else self._live.dropped + self._live.damaged,
            waiting=None if self._live is None else self._live.waiting,
        )

    def play(self) -> None:
        """Run, or go on after `pause`; from the start where a recording had ended."""
        self.player.play()

    def pause(self) -> None:
        """Hold after the frame in hand."""
        self.player.pause()

    def step(self, count: int = 1) -> None:
        """Pause, and process `count` more frames; where it is negative, go back so many and show the frame there.

        Frames that are missing are passed over.

        Raises
        ------
        SourceError
            It is to go back, and the source is live.
        """
        if count < 0:
            self._length()
        self.player.step(count)

    def seek(self, index: int) -> None:
        """Go to frame `index` and show it, also while paused.

        Raises
        ------
        SourceError
            The source is live, or has no such frame.
        """
        length = self._length()
        if not 0 <= index < length:
            raise SourceError(f"{self.info.label} has no frame {index}: it has frames 0 to {length - 1}")
        self.player.seek(index)

    def _length(self) -> int:
        length = self.info.length
        if length is None:
            raise SourceError(f"{self.info.label} is live: it has no frames to go back to")
        return length

    def record(self, recorder: FrameRecorder | None) -> None:
        """Give every frame from the next one on to `recorder`, too, as soon as it is read; None: to nobody."""
        self._recorder = recorder

    def set_tracking(self, on: bool) -> None:
        """Let frames through without looking for a head in them, or track again."""
        self._tracking = on

    def stop(self) -> None:
        """End the threads, close source and observer; safe to call twice.

        Raises
        ------
        DphmError
            A thread is still busy after 2 s.
        BaseException
            What ended a thread, unless `results` or `status` told already.
        """
        already_stopped, self._stopped = self._stopped, True
        if already_stopped:
            return
        self._halt()
        self._frames.close(discard=True)
        self._observations.close(discard=True)
        self._tracker.cancel()
        self._tracked.close(discard=True)
        if self._started:
            self._join()
        else:
            self._release(self._source, self._observer)
        if self._error is not None and not self._error_seen:
            raise self._error

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    def _read(self) -> None:
        """Reading thread: source → frames, then release the source."""
        try:
            self._read_frames()
        except BaseException as error:
            self._fail(error)
        finally:
            self._release(self._source)
            self._frames.close()

    def _read_frames(self) -> None:
        frames = iter(self._source)
        while (turn := self.player.next_turn()) is not None:
            if turn.seek_to is not None:
                self._seeks += 1
                self._source.seek(turn.seek_to)
                frames = iter(self._source)
            started = perf_counter()
            frame = next(frames, None)
            if frame is not None:
                self.player.passed(frame.index)
                self._note_gap(frame)
            if frame is None and not self._every_frame:
                self.player.end()
            elif frame is None or not self._hand_on(_Read(frame, self._seeks, started, perf_counter())):
                return

    def _note_gap(self, frame: RGBDFrame) -> None:
        """After a long silence of a camera, its frames are from another place."""
        if self._live is not None:
            if self._last_s is not None and frame.timestamp_s - self._last_s > LONGEST_GAP_S:
                self._seeks += 1
            self._last_s = frame.timestamp_s

    def _hand_on(self, read: _Read) -> bool:
        """Hand a frame to the recorder and the observer; False once the latter has gone."""
        self._frames_read += 1
        self._source_rate.tick()
        recorder = self._recorder
        if recorder is not None:
            recorder.put(read.frame)
        return self._frames.put(read)

    def _look(self) -> None:
        """Observing thread: frame → observation, then release the observer."""
        try:
            while (read := self._frames.take()) is not None and self._observe(read):
                pass
        except BaseException as error:
            self._fail(error)
        finally:
            self._frames.close(discard=True)
            self._release(self._observer)
            self._observations.close()

    def _observe(self, read: _Read) -> bool:
        """Hand the observation of one frame over; False once the tracking thread has gone."""
        if self._every_frame and (place := self._places.get()) is not None:
            self._observer.hint(*place)
        observation = self._observer.observe(read.frame) if self._tracking else Observation.unobserved(read.frame)
        observation.stages_s["decode"] = read.done_s - read.started_s  # with a camera, this is the wait for its frame
        return self._observations.put((read, observation))

    def _work(self) -> None:
        """Tracking thread: observation → tracked frame."""
        place_in_source: tuple[int, bool] = (0, True)
        try:
            while (item := self._observations.take()) is not None:
                read, observation = item
                before, place_in_source = place_in_source, (read.seeks, self._tracking)
                if place_in_source != before:
                    self._tracker.restart()
                tracked = self._tracker.track(observation) if self._tracking else _untracked(observation)
                self._tell_place(tracked)
                self._publish(replace(tracked, stages_s={**observation.stages_s, **tracked.stages_s}), read)
        except Cancelled:
            log.debug("the tracker gave up what it was doing: the pipeline is being stopped")
        except BaseException as error:
            self._fail(error)
        finally:
            self._observations.close(discard=True)
            self._places.put(None)  # the observing thread may be waiting for it
            self._finished = True
            self._tracked.close()

    def _tell_place(self, tracked: TrackedFrame) -> None:
        """Tell the observer where the head is: in its turn where every frame counts, else at once."""
        pose = tracked.head_to_cam
        place = None if pose is None else head_place(pose, tracked.observation.frame.intrinsics)
        if self._every_frame:
            self._places.put(place)
        elif place is not None:
            self._observer.hint(*place)

    def _publish(self, tracked: TrackedFrame, read: _Read) -> None:
        self._latest = tracked
        self._latency_s = perf_counter() - read.done_s
        self._frames_tracked += 1
        self._tracker_rate.tick()
        self._tracked.put(tracked)

    def _fail(self, error: BaseException) -> None:
        """Keep the first error for the consumer, and let the other threads go."""
        if self._error is None:
            self._error = error
        self._halt()

    def _halt(self) -> None:
        """Let the reading thread go, also where it waits for a camera."""
        self.player.stop()
        if self._live is not None:
            self._live.interrupt()

    def _release(self, *stages: FrameSource | FrameObserver) -> None:
        """Close stages, each even where another fails."""
        try:
            with ExitStack() as stack:
                for stage in stages:
                    stack.callback(stage.close)
        except BaseException as error:
            self._fail(error)

    def _join(self) -> None:
        deadline = monotonic() + JOIN_TIMEOUT_S
        for thread in self._threads:
            thread.join(max(0.0, deadline - monotonic()))
        busy = [thread.name for thread in self._threads if thread.is_alive()]
        if busy:
            raise DphmError(f"{self.info.label}: {' and '.join(busy)} still busy {JOIN_TIMEOUT_S:g} s after the stop")

    def _state(self) -> PipelineState:
        if self._error is not None:
            return PipelineState.FAILED
        if self._stopped:
            return PipelineState.STOPPED
        if not self._started:
            return PipelineState.IDLE
        if self._finished or self.player.ended:
            return PipelineState.ENDED
        return PipelineState.PLAYING if self.player.playing else PipelineState.PAUSED
