"""Connects the tracking panel, the expression bars and the residual plot to the tracker of what is open."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from PyQt5.QtCore import QObject
from PyQt5.QtWidgets import QFileDialog, QWidget

from dphm_core.errors import SettingError
from dphm_core.frames import TrackedFrame
from dphm_core.jobs import Tell
from dphm_core.output.saved_track import SavedTracker
from dphm_core.places import model_names
from dphm_core.tracking.live_settings import LiveSettings

from ..desk import Desk
from ..late_tracker import came_while_loading
from ..panels.expression_bars import ExpressionBars
from ..panels.residual_plot import ResidualPlot
from ..panels.tracking_panel import Missing, TrackingPanel
from ..save_file import ask_where_to_save
from ..session import Request, Session
from ..settings import WindowSettings
from ..tracker_memory import keep_settings, remembered_settings

if TYPE_CHECKING:
    from dphm_core.tracking.tracker import HeadTracker

SUBJECT_FILES = "Subject file (*.safetensors)"


class TrackingControl(QObject):
    """Passes on what the user wants of the tracker, and shows how it is with it. Lives on the GUI thread."""

    def __init__(
        self, desk: Desk, panel: TrackingPanel, bars: ExpressionBars, plot: ResidualPlot, settings: WindowSettings,
        window: QWidget,
    ) -> None:  # fmt: skip
        super().__init__(window)
        self._desk, self._panel, self._bars, self._plot = desk, panel, bars, plot
        self._settings, self._window = settings, window
        self._tracking = True
        self._head_tracker: HeadTracker | None = None
        panel.sliders.set_settings(remembered_settings(settings))
        desk.opened.connect(self._opened)
        desk.opening.connect(self._opening)
        desk.closed.connect(self._closed)
        desk.frame.connect(self._show)
        desk.ticking.connect(self._look)
        panel.tracking_toggled.connect(self.set_tracking)
        panel.model_chosen.connect(lambda model: desk.reopen(model=model, subject=None))
        panel.device_chosen.connect(lambda device: desk.reopen(device=device))
        panel.sliders.changed.connect(self._adjust)
        panel.calibrate_requested.connect(self._calibrate)
        panel.find_again_requested.connect(self._find_again)
        panel.load_subject_requested.connect(self._load_subject)
        panel.save_subject_requested.connect(self._save_subject)

    def set_tracking(self, on: bool) -> None:
        """Track, or only show what the camera sees."""
        self._tracking = on
        self._panel.set_tracking(on)
        session = self._desk.session
        if session is not None:
            session.pipeline.set_tracking(on)
            if on:
                session.track_still()

    def _opening(self, _request: Request) -> None:
        self._head_tracker = None
        self._panel.set_missing(Missing.OPENING)

    def _opened(self, session: Session) -> None:
        self._head_tracker = None
        self._panel.set_subject_known(False)
        self._panel.set_missing(Missing.MODEL if session.tracks else Missing.LIVE)
        self._bars.set_names(saved_names(session))
        self._bars.show_code(None)
        self._plot.clear()
        self._show_choices(session)
        if session.tracks:
            session.pipeline.set_tracking(self._tracking)
            self._desk.run("Looking what there is", lambda _tell: (model_names(), devices()), self._offer, quiet=True)

    def _offer(self, found: tuple[list[str], list[tuple[str, str]]]) -> None:
        """Show which models and devices there are."""
        self._panel.set_models(found[0])
        self._panel.set_devices(found[1])
        if self._desk.session is not None:
            self._show_choices(self._desk.session)

    def _show_choices(self, session: Session) -> None:
        self._panel.set_model(model_of(session))
        self._panel.set_device(session.request.device)

    def _look(self) -> None:
        """Several times a second: the tracker is loaded some time after its source was opened."""
        session = self._desk.session
        tracker = None if session is None else session.head_tracker
        if tracker is None:
            return
        if tracker is not self._head_tracker:
            self._head_tracker = tracker
            tracker.adjust(self._panel.sliders.settings)  # a slider may have been moved while it was loaded
            self._keep_choices(session)
            self._panel.set_missing(None)
            self._show_again()
            self._bars.set_names(tracker.model.expression_names)
        self._panel.set_subject_known(tracker.known is not None)

    def _show_again(self) -> None:
        """Show the frame on screen in the panel: where a recording stands still no other comes."""
        drawn = self._desk.drawn
        if drawn is not None and not came_while_loading(drawn):
            self._panel.show_tracked(drawn)

    def _keep_choices(self, session: Session) -> None:
        """What could be loaded is what other sources are opened with, too."""
        self._desk.amend(model=session.request.model, device=session.request.device)
        self._settings.keep("model", session.request.model)

    def _closed(self) -> None:
        self._head_tracker = None  # it would be kept, with its model
        self._panel.set_missing(Missing.SOURCE)
        self._bars.show_code(None)
        self._plot.clear()

    def _show(self, tracked: TrackedFrame) -> None:
        session = self._desk.session
        if self._desk.frozen or session is None:
            return
        self._panel.show_tracked(tracked)
        self._bars.show_code(tracked.expression_code if tracked.vertices_cam is not None else None)
        if session.pipeline.status().tracking and not came_while_loading(tracked):
            self._plot.add(monotonic(), tracked.residual_mm, tracked.status)  # a recording's own time goes back

    def _adjust(self, live: LiveSettings) -> None:
        keep_settings(self._settings, live)
        self._desk.amend(live=live)
        if self._desk.session is not None and self._desk.session.head_tracker is not None:
            self._desk.session.head_tracker.adjust(live)

    def _calibrate(self) -> None:
        session = self._desk.session
        if session is not None and session.head_tracker is not None:
            tracker = session.head_tracker
            self._desk.amend(subject=None)
            self._change(session, "Forgetting the subject", tracker.recalibrate)

    def _find_again(self) -> None:
        session = self._desk.session
        if session is not None and session.head_tracker is not None:
            tracker = session.head_tracker
            self._change(session, "Looking for the head", tracker.restart)

    def _change(self, session: Session, name: str, change: Callable[[], object]) -> None:
        self._desk.run(name, lambda _tell: change(), lambda _none: session.track_still(), quiet=True)

    def _load_subject(self) -> None:
        path = QFileDialog.getOpenFileName(self._window, "Load a subject", self._folder(), SUBJECT_FILES)[0]
        if path:
            self.load_subject(Path(path))

    def load_subject(self, path: Path) -> None:
        """Track the person of a subject file from now on."""
        session = self._desk.session
        if session is None or session.head_tracker is None:
            return
        tracker = session.head_tracker
        self._settings.keep("subject_folder", str(path.parent))

        def load(tell: Tell) -> None:
            from dphm_core.tracking.subject_file import load_subject_of

            known = load_subject_of(path, tracker.model)
            tell(0, None)  # it may be unwanted by now
            tracker.use_subject(known)

        def loaded(_none: None) -> None:
            self._desk.amend(subject=path)
            session.track_still()

        self._desk.run("Loading the subject", load, loaded)

    def _save_subject(self) -> None:
        suggested = Path(self._folder()) / "subject.safetensors"
        path = ask_where_to_save(self._window, "Save the subject", suggested, SUBJECT_FILES)
        if path is not None:
            self.save_subject(path)

    def save_subject(self, path: Path) -> None:
        """Save who is tracked, for the next time."""
        session = self._desk.session
        known = None if session is None or session.head_tracker is None else session.head_tracker.known
        self._settings.keep("subject_folder", str(path.parent))

        def save(_tell: Tell) -> None:
            from dphm_core.tracking.subject_file import save_subject

            if known is None:
                raise SettingError("nobody is known yet who could be saved; let the face be seen for some seconds")
            save_subject(known, path)

        self._desk.run("Saving the subject", save, lambda _none: self._desk.told.emit(f"Saved to {path}"))

    def _folder(self) -> str:
        return self._settings.text("subject_folder", "")


def devices() -> list[tuple[str, str]]:
    """Devices that fit frames, with their names for people; the first call takes a second."""
    import torch

    graphics = [(f"cuda:{n}", torch.cuda.get_device_name(n)) for n in range(torch.cuda.device_count())]
    return [("cpu", "Processor (CPU)"), *graphics]


def saved_names(session: Session) -> tuple[str, ...]:
    """Names of the expression weights of a saved track."""
    if not isinstance(session.tracker, SavedTracker):
        return ()
    return tuple(str(name) for name in session.tracker.saved.track.expression_names)


def model_of(session: Session) -> str:
    """The head model that what is shown was, or is, tracked with."""
    if isinstance(session.tracker, SavedTracker):
        return session.tracker.saved.subject.model.name or session.request.model
    return session.request.model
