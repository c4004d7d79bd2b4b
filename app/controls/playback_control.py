"""Connects the playback bar to what is open: playing, scrubbing, and tracking a whole recording once for all."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PyQt5.QtCore import QObject
from PyQt5.QtWidgets import QWidget

from dphm_core.frames import TrackedFrame, TrackStatus
from dphm_core.jobs import Job, Tell
from dphm_core.output.saved_track import SavedTracker
from dphm_core.pipeline import PipelineState, PipelineStatus

from ..desk import Desk
from ..late_tracker import came_while_loading
from ..panels.playback_bar import PlaybackBar
from ..session import Request, Session
from ..track_store import TrackStore

NOTHING_OPEN = "Open a recording first; then all of its frames can be tracked."
NO_END = "A camera's frames have no end. Record it, open the recording, and track all frames of that."
PROGRESS_TICKS = 10
"""Progress is shown at every so many-th tick."""


class PlaybackControl(QObject):
    """Plays, steps, seeks and loops a recording, and has it tracked completely. Lives on the GUI thread.

    Parameters
    ----------
    store
        Where complete tracks are kept.
    """

    def __init__(self, desk: Desk, bar: PlaybackBar, store: TrackStore, window: QWidget) -> None:
        super().__init__(window)
        self._desk, self._bar, self._store = desk, bar, store
        self._tracking_all: Job[Path] | None = None
        self._ticks = 0
        self._uri = self._tracking_uri = ""
        self._found: Path | None = None  # the open recording's complete track
        bar.loop.setChecked(True)  # short recordings would be over before it is known whose head it is
        desk.opened.connect(self._opened)
        desk.opening.connect(self._opening)
        desk.closed.connect(self._leave)
        desk.frame.connect(self._show)
        desk.ticked.connect(self._tick)
        desk.ticking.connect(self._track_again)
        bar.play_toggled.connect(self._play)
        bar.seek_requested.connect(self._seek)
        bar.step_requested.connect(self._step)
        bar.speed_chosen.connect(self._set_speed)
        bar.loop_changed.connect(self._set_loop)
        bar.track_all_requested.connect(self.track_all)
        bar.track_all_cancelled.connect(self._cancel)
        bar.saved_track_toggled.connect(self._show_saved)
        bar.close_requested.connect(desk.close)

    def toggle(self) -> None:
        """Play, or pause."""
        session = self._desk.session
        if session is not None:
            playing = session.pipeline.status().state is PipelineState.PLAYING
            self._play(self._desk.frozen if session.live else not playing)

    def track_all(self) -> None:
        """Track every frame of the open recording, in the background, and show the result."""
        session, request = self._desk.session, self._desk.request
        if request is None:
            self._desk.told.emit(NOTHING_OPEN)
        elif session is not None and session.live:
            self._desk.told.emit(NO_END)
        elif session is not None and self._tracking_all is None:
            self._track_all(session, request)

    def _track_all(self, session: Session, request: Request) -> None:
        store = self._store
        self._tracking_uri = request.uri
        session.pipeline.pause()  # both at once would take twice as long

        def work(tell: Tell) -> Path:
            return store.track_all(request.uri, request.model, request.device, request.live, request.subject, tell)

        self._tracking_all = self._desk.run("Tracking all frames", work, self._tracked_all, self._gave_up, quiet=True)

    def _tracked_all(self, folder: Path) -> None:
        job, self._tracking_all = self._tracking_all, None
        self._bar.show_job(None)
        request = self._desk.request
        if job is not None and request is not None and request.uri == self._tracking_uri:
            self._desk.reopen(saved=folder)
        else:
            self._desk.told.emit("All frames are tracked; open the recording again to see them.")

    def _gave_up(self) -> None:
        self._tracking_all = None
        self._bar.show_job(None)

    def _cancel(self) -> None:
        if self._tracking_all is not None:
            self._tracking_all.cancel()

    def _leave(self) -> None:
        """Another source, or none: what is tracked completely goes on, and is shown above."""
        self._bar.show_job(None)
        if self._tracking_all is not None:
            self._desk.make_loud(self._tracking_all)

    def _opening(self, request: Request) -> None:
        self._desk.frozen = False
        if request.uri != self._uri:
            self._leave()
            self._bar.clear_selection()
        self._uri = request.uri

    def _opened(self, session: Session) -> None:
        info, request = session.pipeline.info, session.request
        self._desk.frozen = False
        self._bar.set_length(info.length, info.fps)
        self._bar.set_playing(request.playing)
        if session.live:
            return
        uri, store, self._found = request.uri, self._store, request.saved
        self._bar.set_saved(request.saved is not None, request.saved is not None)
        if isinstance(session.tracker, SavedTracker):
            track = session.tracker.saved.track
            self._bar.set_marks(track.frame_index, [TrackStatus(str(status)) for status in track.status])
        else:
            self._desk.run(
                "Looking for a saved track",
                lambda _tell: store.load(uri),
                partial(self._found_track, uri),
                quiet=True,
            )

    def _found_track(self, uri: str, folder: Path | None) -> None:
        if uri == self._uri:
            self._found = folder
            self._bar.set_saved(folder is not None, False)

    def _show(self, tracked: TrackedFrame) -> None:
        self._bar.set_position(tracked.index)
        session = self._desk.session
        tracks = session is not None and session.tracks and session.pipeline.status().tracking
        if session is not None and not session.live and tracks and not came_while_loading(tracked):
            self._bar.mark_live(tracked.index, tracked.status)

    def _tick(self, _tracked: TrackedFrame | None, status: PipelineStatus) -> None:
        session = self._desk.session
        live = session is not None and session.live
        self._bar.set_playing(not self._desk.frozen if live else status.state is PipelineState.PLAYING)
        self._ticks += 1
        if self._tracking_all is not None and self._ticks % PROGRESS_TICKS == 0 and self._shows_job:
            self._bar.show_job(self._tracking_all.progress)

    @property
    def _shows_job(self) -> bool:
        return any(task.job is self._tracking_all and task.quiet for task in self._desk.tasks)

    def _track_again(self) -> None:
        """A recording stands still, and meanwhile it was worked out whose head it is: show that on this frame."""
        session, shown = self._desk.session, self._desk.shown
        tracker = None if session is None else session.head_tracker
        if session is None or shown is None or tracker is None or session.live or not tracker.awaits_frame:
            return
        status = session.pipeline.status()
        if status.state is PipelineState.PAUSED and status.tracking and status.caught_up:
            session.pipeline.seek(shown.index)

    def _play(self, play: bool) -> None:
        session = self._desk.session
        if session is None:
            return
        if session.live:
            self._desk.frozen = not play
        else:
            (session.pipeline.play if play else session.pipeline.pause)()

    def _on_recording(self, act: Callable[[Session], object]) -> None:
        session = self._desk.session
        if session is not None and not session.live:
            act(session)

    def _seek(self, index: int) -> None:
        def seek(session: Session) -> None:
            length = session.pipeline.info.length or 1
            session.pipeline.seek(min(max(index, 0), length - 1))

        self._on_recording(seek)

    def _step(self, count: int) -> None:
        def step(session: Session) -> None:
            shown = self._desk.shown
            if count < 0 and shown is not None and session.pipeline.player.playing:  # reading is ahead of what is shown
                session.pipeline.pause()
                self._seek(shown.index + count)
            else:
                session.pipeline.step(count)

        self._on_recording(step)

    def step(self, count: int) -> None:
        """Go on, or back, by so many frames."""
        self._step(count)

    def jump(self, index: int) -> None:
        """Go to a frame; beyond the end, to the last one."""
        self._seek(index)

    def _set_speed(self, speed: float) -> None:
        def set_speed(session: Session) -> None:
            session.pipeline.player.speed = speed

        self._on_recording(set_speed)

    def _set_loop(self, first: int, last: int, on: bool) -> None:
        self._on_recording(lambda session: session.pipeline.player.set_loop(first, last, on))

    def _show_saved(self, saved: bool) -> None:
        request = self._desk.request
        if request is not None:
            self._desk.reopen(saved=self._found if saved else None)
