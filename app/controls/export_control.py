"""Opens the export dialog on what is shown."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PyQt5.QtCore import QObject
from PyQt5.QtWidgets import QWidget

from dphm_core.jobs import Tell

from ..desk import Desk
from ..settings import WindowSettings
from .saved_tracks import SavedTracks

if TYPE_CHECKING:
    from dphm_core.export.export import ExportSummary
    from dphm_core.export.options import ExportOptions
    from dphm_core.export.plan import CurrentMesh, ExportPlan
    from dphm_core.output.saved_track import SavedTrack

    from ..panels.export_dialog import ExportDialog


class ExportControl(QObject):
    """Exports the mesh on screen, or the whole saved track. Lives on the GUI thread; the dialog runs it in a job.

    Parameters
    ----------
    selection
        First and last frame that the user selected in the recording, or None.
    folder
        Where exports go unless the user says otherwise, each in a folder of its own.
    """

    def __init__(
        self, desk: Desk, tracks: SavedTracks, selection: Callable[[], tuple[int, int] | None],
        settings: WindowSettings, folder: Path, window: QWidget,
    ) -> None:  # fmt: skip
        super().__init__(window)
        self._tracks, self._selection = tracks, selection
        self._desk, self._settings, self._folder, self._window = desk, settings, folder, window
        self._dialog: ExportDialog | None = None

    def show(self) -> None:
        """Ask what to export, and do it; a track that is kept but not shown is loaded first."""
        self._tracks.fetch(self.ask)

    def ask(self, saved: SavedTrack | None) -> ExportDialog:
        """Show the dialog; the window stays alive meanwhile."""
        from ..panels.export_dialog import ExportDialog

        current = self._current()
        dialog = self._dialog = ExportDialog(
            lambda out, options, tell: _export(saved, current, out, options, tell),
            self._window,
            lambda out, options: _plan(saved, current, out, options),
        )
        dialog.restore(self._remembered())
        if self._desk.session is not None:
            dialog.set_folder(self._folder / self._desk.session.pipeline.info.label.replace("/", "_"))
            dialog.choices.set_recording(self._desk.session.request.uri)
        dialog.set_current(current is not None)
        if saved is not None and len(saved.track.frame_index):
            dialog.set_saved(True, int(saved.track.frame_index[0]), int(saved.track.frame_index[-1]))
            if (selection := self._selection()) is not None:
                dialog.choices.select(*selection)
        else:
            dialog.set_saved(False)
        dialog.finished.connect(lambda _result: self._finished(dialog))
        dialog.open()
        return dialog

    def _finished(self, dialog: ExportDialog) -> None:
        """Remember the choices and let go of the track."""
        self._settings.keep("export", json.dumps(dialog.state()))
        self._dialog = None
        dialog.deleteLater()

    def stop(self) -> None:
        """Give up an export that is under way: the window closes."""
        if self._dialog is not None:
            self._dialog.stop()

    def _current(self) -> CurrentMesh | None:
        from dphm_core.export.plan import CurrentMesh

        session, shown = self._desk.session, self._desk.drawn
        if session is None or shown is None or shown.vertices_cam is None or shown.head_to_cam is None:
            return None
        return CurrentMesh(shown.index, shown.vertices_cam, session.tracker.faces, shown.head_to_cam)

    def _remembered(self) -> dict[str, Any]:
        try:
            state = json.loads(self._settings.text("export", "{}"))
        except ValueError:
            return {}
        return state if isinstance(state, dict) else {}


def _export(
    saved: SavedTrack | None, current: CurrentMesh | None, out: Path, options: ExportOptions, tell: Tell
) -> ExportSummary:
    from dphm_core.export.export import export_track

    return export_track(saved, out, options, tell, current)


def _plan(saved: SavedTrack | None, current: CurrentMesh | None, out: Path, options: ExportOptions) -> ExportPlan:
    from dphm_core.export.plan import plan_export

    return plan_export(saved, out, options, current)
