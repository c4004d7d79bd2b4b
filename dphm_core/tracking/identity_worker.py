"""Finds out whose head is there, beside the tracking: gathers keyframes, has identities worked out, keeps the better.

In a live picture the work is done on a thread of its own, and the picture goes on; in a recording it is done at once,
at frames that depend on nothing but the recording.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import numpy as np

from dphm_core.aside import Aside, Check
from dphm_core.diffusion.prior import LatentPrior
from dphm_core.frames import Observation, Similarity
from dphm_core.heads.model import HeadModel
from dphm_core.heads.numerics import prepare_thread
from dphm_core.tracking.config import TrackerConfig
from dphm_core.tracking.even_frames import EvenFrames
from dphm_core.tracking.fit_state import FitState
from dphm_core.tracking.identity import GLANCE_FRAMES, Identity, IdentityFinder
from dphm_core.tracking.keyframes import Keyframe, KeyframePool
from dphm_core.tracking.mean_head import MeanHead

log = logging.getLogger(__name__)

SURE = 0.8
"""Confidence from which on a tracked frame tells about the head."""
NEW_VIEWS = 3
"""Views that were not seen before, which make a refinement worth its while."""
MIN_VIEWS = 8
"""Fewer views in all are not enough to refine, and to compare, on."""
PAUSE_S = 2.0
"""Between two refinements, by the frames' clock."""
MAX_REFUSALS = 2
"""Refinements in a row that were none, after which no more is expected of them."""
PERSONAL_FRAMES = (90, 360, 1440)
"""Tracked frames after which, in a live picture, the personal offset is worked out, and added to: 3, 12 and 48 seconds.
In a recording that is done once, when it is concluded."""
WHILE_BUSY = 3
"""In a live picture, so many times the frames that a calibration takes may be chosen from, if they come meanwhile."""
CANCEL_S = 1.0
"""How long `cancel` waits for the work under way, which looks up several times in a tenth of it."""


