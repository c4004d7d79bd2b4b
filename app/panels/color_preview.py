"""A small picture of what the colour camera sees."""

from __future__ import annotations

import numpy as np
from PyQt5.QtCore import Qt
from PyQt5.QtGui import QImage, QPixmap
from PyQt5.QtWidgets import QLabel, QWidget

from dphm_core.frames import RGBDFrame

WIDTH = 260
HEIGHT = 220


class ColorPreview(QLabel):
    """Thumbnail of a frame's colour image. Lives on the GUI thread."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedSize(WIDTH, HEIGHT)
        self.setAlignment(Qt.AlignHCenter | Qt.AlignTop)

    def show_frame(self, frame: RGBDFrame) -> None:
        """Show a frame's colour image, or say that it has none."""
        if frame.color is None:
            self.setText("no colour in this capture")
            return
        # Thinned out first: scaling a whole 720p image costs more than a frame's time allows for a thumbnail.
        stride = max(1, int(min(frame.color.shape[1] / WIDTH, frame.color.shape[0] / HEIGHT)))
        thin = np.ascontiguousarray(frame.color[::stride, ::stride])
        image = QImage(thin.data, thin.shape[1], thin.shape[0], thin.strides[0], QImage.Format_RGB888)
        fitted = image.scaled(WIDTH, HEIGHT, Qt.KeepAspectRatio, Qt.SmoothTransformation)
        self.setPixmap(QPixmap.fromImage(fitted))
