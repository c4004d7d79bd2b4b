"""Streams under way: each has a thread of its own, so that no receiver can hold up tracking or another stream."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from time import monotonic
from typing import Self

from dphm_core.frames import TrackedFrame
from dphm_core.handover import HandOver
from dphm_core.streaming.address import StreamAddress
from dphm_core.streaming.face import FaceReader
from dphm_core.streaming.links import Link, in_words, open_link

log = logging.getLogger(__name__)

RETRY_S = 2.0
"""A stream that cannot be opened is tried again after so long."""
JOIN_S = 6.0
LOOK_S = 0.5
"""How often a stream that ends is looked at, and how long one that is being opened is waited for."""


@dataclass(frozen=True)
class StreamStatus:
    """A stream at one moment."""

    address: StreamAddress
    sent: int
    """Frames that went out."""
    dropped: int
    """Frames that a newer one replaced before they could go out."""
    clients: int | None
    """How many listen; None where that cannot be known."""
    error: str | None
    """What is wrong now and what to do, in one line."""

    @property
    def words(self) -> str:
        """In one line, for a user."""
        if self.error is not None:
            return self.error
        told = f"{self.sent} frame{'s' * (self.sent != 1)} sent" + (f", {self.dropped} dropped" if self.dropped else "")
        listening = "" if self.clients is None else f", {self.clients} client{'s' * (self.clients != 1)}"
        return told + listening


class Stream:
    """One stream, from its making to `close`; what goes wrong is told and tried again, never raised.

    Made, fed and closed from any thread.

    Parameters
    ----------
    address
        Where it goes.
    gaze
        Whether directions of gaze are taken from the face detector.
    """

    def __init__(self, address: StreamAddress, gaze: bool = False) -> None:
        self._address = address
        self._reader = FaceReader(gaze, address.vertices)
        self._box: HandOver[tuple[TrackedFrame, Sequence[str]]] = HandOver(every=False)
        self._link: Link | None = None
        self._sent = 0
        self._error: str | None = None
        self._opening = False
        self._thread = threading.Thread(target=self._run, name=f"dphm-stream-{address.kind}", daemon=True)
        self._thread.start()

    @property
    def status(self) -> StreamStatus:
        """How it goes; cheap, from any thread."""
        link = self._link
        return StreamStatus(
            self._address, self._sent, self._box.dropped, None if link is None else link.clients, self._error
        )

    def send(self, tracked: TrackedFrame, expression_names: Sequence[str]) -> None:
        """Take a frame; it goes out next, unless a newer one comes before."""
        self._box.put((tracked, expression_names))

    def let_go(self) -> None:
        """Take no more frames; `close` waits for the end."""
        self._box.close(discard=True)

    def close(self) -> None:
        """End the stream; safe to call twice.

        One that is being opened is hardly waited for: looking its host up can take long, and then it ends by itself.
        """
        self.let_go()
        ends = monotonic() + JOIN_S
        self._thread.join(LOOK_S)
        while self._thread.is_alive() and not self._opening and monotonic() < ends:
            self._thread.join(LOOK_S)
        if self._thread.is_alive() and not self._opening:
            log.warning("%s still waits for the network; it ends by itself", self._address)

    def _run(self) -> None:
        try:
            self._open()
            tried = monotonic()
            while (item := self._box.take()) is not None:
                if self._link is None and monotonic() - tried > RETRY_S:
                    self._open()
                    tried = monotonic()
                if self._link is not None:
                    self._pass_on(self._link, *item)
        except Exception as error:  # tracking goes on without the stream
            log.exception("%s ends", self._address)
            self._error = f"{type(error).__name__}: {error}"
        finally:
            self._end()

    def _open(self) -> None:
        self._opening = True
        try:
            self._link = open_link(self._address)
            self._error = None
        except OSError as error:
            self._complain(error)
        finally:
            self._opening = False

    def _end(self) -> None:
        try:
            if self._link is not None:
                self._link.close()
        except OSError as error:
            self._complain(error)

    def _pass_on(self, link: Link, tracked: TrackedFrame, expression_names: Sequence[str]) -> None:
        try:
            self._sent += link.send(self._reader.read(tracked, expression_names))
            self._error = None
        except OSError as error:
            self._complain(error)

    def _complain(self, error: OSError) -> None:
        """Tell what is wrong, once."""
        text = in_words(error, self._address)
        if text != self._error:
            log.warning("%s: %s", self._address, text)
        self._error = text


class Broadcast:
    """All streams of a session, a `FrameSink`. Made, fed and closed from any thread.

    Parameters
    ----------
    addresses
        Where frames go.
    gaze
        Whether directions of gaze are taken from the face detector, where it has looked; else they are 0.
    """

    def __init__(self, addresses: Iterable[StreamAddress], gaze: bool = False) -> None:
        self._streams = tuple(Stream(address, gaze) for address in addresses)

    @property
    def statuses(self) -> list[StreamStatus]:
        """How each stream goes; cheap, from any thread."""
        return [stream.status for stream in self._streams]

    def send(self, tracked: TrackedFrame, expression_names: Sequence[str]) -> None:
        """Take a frame; never waits, never raises."""
        for stream in self._streams:
            stream.send(tracked, expression_names)

    def close(self) -> None:
        """End all streams."""
        with ExitStack() as stack:
            for stream in self._streams:
                stream.let_go()
                stack.callback(stream.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()
