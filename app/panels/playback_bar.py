"""Play, pause and the frame slider."""

from __future__ import annotations

from PyQt5.QtCore import Qt, pyqtSignal
from PyQt5.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSlider, QWidget


class PlaybackBar(QWidget):
    """Shows the position in a recording and emits what the user asks for. Lives on the GUI thread."""

    play_toggled = pyqtSignal(bool)
    """True: play; False: pause."""
    seek_requested = pyqtSignal(int)
    """Frame index."""
    step_requested = pyqtSignal()
    close_requested = pyqtSignal()
    """The source shall be closed."""

    def __init__(self) -> None:
        super().__init__()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(8, 2, 8, 2)
        self.play = QPushButton("Pause")
        self.play.setFixedWidth(84)
        self.play.clicked.connect(lambda: self.play_toggled.emit(not self._playing))
        self.step = QPushButton("Step")
        self.step.clicked.connect(self.step_requested)
        self.slider = QSlider(Qt.Horizontal)
        self.slider.valueChanged.connect(self.seek_requested)
        self.position = QLabel()
        self.close_source = QPushButton("Close")
        self.close_source.clicked.connect(self.close_requested)
        layout.addWidget(self.play)
        layout.addWidget(self.step)
        layout.addWidget(self.slider, stretch=1)
        layout.addWidget(self.position)
        layout.addWidget(self.close_source)
        self._playing = True

    def set_length(self, length: int | None) -> None:
        """Fit the slider to a recording; a live source has none."""
        self.slider.setVisible(length is not None)
        self.slider.blockSignals(True)
        self.slider.setRange(0, (length or 1) - 1)
        self.slider.setValue(0)
        self.slider.blockSignals(False)
        self.position.setText("" if length is not None else "live")

    def set_playing(self, playing: bool) -> None:
        """Show whether frames run."""
        self._playing = playing
        self.play.setText("Pause" if playing else "Play")

    def set_position(self, index: int) -> None:
        """Show the frame on screen, unless the user is dragging the slider."""
        if self.slider.isHidden():
            return
        self.position.setText(f"frame {index + 1} / {self.slider.maximum() + 1}")
        if not self.slider.isSliderDown():
            self.slider.blockSignals(True)
            self.slider.setValue(index)
            self.slider.blockSignals(False)
