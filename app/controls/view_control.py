"""Connects the view's options to the 3-D view, shows each frame, and remembers what the user chose."""

from __future__ import annotations

from PyQt5.QtCore import QObject, pyqtSignal
from PyQt5.QtWidgets import QWidget

from dphm_core.frames import TrackedFrame

from ..desk import Desk
from ..panels.image_preview import ImagePreview
from ..panels.view_options import ViewOptions
from ..settings import WindowSettings
from ..view3d.options import DEFAULT_LAYERS, Layer, MeshStyle
from ..view3d.scene import View3D


class ViewControl(QObject):
    """Draws the newest frame. Lives on the GUI thread."""

    shown = pyqtSignal()
    """Another frame is on the screen."""

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
        self._painting = False
        view.widget.frameSwapped.connect(self._painted)
        desk.frame.connect(self._take)
        desk.opened.connect(lambda _session: self.clear())
        desk.closed.connect(self.clear)
        self._restore()

    def _take(self, tracked: TrackedFrame) -> None:
        session = self._desk.session
        if session is not None and not self._desk.frozen:
            self._view.show(tracked, session.tracker.faces)
            self._preview.show_frame(tracked)
            self._desk.drawn, self._painting = tracked, True

    def _painted(self) -> None:
        if self._painting:
            self._painting = False
            self.shown.emit()

    def clear(self) -> None:
        """Forget the frame and the head before."""
        self._painting = False
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
