"""The preview: colour and depth, what is drawn on it, and its aspect."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PyQt5.QtCore import Qt
from PyQt5.QtGui import QColor, QImage
from PyQt5.QtWidgets import QLabel, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from app.panels.image_preview import ImagePreview, PreviewKind
from app.panels.pictures import DEPTH_COLORS, DepthLevels
from app.theme import STATUS_COLORS
from dphm_core.frames import FaceLandmarks, Observation, Similarity, TrackedFrame, TrackStatus


@pytest.fixture
def preview(qtbot: QtBot) -> ImagePreview:
    widget = ImagePreview()
    qtbot.addWidget(widget)
    widget.resize(320, 288)
    return widget


@pytest.fixture
def tracked(observation: Observation) -> TrackedFrame:
    """A frame of 320 × 288 pixels with a red ball, without pose and landmarks."""
    return TrackedFrame(observation, TrackStatus.TRACKING, "following")


def picture(preview: ImagePreview) -> QImage:
    return preview.grab().toImage()


def count(image: QImage, color: QColor, tolerance: int = 12) -> int:
    pixels = image.convertToFormat(QImage.Format_RGB888)
    data = np.frombuffer(pixels.constBits().asstring(pixels.sizeInBytes()), np.uint8)
    rows = data.reshape(pixels.height(), pixels.bytesPerLine())[:, : 3 * pixels.width()].reshape(-1, 3).astype(int)
    return int((np.abs(rows - (color.red(), color.green(), color.blue())).max(axis=-1) <= tolerance).sum())


def test_colour_is_shown_where_it_is_seen(preview: ImagePreview, tracked: TrackedFrame) -> None:
    preview.show_frame(tracked)
    image = picture(preview)
    assert count(image, QColor(220, 40, 40)) > 1000
    assert image.pixelColor(139, 127).red() > 180  # the ball lies left of the middle and above


def test_the_switch_shows_the_depth_and_tells(preview: ImagePreview, tracked: TrackedFrame, qtbot: QtBot) -> None:
    preview.show_frame(tracked)
    with qtbot.waitSignal(preview.kind_changed) as told:
        qtbot.mouseClick(preview.depth_button, Qt.LeftButton)
    assert told.args == [PreviewKind.DEPTH]
    assert preview.kind is PreviewKind.DEPTH
    image = picture(preview)
    assert count(image, QColor(220, 40, 40)) == 0
    near, far = image.pixelColor(139, 127), image.pixelColor(10, 10)
    assert near.green() > far.green() + 80  # near is light, far is dark


def test_it_can_be_set_without_a_signal(preview: ImagePreview, qtbot: QtBot) -> None:
    with qtbot.assertNotEmitted(preview.kind_changed):
        preview.set_kind(PreviewKind.DEPTH)
    assert preview.depth_button.isChecked()
    assert not preview.color_button.isChecked()


def test_a_capture_without_colour_shows_its_depth(preview: ImagePreview, tracked: TrackedFrame) -> None:
    bare = replace(tracked.observation.frame, color=None)
    preview.show_frame(replace(tracked, observation=replace(tracked.observation, frame=bare)))
    assert not preview.color_button.isEnabled()
    assert picture(preview).pixelColor(139, 127).green() > 150
    preview.show_frame(tracked)
    assert preview.color_button.isEnabled()
    assert count(picture(preview), QColor(220, 40, 40)) > 1000


def test_landmarks_are_dots_and_the_head_has_a_box(preview: ImagePreview, tracked: TrackedFrame) -> None:
    preview.show_frame(tracked)
    green = QColor(STATUS_COLORS[TrackStatus.TRACKING])
    plain = picture(preview)
    angles = np.linspace(0, 6, 478)
    pixels = np.float32(np.stack([160 + 60 * np.cos(angles), 70 + 60 * np.sin(angles)], axis=-1))
    landmarks = FaceLandmarks(pixels, np.zeros((478, 3), np.float32), np.zeros(52, np.float32))
    turned = np.diag(np.float32([1, -1, -1]))
    full = replace(
        tracked,
        observation=replace(tracked.observation, landmarks=landmarks),
        head_to_cam=Similarity(turned, np.float32([-0.05, -0.04, 0.6])),
    )
    preview.show_frame(full)
    found = picture(preview)
    assert count(found, green) > count(plain, green) + 100
    assert count(found, QColor("#ffffff"), 80) > count(plain, QColor("#ffffff"), 80) + 100


def test_pixels_without_depth_are_dark_and_colours_do_not_flicker() -> None:
    depths = DepthLevels()
    depth = np.tile(np.linspace(0.5, 1.5, 90, dtype=np.float32), (60, 1))
    depth[:, :9] = 0
    first = depths.levels(depth).astype(int)
    assert (first[:, :9] == 0).all()
    assert (first[:, 9:] > 0).all()
    assert (np.diff(first[0, 9:]) <= 0).all()  # near is light
    jumped = depth.copy()
    jumped[:30] *= 3  # something comes in behind
    slowly = np.abs(depths.levels(jumped)[30:] - first[30:]).mean()
    at_once = np.abs(DepthLevels().levels(jumped)[30:] - first[30:]).mean()
    assert 0 < slowly < at_once / 3


def test_levels_run_from_dark_to_light() -> None:
    lightness = [QColor(color).lightnessF() for color in DEPTH_COLORS]
    assert lightness[0] < min(lightness[1:])
    assert (np.diff(lightness[1:]) > -0.02).all()
    assert lightness[-1] > lightness[1] + 0.3


def test_without_any_depth_all_is_dark() -> None:
    assert (DepthLevels().levels(np.zeros((6, 6), np.float32)) == 0).all()


def test_it_is_as_high_as_the_image_needs(qtbot: QtBot, tracked: TrackedFrame) -> None:
    column, preview = QWidget(), ImagePreview()
    qtbot.addWidget(column)
    layout = QVBoxLayout(column)
    layout.addWidget(preview)
    layout.addWidget(QLabel("below"))
    layout.addStretch()
    column.resize(300, 600)
    column.show()
    assert preview.height() == pytest.approx(preview.width() * 9 / 16, abs=1)
    preview.show_frame(tracked)
    qtbot.waitUntil(lambda: abs(preview.height() - preview.width() * 0.8) <= 1)  # 288 : 320 is higher than it may be


def test_a_new_frame_replaces_the_old_and_clear_forgets(preview: ImagePreview, tracked: TrackedFrame) -> None:
    preview.show_frame(tracked)
    picture(preview)
    blue = replace(tracked.observation.frame, color=np.full((288, 320, 3), (0, 0, 250), np.uint8))
    preview.show_frame(replace(tracked, observation=replace(tracked.observation, frame=blue)))
    assert count(picture(preview), QColor(0, 0, 250)) > 10_000
    preview.clear()
    assert count(picture(preview), QColor(0, 0, 250)) == 0
