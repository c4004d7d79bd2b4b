"""Streams the tracked frames of whatever is open, from when the user says so until they say otherwise."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from PyQt5.QtCore import QObject
from PyQt5.QtWidgets import QWidget

from ..desk import Desk
from ..panels.stream_dialog import StreamDialog, StreamSign
from ..session import Session
from ..settings import WindowSettings

if TYPE_CHECKING:
    from dphm_core.streaming.address import StreamAddress
    from dphm_core.streaming.stream import Broadcast


class StreamControl(QObject):
    """Begins and ends streams; off at each start. Lives on the GUI thread; frames go out on threads of their own.

    Streams outlive what is open: the next source's frames go where the last one's went.
    """

    def __init__(self, desk: Desk, sign: StreamSign, settings: WindowSettings, window: QWidget) -> None:
        super().__init__(window)
        self._desk, self._sign, self._settings, self._window = desk, sign, settings, window
        self._broadcast: Broadcast | None = None
        self._dialog: StreamDialog | None = None
        desk.opened.connect(self._opened)
        desk.ticking.connect(self._look)
        sign.clicked.connect(self.show)

    @property
    def streaming(self) -> bool:
        """Whether frames go out."""
        return self._broadcast is not None

    def show(self) -> StreamDialog:
        """Show where frames go, and how it goes."""
        if self._dialog is None:
            self._dialog = StreamDialog(self._window)
            self._dialog.restore(self._remembered())
            self._dialog.start_requested.connect(self.start)
            self._dialog.stop_requested.connect(self.stop)
        self._look()
        self._dialog.show()
        self._dialog.raise_()
        return self._dialog

    def start(self, addresses: list[StreamAddress], gaze: bool) -> None:
        """Stream what is tracked from now on."""
        from dphm_core.streaming.stream import Broadcast

        self.stop()
        self._keep()
        self._broadcast = Broadcast(addresses, gaze)
        self._tap(self._desk.session, self._broadcast)
        self._look()

    def stop(self) -> None:
        """Send nothing more; sockets are closed a moment later."""
        broadcast, self._broadcast = self._broadcast, None
        if broadcast is not None:
            self._tap(self._desk.session, None)
            self._desk.run("Ending the streams", lambda _tell: broadcast.close(), quiet=True)
        self._look()

    def _opened(self, session: Session) -> None:
        self._tap(session, self._broadcast)

    def _look(self) -> None:
        """Several times a second: how it goes."""
        statuses = None if self._broadcast is None else self._broadcast.statuses
        self._sign.show_statuses(statuses)
        if self._dialog is not None:
            self._dialog.show_statuses(statuses)

    def _keep(self) -> None:
        if self._dialog is not None:
            self._settings.keep("streams", json.dumps(self._dialog.state()))

    def _remembered(self) -> Any:
        try:
            return json.loads(self._settings.text("streams", "{}"))
        except ValueError:
            return {}

    def _tap(self, session: Session | None, broadcast: Broadcast | None) -> None:
        if session is not None and session.tap is not None:
            session.tap.sink = broadcast
