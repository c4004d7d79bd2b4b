"""The tracker: finds a head, works out whose it is, follows it, notices when it is lost.

SEARCHING ──face seen──▶ CALIBRATING ──identity found──▶ TRACKING ⇄ LOST ──for long──▶ SEARCHING ──found──▶ TRACKING

Who is there is worked out by an `IdentityWorker`, and a `Follower` follows one identity's head. Whenever the worker has
a better identity, a new follower takes over from the one before, between two frames.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from dphm_core.diffusion.prior import LatentPrior
from dphm_core.frames import Observation, TrackedFrame, TrackStatus
from dphm_core.heads.model import HeadModel
from dphm_core.heads.numerics import prepare_thread
from dphm_core.heads.subject import Subject
from dphm_core.tracking.config import TrackerConfig
from dphm_core.tracking.fit_state import FitState
from dphm_core.tracking.follower import Follower
from dphm_core.tracking.frame_solver import FrameSolver
from dphm_core.tracking.identity import Identity
from dphm_core.tracking.identity_worker import IdentityWorker
from dphm_core.tracking.initial_pose import aligned_pose
from dphm_core.tracking.live_settings import LiveSettings
from dphm_core.tracking.solver import SolverMaker
from dphm_core.tracking.subject_file import KnownSubject
from dphm_core.tracking.trust import alignment_trust


class HeadTracker:
    """Tracks one person's head; lives on the tracking thread.

    `adjust`, `restart`, `recalibrate`, `use_subject` and `cancel` may be called from any thread at any time: they never
    wait for a frame in progress, which goes on undisturbed, and take effect before the next one.

    Parameters
    ----------
    model : HeadModel
    config : TrackerConfig
    expression_prior : LatentPrior, optional
        The model's diffusion prior.
    make_solver : callable
        Makes what fits the frames of a subject.
    background : bool
        True, for a live picture: identities are worked out on a thread of their own; the model's mean head is shown
        until a first, provisional one is there, and that one until it is known well. False: at once, so that results
        depend on the frames alone, and not on time.
    """

    def __init__(
        self, model: HeadModel, config: TrackerConfig | None = None, expression_prior: LatentPrior | None = None,
        make_solver: SolverMaker = FrameSolver, background: bool = False,
    ) -> None:  # fmt: skip
        self.model = model
        self.config = config or TrackerConfig()
        self.calibration_s = 0.0
        self._prior, self._make_solver = expression_prior, make_solver
        self._identities = IdentityWorker(model, replace(self.config, frame_s=0.0), expression_prior, background)
        self._follower: Follower | None = None
        self._generic: Follower | None = None  # follows the mean head until there is the subject's
        self._status = TrackStatus.SEARCHING
        self._settings = LiveSettings.of(self.config)
        self._turn = threading.RLock()
        self._wishes: deque[Callable[[], None]] = deque()  # of any thread, to be fulfilled between two frames

    @property
    def status(self) -> TrackStatus:
        """State after the last frame."""
        return self._status

    @property
    def subject(self) -> Subject | None:
        """The head that is tracked, once it is known; another one after each refinement."""
        follower = self._follower
        return None if follower is None else follower.subject

    @property
    def known(self) -> KnownSubject | None:
        """What was found out about the subject, to be saved for the next time; None while that is provisional."""
        follower = self._follower
        return None if follower is None or follower.identity.provisional else follower.identity.known

    @property
    def faces(self) -> NDArray[np.int32]:
        """Triangles (F, 3) of every mesh; empty until there is one."""
        follower = self._follower or self._generic
        return np.zeros((0, 3), np.int32) if follower is None else follower.subject.faces

    @property
    def settled(self) -> bool:
        """Whether the subject is known, and will not be refined any more."""
        return self._identities.settled

    @property
    def awaits_frame(self) -> bool:
        """Whether something that was worked out beside the picture waits for the next frame; for any thread."""
        return self._identities.ready

    def track(self, observation: Observation) -> TrackedFrame:
        """Advance by one observation."""
        prepare_thread(self.config.threads)
        with self._own_turn():
            self._fulfil_wishes()
            self._take_settings()
            self._adopt(self._identities.take())  # done since the frame before
            if self._follower is None:
                tracked = self._look_at(observation)
            else:
                tracked = self._follow(self._follower, observation)
            self._adopt(self._identities.take())  # done at once
            return tracked

    def warm_up(self, observation: Observation) -> None:
        """Fit the subject's head, or else the mean head, to any that is seen from the front: first uses are slow.

        For a model with a template, on any thread before the first frame, where it may take seconds.
        """
        prepare_thread(self.config.threads)
        with self._own_turn():
            known = self._follower
            identity = self._identities.mean_head.make() if known is None else known.identity
            follower = Follower(identity, self.config, self._prior, self._make_solver)
            for _ in ("found by its landmarks", "followed"):
                follower.follow(observation)

    def adjust(self, settings: LiveSettings) -> None:
        """Track with other settings from the next frame on; the head is followed, shown and smoothed as before."""
        self._settings = settings

    def use_subject(self, known: KnownSubject) -> None:
        """Track a person who was calibrated before: the head is looked for with the next observation.

        May be called from any thread at any time, and takes about a second; frames go on being tracked meanwhile.

        Raises
        ------
        ValueError
            The numbers are no head of this model.
        """
        known.check(self.model)
        prepare_thread(self.config.threads)
        identity = Identity(known, known.subject(self.model))

        def follow_it() -> None:
            self._forget(identity)
            self._adopt(identity)

        self._wish(follow_it)

    def recalibrate(self) -> None:
        """Forget the subject and look at who is there anew, from the next frame on.

        May be called from any thread at any time, and does not wait for the frame in progress.
        """
        self._wish(self._forget)

    def settle(self) -> None:
        """Keep the subject as it is known now: a refinement under way is given up, and there will be no other."""
        with self._own_turn():
            self._identities.settle()

    def cancel(self) -> None:
        """Give up a calibration or refinement under way; may be called from any thread.

        Where it is done by `track`, that raises `Cancelled`.
        """
        self._identities.cancel()

    def finish_calibration(self) -> None:
        """Calibrate on the frames seen so far: a recording may end before enough of them came.

        From here on work may be done again that `cancel` had ended with the last frame.
        """
        prepare_thread(self.config.threads)
        with self._own_turn():
            self._identities.reopen()
            if self.subject is None:
                self._adopt(self._identities.finish())

    def conclude(self) -> None:
        """Learn what the frames so far still tell of the subject, and keep it: a recording is at its end."""
        prepare_thread(self.config.threads)
        with self._own_turn():
            self._adopt(self._identities.conclude())

    def restart(self) -> None:
        """Forget where the head was, keep whose it is: for going back in a recording, or for looking for it anew.

        May be called from any thread at any time, and does not wait for the frame in progress.
        """
        self._wish(self._restart)

    def resume(self, state: FitState) -> None:
        """Go on from a known pose and expression of the calibrated head."""
        self._status = TrackStatus.TRACKING
        if self._follower is not None:
            self._follower.resume(state)

    @contextmanager
    def _own_turn(self) -> Iterator[None]:
        """Let nobody else at what changes with a frame; then do what was wished for meanwhile."""
        try:
            with self._turn:
                yield
        finally:
            self._fulfil_wishes()

    def _wish(self, do: Callable[[], None]) -> None:
        """Have something done between two frames: now, or by whose turn it is, when that ends."""
        self._wishes.append(do)
        self._fulfil_wishes()

    def _fulfil_wishes(self) -> None:
        while self._wishes and self._turn.acquire(blocking=False):
            try:
                while self._wishes:
                    self._wishes.popleft()()
            finally:
                self._turn.release()

    def _forget(self, known: Identity | None = None) -> None:
        """Begin with somebody who is known, or with nobody."""
        self._identities.begin(known)
        self._follower = self._generic = None
        self._status = TrackStatus.SEARCHING

    def _restart(self) -> None:
        for follower in self._followers:
            follower.restart()
        if self._follower is not None:
            self._status = TrackStatus.LOST

    def _take_settings(self) -> None:
        """Take on settings that were adjusted since the last frame."""
        settings = self._settings
        if settings != LiveSettings.of(self.config):
            self.config = settings.put_into(self.config)
            for follower in self._followers:
                follower.adjust(self.config)

    @property
    def _followers(self) -> list[Follower]:
        return [follower for follower in (self._generic, self._follower) if follower is not None]

    def _follow(self, follower: Follower, observation: Observation) -> TrackedFrame:
        """Track the subject, and learn more about it."""
        tracked = follower.follow(observation)
        self._status = tracked.status
        if tracked.vertices_cam is not None and follower.state is not None:
            self._identities.see_tracked(observation, follower.state, tracked.confidence)
        return tracked

    def _look_at(self, observation: Observation) -> TrackedFrame:
        """Before the subject is known: gather frames with a face, and show the mean head on it."""
        identities = self._identities
        aligned = aligned_pose(self.model, observation) if len(observation.points_cam) else None
        trust = 0.0 if aligned is None else alignment_trust(aligned[1])
        if aligned is not None and trust:
            identities.see_face(observation, aligned[0], trust)
        self._status = TrackStatus.CALIBRATING if identities.collecting else TrackStatus.SEARCHING
        shown = self._show_generic(observation)
        if shown is not None:
            self._status = TrackStatus.CALIBRATING
            return replace(shown, status=self._status, reason=identities.progress)
        if aligned is None or not trust:
            reason = "no face in sight" if observation.landmarks is None else "landmarks and depth do not make a head"
            return TrackedFrame(observation, self._status, reason, stages_s=dict(observation.stages_s))
        return TrackedFrame(
            observation, self._status, identities.progress, aligned[0], stages_s=dict(observation.stages_s),
            confidence=trust,
        )  # fmt: skip

    def _show_generic(self, observation: Observation) -> TrackedFrame | None:
        """The mean head on a face, where there is one yet, and a face that it fits."""
        mean_head = self._identities.mean_head.identity
        if self._generic is None and mean_head is not None:
            self._generic = Follower(mean_head, self.config, self._prior, self._make_solver)
        shown = None if self._generic is None else self._generic.follow(observation)
        return None if shown is None or shown.vertices_cam is None else shown

    def _adopt(self, identity: Identity | None) -> None:
        """Follow an identity from the next frame on, from where the head is followed now."""
        if identity is None:
            return
        follower = Follower(identity, self.config, self._prior, self._make_solver)
        before = self._follower or self._generic
        if before is not None:
            follower.take_over(before)
        if self._follower is None:  # else the status goes on
            self._status = TrackStatus.TRACKING if identity.keyframes else TrackStatus.SEARCHING
        if self._follower is None or self._follower.identity.provisional:
            self.calibration_s = identity.seconds
        self._follower, self._generic = follower, None
