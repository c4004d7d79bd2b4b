"""What the 3-D view shows, and from where."""

from __future__ import annotations

from PyQt5.QtCore import Qt, pyqtSignal
from PyQt5.QtWidgets import QButtonGroup, QCheckBox, QGridLayout, QPushButton, QToolButton, QVBoxLayout, QWidget

from ..view3d.options import DEFAULT_LAYERS, DEFAULT_STYLE, Layer, MeshStyle

STYLES = {
    MeshStyle.SHADED: ("Shaded", "The head mesh, lit and opaque"),
    MeshStyle.TRANSLUCENT: ("Translucent", "The points show through the head mesh"),
    MeshStyle.WIREFRAME: ("Wireframe", "The edges of the head mesh"),
    MeshStyle.RESIDUAL: ("Residual", "Colours tell how far the depth image lies in front of the mesh or behind it"),
}
LAYERS = {
    Layer.POINTS: ("Points", "The depth image as coloured points"),
    Layer.MESH: ("Head mesh", "The tracked head"),
    Layer.LANDMARKS: ("Landmarks", "The points of the face that were found in the colour image"),
    Layer.AXES: ("Head axes", "x to the head's left, y up, z forward"),
    Layer.FRUSTUM: ("Camera outline", "Where the camera is, and what it sees"),
}
COLUMNS = 2


class ViewOptions(QWidget):
    """Switches of the 3-D view. Lives on the GUI thread."""

    style_changed = pyqtSignal(MeshStyle)
    layer_toggled = pyqtSignal(Layer, bool)
    follow_toggled = pyqtSignal(bool)
    through_camera_toggled = pyqtSignal(bool)
    reset_requested = pyqtSignal()
    camera_view_requested = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        rows = QVBoxLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.addLayout(self._make_styles())
        rows.addLayout(self._make_layers())
        rows.addLayout(self._make_views())
        for box in (*self.layers.values(), self.follow, self.through_camera, self.reset, self.camera_view):
            box.setFocusPolicy(Qt.TabFocus)  # a click leaves Space to playing

    def set_style(self, style: MeshStyle) -> None:
        """Choose how the mesh is drawn; emits `style_changed` where that is another."""
        self.styles[style].setChecked(True)

    def set_layer(self, layer: Layer, on: bool) -> None:
        """Switch a layer; emits `layer_toggled` where that is new."""
        self.layers[layer].setChecked(on)

    def set_through_camera(self, on: bool) -> None:
        """Look through the camera or not; emits `through_camera_toggled` where that is new."""
        self.through_camera.setChecked(on)

    def _make_styles(self) -> QGridLayout:
        grid = _grid()
        self.styles: dict[MeshStyle, QToolButton] = {}
        group = QButtonGroup(self)
        for place, (style, (text, tip)) in enumerate(STYLES.items()):
            button = QToolButton()
            button.setText(text)
            button.setToolTip(tip)
            button.setCheckable(True)
            button.setChecked(style is DEFAULT_STYLE)
            button.setSizePolicy(button.sizePolicy().Expanding, button.sizePolicy().Fixed)
            button.toggled.connect(lambda on, style=style: self.style_changed.emit(style) if on else None)
            group.addButton(button)
            self.styles[style] = button
            grid.addWidget(button, *divmod(place, COLUMNS))
        return grid

    def _make_layers(self) -> QGridLayout:
        grid = _grid()
        self.layers: dict[Layer, QCheckBox] = {}
        for place, (layer, (text, tip)) in enumerate(LAYERS.items()):
            box = QCheckBox(text)
            box.setToolTip(tip)
            box.setChecked(layer in DEFAULT_LAYERS)
            box.toggled.connect(lambda on, layer=layer: self.layer_toggled.emit(layer, on))
            self.layers[layer] = box
            grid.addWidget(box, *divmod(place, COLUMNS))
        self.follow = QCheckBox("Follow the head")
        self.follow.setToolTip("The view moves along with the head")
        self.follow.toggled.connect(self.follow_toggled)
        grid.addWidget(self.follow, *divmod(len(LAYERS), COLUMNS))
        return grid

    def _make_views(self) -> QGridLayout:
        grid = _grid()
        self.through_camera = QPushButton("Head over the picture")
        self.through_camera.setToolTip("Look through the camera: its colour image, with the head mesh over it")
        self.through_camera.setCheckable(True)
        self.through_camera.toggled.connect(self._look_through)
        self.reset = QPushButton("Reset view")
        self.reset.setToolTip("Aim at the head again")
        self.reset.clicked.connect(self.reset_requested)
        self.camera_view = QPushButton("View from the camera")
        self.camera_view.setToolTip("Look from where the camera is, at points and head mesh; the mouse turns them")
        self.camera_view.clicked.connect(self.camera_view_requested)
        grid.addWidget(self.reset, 0, 0)
        grid.addWidget(self.camera_view, 0, 1)
        grid.addWidget(self.through_camera, 1, 0, 1, COLUMNS)
        return grid

    def _look_through(self, on: bool) -> None:
        """Without the orbit there is nothing to aim, and over the picture neither points nor the camera are drawn."""
        not_drawn = self.layers[Layer.POINTS], self.layers[Layer.FRUSTUM]
        for widget in (self.reset, self.camera_view, self.follow, *not_drawn):
            widget.setEnabled(not on)
        self.through_camera_toggled.emit(on)


def _grid() -> QGridLayout:
    grid = QGridLayout()
    grid.setHorizontalSpacing(8)
    grid.setVerticalSpacing(6)
    for column in range(COLUMNS):
        grid.setColumnStretch(column, 1)
    return grid
