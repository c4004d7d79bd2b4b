"""The mean head, which a live picture shows on a face until it is known whose it is."""

from __future__ import annotations

from dphm_core.aside import Aside, Check
from dphm_core.heads.model import HeadModel
from dphm_core.heads.numerics import prepare_thread
from dphm_core.tracking.identity import Identity, generic_identity


class MeanHead:
    """Makes it beside the tracking, or before it; for the tracking thread, but that any thread may `cancel`."""

    def __init__(self, model: HeadModel, threads: int, shown: bool) -> None:
        """`shown` is whether it is to be shown at all, `threads` of which it is made."""
        self._model, self._threads = model, threads
        self._work: Aside[Identity] = Aside(True, "dphm-identity")
        self.shown = shown and model.template is not None  # other meshes would not have its topology
        self.identity: Identity | None = None
        """Once it is there, where it is to be shown."""

    @property
    def busy(self) -> bool:
        """Whether it is being made."""
        return self._work.busy

    def begin(self) -> None:
        """See to it that it is there soon: a part of a second after the first time that this is asked for."""
        if self._work.done:
            self.identity = self._work.take()
        elif self.shown and self.identity is None and not self._work.busy:
            self._work.start(self._made)

    def make(self) -> Identity:
        """Make it at once, whether or not it is to be shown."""
        made = self.identity or generic_identity(self._model)
        if self.shown:
            self.identity = made
        return made

    def cancel(self, patience_s: float) -> None:
        """Give it up, and wait for that so long at most."""
        self._work.cancel(patience_s)

    def reopen(self) -> None:
        """Let it be made again after `cancel`."""
        self._work.reopen()

    def _made(self, check: Check) -> Identity:
        prepare_thread(self._threads)
        return generic_identity(self._model, check)
