"""Connects the view's options to the 3-D view, shows each frame, and remembers what the user chose."""

from __future__ import annotations

from time import perf_counter

from PyQt5.QtCore import QObject, pyqtSignal
from PyQt5.QtWidgets import QWidget

from app.desk import Desk
from app.panels.image_preview import ImagePreview
from app.panels.view_options import ViewOptions
from app.settings import WindowSettings
from app.view3d.options import DEFAULT_LAYERS, Layer, MeshStyle
from app.view3d.scene import View3D
from dphm_core.frames import TrackedFrame

REST = 2.0
"""While frames are tracked, the view rests so many times as long as it paints: without a graphics card painting takes
the tracker's own processor."""
LONGEST_REST_S = 0.07
"""But it is painted more than ten times a second."""


class ViewControl(QObject):
    """Draws the newest frame, as often as that does the tracker no harm. Lives on the GUI thread."""

    shown = pyqtSignal()
    """Another frame is on its way to the screen."""

    def __init__(
        self, desk: Desk, view: View3D, options: ViewOptions, preview: ImagePreview, settings: WindowSettings,
        window: QWidget,
    ) -> None:  # fmt: skip
        super().__init__(window)
        self._desk, self._view, self._options, self._preview = desk, view, options, preview
        self._settings = settings
        options.style_changed.connect(self._set_style)
        options.layer_toggled.connect(self._set_layer)
        options.follow_toggled.connect(view.set_follow)
        options.through_camera_toggled.connect(view.set_through_camera)
        options.reset_requested.connect(view.reset)
        options.camera_view_requested.connect(view.look_from_camera)
        self._waiting: TrackedFrame | None = None
        self._rests_until = 0.0
        self._painting = False
        view.widget.frameSwapped.connect(self._painted)
        desk.frame.connect(self._take)
        desk.ticked.connect(lambda *_: self._show_waiting())
        desk.opened.connect(lambda _session: self.clear())
        desk.closed.connect(self.clear)
        self._restore()

    def _take(self, tracked: TrackedFrame) -> None:
        self._waiting = tracked
        self._show_waiting()

    def _show_waiting(self) -> None:
        session, tracked = self._desk.session, self._waiting
        if session is None or tracked is None or self._desk.frozen or perf_counter() < self._rests_until:
            return
        self._waiting, self._painting = None, True
        self._view.show(tracked, session.tracker.faces)
        self._preview.show_frame(tracked)
        self.shown.emit()

    def _painted(self) -> None:
        """Painted by software, the next frame waits a little; other widgets that are painted count for nothing."""
        if not self._painting:
            return
        self._painting = False
        session = self._desk.session
        busy = session is not None and session.tracks
        self._rests_until = perf_counter() + min(REST * self._view.paint_s, LONGEST_REST_S) if busy else 0.0

    def clear(self) -> None:
        """Forget the frame and the head before."""
        self._waiting, self._rests_until = None, 0.0
        self._view.clear()
        self._preview.clear()

    def _set_style(self, style: MeshStyle) -> None:
        self._view.mesh_style = style
        self._settings.keep("mesh_style", style.name)

    def _set_layer(self, layer: Layer, on: bool) -> None:
        self._view.set_layer(layer, on)
        self._settings.keep(f"layer_{layer.name.lower()}", on)

    def _restore(self) -> None:
        style = self._settings.text("mesh_style", "")
        self._options.set_style(MeshStyle[style] if style in MeshStyle.__members__ else self._view.mesh_style)
        for layer in Layer:
            self._options.set_layer(layer, self._settings.flag(f"layer_{layer.name.lower()}", layer in DEFAULT_LAYERS))
