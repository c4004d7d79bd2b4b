"""What the camera sees: colour or depth, with landmarks and the head's box, or what became of the head's depth."""

from __future__ import annotations

from enum import Enum

import numpy as np
from PyQt5.QtCore import QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt5.QtGui import QColor, QImage, QPainter, QPaintEvent, QPalette, QPen, QPolygonF, QResizeEvent
from PyQt5.QtWidgets import QButtonGroup, QHBoxLayout, QSizePolicy, QToolButton, QWidget

from dphm_core.frames import FloatArray, RGBDFrame, TrackedFrame
from dphm_core.landmarks.landmark_sets import CONTOURS, FACE_OVAL
from dphm_core.tracking.place import head_place

from ..theme import STATUS_COLORS
from .pictures import DepthLevels, color_image, depth_image
from .validity_picture import TIP, ValidityMap, ValidityPicture

HIGHEST = 0.8
"""Height of the widget, at most, as a part of its width: upright images leave room at their sides."""
MARGIN = 5
"""Pixels between the switch and the corner it sits in."""
USUAL_SHAPE = 16, 9
"""Of a camera's image, before there is one."""
DOTS, HALO = QColor("#ffffff"), QColor("#000000")
"""Landmarks are light dots with dark rims, to be seen on any picture."""
ALL_FROM = 110.0
"""Pixels: all landmarks are drawn only on a face at least so wide on screen, else those of eyes, lips and outline."""
FEW = np.array(CONTOURS + FACE_OVAL)
PICTURE_TIP = "The newest picture: dots are the landmarks found in it, the frame is the tracked head."


class PreviewKind(Enum):
    """Which image is shown."""

    COLOR = "color"
    DEPTH = "depth"
    VALIDITY = "validity"


