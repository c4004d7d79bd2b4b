"""The picture of what became of the head's depth: its image, its legend, and how it is worked out beside the window."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest
from PyQt5.QtCore import QRectF, Qt
from PyQt5.QtGui import QColor, QFont, QImage, QPainter
from pytestqt.qtbot import QtBot

from app.controls.validity_control import area_of, validity_of
from app.panels.image_preview import ImagePreview, PreviewKind
from app.panels.validity_picture import (
    LOOKS,
    TILE,
    TIP,
    ValidityMap,
    ValidityPicture,
    kinds_told,
    share_text,
    validity_image,
)
from app.theme import DARK, LIGHT
from dphm_core.frames import HeadArea, Observation, Similarity, TrackedFrame, TrackStatus
from dphm_core.landmarks.depth_validity import Validity

AREA = HeadArea((40, 30, 240, 230), (115, 103, 163, 151), (0.45, 0.85), 2)

EVERYWHERE = slice(None), slice(None)


@pytest.fixture
def tracked(observation: Observation) -> TrackedFrame:
    """A ball of 10 cm at 0.6 m before a wall at 2 m, looked for where it is."""
    return TrackedFrame(replace(observation, area=AREA), TrackStatus.TRACKING, "following")


def pixels(image: QImage) -> np.ndarray:
    image = image.convertToFormat(QImage.Format_RGB888)
    rows = np.frombuffer(image.constBits().asstring(image.sizeInBytes()), np.uint8)
    return rows.reshape(image.height(), image.bytesPerLine())[:, : 3 * image.width()].reshape(image.height(), -1, 3)


def count(image: QImage, color: str) -> int:
    wanted = QColor(color)
    return int((pixels(image) == (wanted.red(), wanted.green(), wanted.blue())).all(axis=-1).sum())


def test_every_kind_has_its_colour_its_name_and_its_meaning() -> None:
    assert set(LOOKS) == set(Validity)
    assert len({look.color for look in LOOKS.values()}) == len({look.name for look in LOOKS.values()}) == len(Validity)
    assert all(look.name in TIP and look.tip in TIP for look in LOOKS.values())


def test_kinds_differ_without_their_colours() -> None:
    """What is drawn differs in pattern or in lightness; those with one pattern by 0.15 at least."""
    seen: dict[bytes, list[float]] = {}
    for look in LOOKS.values():
        seen.setdefault(look.lines.tobytes(), []).append(QColor(look.color).lightnessF())
    assert len(seen) >= 5
    assert all(np.diff(sorted(lightness)).min(initial=1) > 0.15 for lightness in seen.values())
    kinds = np.full((1, 1), Validity.HOLE, np.uint8)
    assert 0 < count(validity_image(kinds, TILE, TILE), LOOKS[Validity.HOLE].color) < TILE * TILE


def test_the_image_keeps_every_kinds_place() -> None:
    kinds = np.repeat(np.repeat(np.uint8([[0, 2], [3, 5]]), 60, axis=0), 60, axis=1)
    image = validity_image(kinds, 60, 60)
    for kind, (y, x) in {0: (0, 0), 2: (0, 30), 3: (30, 0), 5: (30, 30)}.items():
        part = image.copy(x, y, 30, 30)
        assert count(part, LOOKS[Validity(kind)].color) > 300
        others = [look.color for other, look in LOOKS.items() if other != kind]
        assert sum(count(part, color) for color in others) == 0


def test_parts_are_written_as_parts() -> None:
    found = ValidityMap.of(np.uint8([[5, 5, 5, 5, 5], [5, 0, 0, 0, 2]]), (slice(1, 2), slice(1, 5)))
    assert [share_text(share) for share in found.shares] == ["75 %", "0 %", "25 %", "0 %", "0 %", "0 %"]
    assert share_text(0.001) == "<1 %"
    assert ValidityMap.of(np.zeros((0, 0), np.uint8), EVERYWHERE).shares == (0.0,) * len(Validity)


@pytest.mark.parametrize(("size", "with_legend"), [((330, 160), True), ((900, 400), True), ((140, 80), False)])
@pytest.mark.parametrize("shape", [(200, 210), (1, 1), (60, 400), (400, 30)])
def test_image_and_legend_lie_beside_each_other(
    qapp, size: tuple[int, int], with_legend: bool, shape: tuple[int, int]
) -> None:
    canvas = QImage(*size, QImage.Format_RGB32)
    canvas.fill(Qt.black)
    picture, painter, font = ValidityPicture(), QPainter(canvas), QFont()
    font.setPixelSize(13)  # the window's
    painter.setFont(font)
    picture.set_map(ValidityMap.of(np.full(shape, Validity.OTHER, np.uint8), EVERYWHERE))
    picture.paint(painter, QRectF(canvas.rect()), qapp.palette(), 1.0)
    painter.end()
    found = pixels(canvas).astype(int)
    grey = (found == (0x77, 0x7B, 0x82)).all(axis=-1)
    assert grey[:, : size[0] // 2 + 10].any()
    blue = (found == (0x00, 0x72, 0xB2)).all(axis=-1)  # only in the legend
    assert bool(blue.any()) is with_legend


def test_where_the_legend_has_little_room_it_tells_what_there_is_most_of(qapp) -> None:
    shares = (0.5, 0.0, 0.1, 0.0, 0.15, 0.25)
    assert kinds_told(shares, 6) == kinds_told(shares, 60) == list(LOOKS)
    assert kinds_told(shares, 3) == [Validity.USED, Validity.FAR_OFF, Validity.OTHER]
    assert kinds_told(shares, 0) == kinds_told(shares, -1) == []
    canvas = QImage(330, 160, QImage.Format_RGB32)
    canvas.fill(Qt.black)
    picture, painter = ValidityPicture(), QPainter(canvas)
    picture.set_map(ValidityMap(np.zeros((2, 2), np.uint8), shares))
    picture.paint(painter, QRectF(0, 0, 330, 80), qapp.palette(), 1.0)
    painter.end()
    assert not (pixels(canvas)[80:] != 0).any()  # where the switch is


def test_what_is_used_is_told_for_the_heads_area(tracked: TrackedFrame) -> None:
    found = validity_of(tracked)
    assert found is not None and found.kinds.shape == (200, 200)
    assert found.kinds[97, 99] == Validity.USED  # the ball's middle
    assert found.kinds[-1, -1] == Validity.FAR_OFF  # the wall
    assert (found.kinds == Validity.EDGE).any() and found.shares[Validity.HOLE] == 0
    assert found.shares[Validity.USED] > 0.9


def test_a_saved_tracks_head_is_where_its_pose_is(tracked: TrackedFrame, observation: Observation) -> None:
    pose = Similarity(np.diag([1, -1, -1]).astype(np.float32), np.float32([0, 0, 0.63]))
    saved = replace(tracked, observation=observation, head_to_cam=pose)
    area = area_of(saved)
    assert area is not None and area.region[0] < 160 < area.region[2]
    assert area.depth_range_m[0] < 0.6 < area.depth_range_m[1]
    assert validity_of(replace(saved, head_to_cam=None)) is None


def test_the_switch_shows_it_and_the_window_works_it_out(
    playing, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    window, _source = playing
    preview, observer = window.preview, type(window.desk.session.pipeline._observer)
    observe, threads = observer.observe, set()

    def note_thread(tracked: TrackedFrame) -> ValidityMap | None:
        threads.add(threading.current_thread())
        return validity_of(tracked)

    monkeypatch.setattr("app.controls.validity_control.validity_of", note_thread)
    preview.validity_button.click()
    assert preview.kind is PreviewKind.VALIDITY and "no depth" in preview.toolTip()
    qtbot.waitUntil(lambda: bool(threads))
    assert count(preview.grab().toImage(), LOOKS[Validity.USED].color) == 0  # this observer tells no area
    monkeypatch.setattr(observer, "observe", lambda self, frame: replace(observe(self, frame), area=AREA))
    qtbot.waitUntil(lambda: count(preview.grab().toImage(), LOOKS[Validity.USED].color) > 500)
    assert threading.main_thread() not in threads
    preview.color_button.click()
    qtbot.waitUntil(lambda: not window.desk.tasks)
    threads.clear()
    qtbot.wait(300)
    assert threads == set()  # nobody sees it: nothing is worked out


@pytest.mark.parametrize("theme", [DARK, LIGHT])
def test_the_preview_paints_it(qtbot: QtBot, tracked: TrackedFrame, theme) -> None:
    preview = ImagePreview()
    qtbot.addWidget(preview)
    preview.resize(320, 200)
    preview.show_frame(tracked)
    preview.set_kind(PreviewKind.VALIDITY)
    assert count(preview.grab().toImage(), LOOKS[Validity.USED].color) == 0
    preview.show_validity(validity_of(tracked))
    image = preview.grab().toImage()
    assert count(image, LOOKS[Validity.USED].color) > 1000
    preview.set_kind(PreviewKind.COLOR)
    assert count(preview.grab().toImage(), LOOKS[Validity.USED].color) == 0
    preview.set_kind(PreviewKind.VALIDITY)
    preview.show_validity(None)
    assert count(preview.grab().toImage(), LOOKS[Validity.USED].color) == 0
