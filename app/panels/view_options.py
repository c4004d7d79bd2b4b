"""What the 3-D view shows."""

from __future__ import annotations

from PyQt5.QtCore import pyqtSignal
from PyQt5.QtWidgets import QCheckBox, QPushButton, QVBoxLayout, QWidget


class ViewOptions(QWidget):
    """Switches of the 3-D view. Lives on the GUI thread."""

    camera_view_requested = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self.points = QCheckBox("Points")
        self.mesh = QCheckBox("Head mesh")
        self.translucent = QCheckBox("Translucent mesh")
        self.follow = QCheckBox("Follow the head")
        for box, on in ((self.points, True), (self.mesh, True), (self.translucent, True), (self.follow, False)):
            box.setChecked(on)
            layout.addWidget(box)
        self.camera_view = QPushButton("View from the camera")
        self.camera_view.clicked.connect(self.camera_view_requested)
        layout.addWidget(self.camera_view)