class ImagePreview(QWidget):
    """A picture of the newest frame, as wide as the widget. Lives on the GUI thread.

    A frame is converted when it is painted, at the size it is painted in: a hidden preview costs nothing.
    """

    kind_changed = pyqtSignal(PreviewKind)
    """The user switched to another image."""

    def __init__(self) -> None:
        super().__init__()
        policy = QSizePolicy(QSizePolicy.Expanding, QSizePolicy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setToolTip(PICTURE_TIP)
        self._tracked: TrackedFrame | None = None
        self._converted: tuple[tuple[PreviewKind, int], QImage] | None = None
        self._shape = USUAL_SHAPE
        self._depths, self._validity = DepthLevels(), ValidityPicture()
        self._kind = PreviewKind.COLOR
        self.color_button = self._button("Colour", PreviewKind.COLOR, "Show what the colour camera sees.")
        self.depth_button = self._button("Depth", PreviewKind.DEPTH, "Show the depth: yellow is near, violet is far.")
        tip = "Show which depth around the head is used, and why the rest is not."
        self.validity_button = self._button("Validity", PreviewKind.VALIDITY, tip)
        self._buttons = {
            PreviewKind.COLOR: self.color_button, PreviewKind.DEPTH: self.depth_button,
            PreviewKind.VALIDITY: self.validity_button,
        }  # fmt: skip
        self._switch = self._put_switch()

    @property
    def kind(self) -> PreviewKind:
        """The image that the user chose; the depth is shown all the same where a capture has no colour."""
        return self._kind

    def set_kind(self, kind: PreviewKind) -> None:
        """Switch to another image, without a signal."""
        self._kind = kind
        self._buttons[kind].setChecked(True)
        self.setToolTip(TIP if kind is PreviewKind.VALIDITY else PICTURE_TIP)
        self.update()

    def show_frame(self, tracked: TrackedFrame) -> None:
        """Show a frame with its landmarks, and its head's box where there is a pose."""
        frame = tracked.observation.frame
        if tracked is not self._tracked:
            self._tracked, self._converted = tracked, None
        self.color_button.setEnabled(frame.color is not None)
        shape = frame.depth_m.shape[1], frame.depth_m.shape[0]
        if shape != self._shape and min(shape) > 0:
            self._shape = shape
            self.updateGeometry()
        self.update()

    def show_validity(self, found: ValidityMap | None) -> None:
        """Take what became of the head's depth in the newest frame that was looked at; None where no head is known."""
        self._validity.set_map(found)
        self.update()

    def clear(self) -> None:
        """Show nothing, as between two sources."""
        self._tracked = self._converted = None
        self._validity.set_map(None)
        self._depths = DepthLevels()
        self.color_button.setEnabled(True)
        self.update()

    def hasHeightForWidth(self) -> bool:  # noqa: N802 - Qt's name
        """As high as the image needs."""
        return True

    def heightForWidth(self, width: int) -> int:  # noqa: N802 - Qt's name
        """Height that keeps the image's aspect."""
        return round(width * min(self._shape[1] / self._shape[0], HIGHEST))

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Wide enough to know a face."""
        return QSize(280, self.heightForWidth(280))

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Room for the switch."""
        return QSize(140, 80)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Keep the switch in its corner."""
        super().resizeEvent(event)
        self._switch.adjustSize()
        self._switch.move(MARGIN, self.height() - self._switch.height() - MARGIN)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Draw the image and what was found in it."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), self.palette().color(QPalette.Base))
        tracked = self._tracked
        if tracked is None or not tracked.observation.frame.depth_m.size:
            painter.setPen(self.palette().color(QPalette.PlaceholderText))
            painter.drawText(self.rect(), Qt.AlignCenter, "No picture yet")
            return
        if self._kind is PreviewKind.VALIDITY:
            below = self._switch.height() + 2 * MARGIN
            room = QRectF(self.rect()).adjusted(MARGIN, MARGIN, -MARGIN, -below)
            self._validity.paint(painter, room, self.palette(), self.devicePixelRatioF())
            return
        place = self._image_rect()
        painter.setRenderHints(QPainter.SmoothPixmapTransform | QPainter.Antialiasing)
        painter.drawImage(place, self._image(tracked.observation.frame, place.width()))
        self._paint_found(painter, tracked, place)

    def _image_rect(self) -> QRectF:
        """Where the image lies in the widget: all of its width, or height, in the middle."""
        width, height = self._shape
        scale = min(self.width() / width, self.height() / height)
        size = width * scale, height * scale
        return QRectF((self.width() - size[0]) / 2, (self.height() - size[1]) / 2, *size)

    def _image(self, frame: RGBDFrame, width: float) -> QImage:
        """Convert a frame, thinned out first: a whole 720p image costs more than a thumbnail may."""
        kind = PreviewKind.DEPTH if frame.color is None else self._kind
        stride = max(1, int(frame.depth_m.shape[1] / (width * self.devicePixelRatioF())))
        key = kind, stride
        if self._converted is None or self._converted[0] != key:
            if frame.color is None or kind is PreviewKind.DEPTH:
                image = depth_image(self._depths.levels(frame.depth_m[::stride, ::stride]))
            else:
                image = color_image(frame.color[::stride, ::stride])
            self._converted = key, image
        return self._converted[1]

    def _paint_found(self, painter: QPainter, tracked: TrackedFrame, place: QRectF) -> None:
        """Draw landmarks and box, which are in pixels of the whole image."""
        painter.setClipRect(place)
        scale, corner = place.width() / self._shape[0], place.topLeft()
        if tracked.head_to_cam is not None:
            (x0, y0, x1, y1), _depth = head_place(tracked.head_to_cam, tracked.observation.frame.intrinsics)
            box = QRectF(QPointF(x0, y0) * scale + corner, QPointF(x1, y1) * scale + corner)
            for color, width in ((HALO, 3.5), (QColor(STATUS_COLORS[tracked.status]), 2.0)):
                painter.setPen(QPen(color, width))
                painter.drawRoundedRect(box, 3, 3)
        if (landmarks := tracked.observation.landmarks) is not None:
            paint_dots(painter, landmarks.pixels * scale + (corner.x(), corner.y()))

    def _button(self, text: str, kind: PreviewKind, tip: str) -> QToolButton:
        button = QToolButton()
        button.setText(text)
        button.setStyleSheet("padding: 1px 6px;")
        button.setCheckable(True)
        button.setChecked(kind is self._kind)
        button.setToolTip(tip)
        button.clicked.connect(lambda _checked: self._choose(kind))
        return button

    def _choose(self, kind: PreviewKind) -> None:
        if kind is not self._kind:
            self.set_kind(kind)
            self.kind_changed.emit(kind)

    def _put_switch(self) -> QWidget:
        """Make the buttons a widget on the image; a layout of the preview's own would have it forget its aspect."""
        switch = QWidget(self)
        group = QButtonGroup(switch)
        row = QHBoxLayout(switch)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        for button in self._buttons.values():
            group.addButton(button)
            row.addWidget(button)
        return switch


def paint_dots(painter: QPainter, spots: FloatArray) -> None:
    """Draw a face's landmarks, (478, 2) pixels of the widget; few on a small face, or they would hide it."""
    width = float(np.ptp(spots[:, 0]))
    dots = QPolygonF([QPointF(x, y) for x, y in (spots if width >= ALL_FROM else spots[FEW]).tolist()])
    size = min(max(width / 100, 1.0), 3.0)
    for color, diameter in ((HALO, 1.7 * size), (DOTS, size)):
        painter.setPen(QPen(color, diameter, Qt.SolidLine, Qt.RoundCap))
        painter.drawPoints(dots)
