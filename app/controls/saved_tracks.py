"""The complete track of what is open, shown or kept from before."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from dphm_core.jobs import Tell
from dphm_core.sources import is_live

from ..desk import Desk
from ..track_store import TrackStore

if TYPE_CHECKING:
    from dphm_core.output.saved_track import SavedTrack


class SavedTracks:
    """Finds it for whoever needs it; lives on the GUI thread, a kept one is read in a job."""

    def __init__(self, desk: Desk, store: TrackStore) -> None:
        self._desk, self._store = desk, store

    def fetch(self, use: Callable[[SavedTrack | None], object]) -> None:
        """Call `use` with the track, at once or in a moment; with None where there is none."""
        request = self._desk.request
        tracker = None if self._desk.session is None else self._desk.session.tracker
        shown = getattr(tracker, "saved", None)
        if shown is not None or request is None or is_live(request.uri):
            use(shown)
            return
        uri, store = request.uri, self._store

        def load(_tell: Tell) -> SavedTrack | None:
            from dphm_core.output.saved_track import load_saved_track

            folder = store.load(uri)
            return None if folder is None else load_saved_track(folder)

        self._desk.run("Looking for a saved track", load, use)
