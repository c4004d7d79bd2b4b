"""What the window shows while nothing is open: what can be opened, and why no camera is."""

from __future__ import annotations

from pathlib import Path

from PyQt5.QtCore import Qt, pyqtSignal
from PyQt5.QtWidgets import QFileDialog, QLabel, QPushButton, QVBoxLayout, QWidget


class StartPage(QWidget):
    """Buttons for a recording, the demo and the camera; emits the chosen source. Lives on the GUI thread."""

    chosen = pyqtSignal(str)
    """Path or name of a source."""

    def __init__(self, demo: Path) -> None:
        super().__init__()
        layout = QVBoxLayout(self)
        layout.setAlignment(Qt.AlignCenter)
        title = QLabel("DPHM Live")
        title.setObjectName("title")
        layout.addWidget(title, alignment=Qt.AlignCenter)
        self.reason = QLabel("Open a recording, or connect a depth camera.")
        self.reason.setWordWrap(True)
        self.reason.setFixedWidth(560)
        self.reason.setAlignment(Qt.AlignCenter)
        layout.addWidget(self.reason, alignment=Qt.AlignCenter)
        layout.addSpacing(16)
        self.open_folder = self._add_button("Open recording folder…", self._choose_folder)
        self.open_file = self._add_button("Open recording file (.mkv)…", self._choose_file)
        self.open_demo = self._add_button("Play the demo recording", lambda: self.chosen.emit(str(demo)))
        self.open_demo.setVisible(demo.is_dir())
        self.open_camera = self._add_button("Look for a camera again", lambda: self.chosen.emit("kinect"))

    def set_reason(self, reason: str) -> None:
        """Say why nothing is open."""
        self.reason.setText(reason)

    def _add_button(self, text: str, slot: object) -> QPushButton:
        button = QPushButton(text)
        button.setMinimumWidth(280)
        button.clicked.connect(slot)
        self.layout().addWidget(button, alignment=Qt.AlignCenter)
        return button

    def _choose_folder(self) -> None:
        if folder := QFileDialog.getExistingDirectory(self, "Open a recording folder"):
            self.chosen.emit(folder)

    def _choose_file(self) -> None:
        if path := QFileDialog.getOpenFileName(self, "Open a recording", filter="Azure Kinect recording (*.mkv)")[0]:
            self.chosen.emit(path)