class IdentityWorker:
    """Turns frames into identities; for the tracking thread, but that any thread may `cancel`.

    Parameters
    ----------
    model, config, prior
        Of the tracker.
    background
        True: identities come some seconds after the frame that was still missing for them, and before them a generic
        and a provisional one. False: with that frame.
    """

    def __init__(self, model: HeadModel, config: TrackerConfig, prior: LatentPrior | None, background: bool) -> None:
        self._model, self._config, self._prior = model, config, prior
        self._background = background
        self._work: Aside[Identity | None] = Aside(background, "dphm-identity")
        self.mean_head = MeanHead(model, config.threads, shown=background)
        self.begin(None)

    def begin(self, present: Identity | None) -> None:
        """Start with somebody who is known already, or with nobody; what was gathered or is under way is forgotten."""
        self._work.drop()
        self._present = present
        self._collected: list[Keyframe] = []
        self._pool = KeyframePool()
        self._even = EvenFrames()
        self._before: Keyframe | None = None
        self._refined = self._refusals = self._personal_rounds = 0
        self._personal_offered = 0  # frames that there were at the last of these rounds
        self._take_up: TakeUp = IdentityWorker._take_calibrated  # what comes of the work under way
        self._last_s: float | None = None  # when the last work ended
        self._settled = self._glanced = False

    @property
    def progress(self) -> str:
        """How far it is with an identity, as a short clause for the user."""
        if self._work.busy:
            return "working out whose head it is"
        wanted = GLANCE_FRAMES if self._glances else self._config.calibration_frames
        return f"looking at the face: {min(len(self._collected), wanted)} of {wanted} frames"

    @property
    def collecting(self) -> bool:
        """Whether it has seen a face of somebody yet unknown."""
        return self._work.busy or bool(self._collected)

    @property
    def ready(self) -> bool:
        """Whether there is a result of the work to be taken."""
        return self._work.done

    @property
    def settled(self) -> bool:
        """Whether the identity will not change any more."""
        if self._present is None or self._work.busy:
            return False
        changes = self._present.provisional or self._refines or self._personalises
        return self._settled or self._work.closed or not changes

    def settle(self) -> None:
        """Keep the present identity from now on."""
        if self._present is not None:
            self._settled = True
            self._work.drop()

    def see_face(self, observation: Observation, pose: Similarity, trust: float) -> None:
        """Look at a frame of somebody yet unknown, whose head's `pose` is `trust`-worthy (0..1)."""
        self.mean_head.begin()
        self._collect(observation, FitState.at_rest(pose, self._model.config.expression_dim), trust)
        if self._work.busy or self.mean_head.busy:
            return
        if self._glances and len(self._collected) >= GLANCE_FRAMES:
            self._glance()
        elif len(self._collected) >= self._config.calibration_frames:
            self._calibrate()

    def see_tracked(self, observation: Observation, state: FitState, confidence: float) -> None:
        """Look at a frame of the present head."""
        if self.settled:
            return
        if self._present is not None and self._present.provisional:
            self._see_provisional(observation, state, confidence)
            return
        frame = self._keyframe(observation, state, confidence)
        if confidence < SURE:
            return
        self._pool.offer(frame)
        self._even.offer(frame)
        if self._work.busy:
            return
        if self._refinement_due(observation.frame.timestamp_s):
            self._pool.new_views = 0
            self._refine()
        elif self._background and self._personalises and self._even.offered >= PERSONAL_FRAMES[self._personal_rounds]:
            self._personalise()

    def take(self) -> Identity | None:
        """Hand a new identity over, once; None while there is none."""
        if not self._work.done:
            return None
        found = self._taken()
        self._last_s = None if self._before is None else self._before.observation.frame.timestamp_s
        self._take_up(self, found)
        self._present = found or self._present
        return found

    def _taken(self) -> Identity | None:
        try:
            return self._work.take()
        except (ArithmeticError, MemoryError, ValueError, np.linalg.LinAlgError):
            if self._present is None and self._take_up != IdentityWorker._take_glance:
                raise
            log.exception("an identity could not be worked out; it goes on as before")
            return None

    def finish(self) -> Identity | None:
        """The identity of somebody yet unknown from what there is: there will not be more frames. Waits for it."""
        if self._present is None and not self._work.busy and self._collected:
            self._calibrate()
        self._work.wait()
        return self.take()

    def conclude(self) -> Identity | None:
        """What is still to be learnt of the present head from the frames so far; then it is kept. Waits for it."""
        self._work.wait()
        found = self.take()
        if not self.settled and self._personalises and self._even.offered >= 2 * self._personal_offered:
            self._personalise()
            self._work.wait()
            found = self.take() or found
        self.settle()
        return found

    def cancel(self) -> None:
        """Give up the work under way, and begin no other; may be called from any thread."""
        self.mean_head.cancel(CANCEL_S)
        self._work.cancel(CANCEL_S)

    def reopen(self) -> None:
        """Let work begin again after `cancel`."""
        self._work.reopen()
        self.mean_head.reopen()

    def _keyframe(self, observation: Observation, state: FitState, trust: float) -> Keyframe:
        self._before = Keyframe.of(observation, state, trust, self._before)
        return self._before

    def _collect(self, observation: Observation, state: FitState, trust: float) -> None:
        """Keep a frame to calibrate on; beside other work, more of them than have to be."""
        most = self._config.calibration_frames * (WHILE_BUSY if self._background else 1)
        if len(self._collected) < most:
            self._collected.append(self._keyframe(observation, state, trust).to_keep())

    def _see_provisional(self, observation: Observation, state: FitState, confidence: float) -> None:
        """Look at a frame of a head that is not yet worked out in full."""
        if confidence >= SURE:
            self._collect(observation, state, confidence)
        if not self._work.busy and len(self._collected) >= self._config.calibration_frames:
            self._complete()

    @property
    def _glances(self) -> bool:
        """Whether a provisional identity is to come first."""
        return self.mean_head.shown and not self._glanced and self._config.calibration_frames > GLANCE_FRAMES

    @property
    def _refines(self) -> bool:
        """Whether refinements may still come."""
        enough = self._refusals >= MAX_REFUSALS or self._refined >= self._config.refinements
        return not enough and self._model.template is not None  # without it, vertices would be others

    @property
    def _personalises(self) -> bool:
        """Whether the personal offset may still change."""
        return self._config.personal and self._personal_rounds < len(PERSONAL_FRAMES)

    def _refinement_due(self, now_s: float) -> bool:
        rested = self._last_s is None or abs(now_s - self._last_s) >= PAUSE_S
        return self._refines and rested and self._pool.new_views >= NEW_VIEWS and len(self._pool.frames) >= MIN_VIEWS

    def _calibrate(self) -> None:
        frames = self._collected.copy()
        self._start(IdentityWorker._take_calibrated, lambda finder, check: finder.calibrate(frames, check))

    def _glance(self) -> None:
        frames, self._glanced = self._collected.copy(), True
        self._start(IdentityWorker._take_glance, lambda finder, check: finder.glance(frames, check))

    def _complete(self) -> None:
        assert self._present is not None
        frames, present = self._collected.copy(), self._present
        self._start(IdentityWorker._take_calibrated, lambda finder, check: finder.complete(frames, present, check))

    def _refine(self) -> None:
        assert self._present is not None
        frames, present, seen = self._pool.frames, self._present, self._seen()
        self._start(IdentityWorker._take_refined, lambda finder, check: finder.refine(frames, present, seen, check))

    def _personalise(self) -> None:
        assert self._present is not None
        present, seen = self._present, self._seen()
        self._personal_offered = self._even.offered
        self._start(IdentityWorker._take_personal, lambda finder, check: finder.personalise(seen, present, check))

    def _start(self, take_up: TakeUp, find: Callable[[IdentityFinder, Check], Identity | None]) -> None:
        finder = IdentityFinder(self._model, self._config, self._prior)
        threads = self._config.threads

        def work(check: Check) -> Identity | None:
            prepare_thread(threads)
            return find(finder, check)

        self._take_up = take_up
        self._work.start(work)

    def _take_glance(self, found: Identity | None) -> None:
        """More frames are gathered in any case."""

    def _take_calibrated(self, found: Identity | None) -> None:
        self._collected = []
        self._pool = KeyframePool(() if found is None else found.keyframes)

    def _take_refined(self, found: Identity | None) -> None:
        if found is None:
            self._refusals += 1
            return
        self._refined, self._refusals = self._refined + 1, 0
        self._pool.update(found.keyframes)
        if found.known.offset is None:  # else it was made anew
            self._personal_rounds = self._personal_offered = 0

    def _take_personal(self, found: Identity | None) -> None:
        assert self._present is not None
        # To an offset that holds, more frames add nothing; where there is none yet, they may tell what others did not.
        complete = found is None and self._present.known.offset is not None
        self._personal_rounds = len(PERSONAL_FRAMES) if complete else self._personal_rounds + 1

    def _seen(self) -> list[Keyframe]:
        """Tracked frames in order of time, each once: evenly spread ones, and those of rare views."""
        frames = {frame.observation.frame.timestamp_s: frame for frame in [*self._pool.frames, *self._even.frames]}
        return [frames[time_s] for time_s in sorted(frames)]


TakeUp = Callable[[IdentityWorker, Identity | None], None]
"""A method of the worker, not bound to it: it would hold itself, and its model, for long after its end."""
