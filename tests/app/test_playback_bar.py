"""The playback bar: what it shows of a recording or a camera, and what it asks for."""

from __future__ import annotations

from math import inf

import pytest
from PyQt5.QtCore import QEvent, QPoint, Qt
from PyQt5.QtGui import QColor, QMouseEvent
from PyQt5.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.panels.frame_marks import FrameMarks
from app.panels.frame_slider import GROOVE_Y, STRIP_Y, FrameSlider
from app.panels.playback_bar import PlaybackBar, clock
from app.panels.track_all_box import duration, in_words
from app.theme import DARK, STATUS_COLORS, Theme, apply_theme
from dphm_core.frames import TrackStatus
from dphm_core.jobs import Progress

LENGTH = 75


@pytest.fixture
def bar(qtbot: QtBot) -> PlaybackBar:
    """A bar with a recording of 75 frames, 30 a second."""
    bar = PlaybackBar()
    qtbot.addWidget(bar)
    bar.resize(1000, 70)
    bar.show()
    bar.set_length(LENGTH, 30.0)
    return bar


class Told:
    """What a bar asked for, in order."""

    def __init__(self, bar: PlaybackBar) -> None:
        self.all: list[tuple[object, ...]] = []
        for name in (
            "play_toggled", "seek_requested", "step_requested", "speed_chosen", "loop_changed", "track_all_requested",
            "track_all_cancelled", "saved_track_toggled", "close_requested",
        ):  # fmt: skip
            getattr(bar, name).connect(lambda *values, name=name: self.all.append((name, *values)))

    def take(self) -> list[tuple[object, ...]]:
        told, self.all = self.all, []
        return told


@pytest.fixture
def told(bar: PlaybackBar) -> Told:
    return Told(bar)


def at(slider: FrameSlider, index: int, y: float = GROOVE_Y) -> QPoint:
    return QPoint(round(slider._x(index)), round(y))


def move(slider: FrameSlider, place: QPoint) -> None:
    """Move the mouse with its button pressed; qtbot would move the real one, which takes its time."""
    QApplication.sendEvent(slider, QMouseEvent(QEvent.MouseMove, place, Qt.NoButton, Qt.LeftButton, Qt.NoModifier))


def drag(qtbot: QtBot, slider: FrameSlider, *places: QPoint, key: Qt.KeyboardModifier = Qt.NoModifier) -> None:
    qtbot.mousePress(slider, Qt.LeftButton, key, places[0])
    for place in places[1:]:
        move(slider, place)
    qtbot.mouseRelease(slider, Qt.LeftButton, key, places[-1])


def test_buttons_ask_for_what_they_show(qtbot: QtBot, bar: PlaybackBar, told: Told) -> None:
    buttons = (bar.first, bar.step_back, bar.play, bar.step, bar.last, bar.track_all.track_all, bar.close_source)
    for button in buttons:
        qtbot.mouseClick(button, Qt.LeftButton)
    bar.set_playing(False)
    qtbot.mouseClick(bar.play, Qt.LeftButton)
    assert told.take() == [
        ("seek_requested", 0), ("step_requested", -1), ("play_toggled", False), ("step_requested", 1),
        ("seek_requested", 74), ("track_all_requested",), ("close_requested",), ("play_toggled", True),
    ]  # fmt: skip
    assert bar.play.text() == "Play"


def test_the_place_is_shown_by_number_and_time_without_asking_for_anything(bar: PlaybackBar, told: Told) -> None:
    bar.set_position(33)
    assert (bar.slider.value(), bar.frame.value(), bar.position.text()) == (33, 34, "/ 75")
    assert bar.time.text() == "00:01.10 / 00:02.47"
    assert told.take() == []


def test_a_frame_can_be_typed(qtbot: QtBot, bar: PlaybackBar, told: Told) -> None:
    QApplication.setActiveWindow(bar)  # as a window manager would
    bar.frame.setFocus()
    bar.frame.selectAll()
    qtbot.keyClicks(bar.frame, "51")
    bar.set_position(7)  # what is typed is not overwritten
    qtbot.keyClick(bar.frame, Qt.Key_Return)
    assert told.take() == [("seek_requested", 50)]
    assert not bar.frame.hasFocus()
    bar.set_position(50)
    assert bar.frame.value() == 51


def test_dragging_scrubs_and_is_not_disturbed(qtbot: QtBot, bar: PlaybackBar, told: Told) -> None:
    slider = bar.slider
    qtbot.mousePress(slider, Qt.LeftButton, Qt.NoModifier, at(slider, 10))
    move(slider, at(slider, 40))
    bar.set_position(11)  # an older frame comes late
    assert slider.value() == 40
    assert bar.frame.value() == 41
    qtbot.mouseRelease(slider, Qt.LeftButton, Qt.NoModifier, at(slider, 40))
    assert told.take() == [("seek_requested", 10), ("seek_requested", 40)]
    bar.set_position(41)
    assert slider.value() == 41


def test_brackets_select_what_is_looped(qtbot: QtBot, bar: PlaybackBar, told: Told) -> None:
    slider = bar.slider
    qtbot.mouseClick(bar.loop, Qt.LeftButton)
    assert told.take() == [("loop_changed", 0, 74, True)]
    assert bar.selection is None
    drag(qtbot, slider, at(slider, 0, STRIP_Y), at(slider, 20, STRIP_Y))
    drag(qtbot, slider, at(slider, 74, STRIP_Y), at(slider, 50, STRIP_Y))
    assert told.take() == [("loop_changed", 20, 74, True), ("loop_changed", 20, 50, True)]
    assert bar.selection == (20, 50)
    drag(qtbot, slider, at(slider, 50, STRIP_Y), at(slider, 3, STRIP_Y))  # not past the other one
    assert bar.selection == (20, 20)
    qtbot.mouseClick(bar.clear, Qt.LeftButton)
    assert bar.selection is None
    assert bar.clear.isHidden()
    qtbot.mouseClick(bar.loop, Qt.LeftButton)
    assert told.take()[-1] == ("loop_changed", 0, 74, False)


def test_shift_and_a_drag_select_either_way(qtbot: QtBot, bar: PlaybackBar, told: Told) -> None:
    slider = bar.slider
    drag(qtbot, slider, at(slider, 60), at(slider, 40), key=Qt.ShiftModifier)
    assert bar.selection == (40, 60)
    assert slider.value() == 0
    assert told.take()[-1] == ("loop_changed", 40, 60, False)


def test_a_selection_begins_and_ends_at_the_frame_that_is_shown(bar: PlaybackBar) -> None:
    bar.set_position(30)
    bar.begin_selection()
    assert bar.selection == (30, 74)
    bar.set_position(40)
    bar.end_selection()
    assert bar.selection == (30, 40)
    bar.set_position(60)
    bar.begin_selection()  # behind its end: that is another selection
    assert bar.selection == (60, 74)
    bar.set_position(20)
    bar.end_selection()
    assert bar.selection == (0, 20)


def test_a_speed_can_be_chosen(qtbot: QtBot, bar: PlaybackBar, told: Told) -> None:
    bar.speeds.setCurrentText("0.25×")
    bar.speeds.setCurrentText("Fastest")
    assert told.take() == [("speed_chosen", 0.25), ("speed_chosen", inf)]


def test_what_was_chosen_holds_for_what_is_opened_next(bar: PlaybackBar, told: Told) -> None:
    bar.speeds.setCurrentText("2×")
    bar.loop.setChecked(True)
    bar.slider.select(10, 20)
    bar.set_marks([3], [TrackStatus.LOST])
    told.take()
    bar.set_length(LENGTH, 30.0)  # the same recording, say, with its saved track
    assert told.take() == [("speed_chosen", 2.0), ("loop_changed", 10, 20, True)]
    assert bar.slider.status(3) is None
    bar.set_length(200, 30.0)
    assert told.take() == [("speed_chosen", 2.0), ("loop_changed", 0, 199, True)]


def test_a_camera_is_live_and_can_be_held(qtbot: QtBot, bar: PlaybackBar, told: Told) -> None:
    bar.set_length(None, 30.0)
    assert told.take() == []
    hidden = (bar.slider, bar.step, bar.step_back, bar.first, bar.last, bar.frame, bar.speeds, bar.loop, bar.track_all)
    assert all(widget.isHidden() for widget in hidden)
    assert bar.position.text() == "live"
    bar.set_position(12345)
    assert bar.time.text() == "00:00"
    qtbot.mouseClick(bar.play, Qt.LeftButton)
    assert told.take() == [("play_toggled", False)]
    bar.set_playing(False)
    assert bar.position.text() == "held"
    bar.set_length(LENGTH, 30.0)
    assert not any(widget.isHidden() for widget in hidden)


def test_a_saved_track_can_be_shown_or_left(qtbot: QtBot, bar: PlaybackBar, told: Told) -> None:
    box = bar.track_all
    assert box.saved.isHidden()
    bar.set_saved(True, False)
    assert box.live.isChecked()
    assert box.track_all.text() == "Track again"
    qtbot.mouseClick(box.saved, Qt.LeftButton)
    bar.set_saved(True, True)
    qtbot.mouseClick(box.live, Qt.LeftButton)
    assert told.take() == [("saved_track_toggled", True), ("saved_track_toggled", False)]


def test_tracking_all_shows_how_far_it_is_and_can_be_cancelled(qtbot: QtBot, bar: PlaybackBar, told: Told) -> None:
    box = bar.track_all
    bar.show_job(Progress())
    assert (box.progress.minimum(), box.progress.maximum()) == (0, 0)
    bar.show_job(Progress(25, 75, 6.0))
    assert box.progress.text() == "frame 25 of 75, 12 s left"
    assert box.track_all.isHidden()
    qtbot.mouseClick(box.cancel, Qt.LeftButton)
    assert told.take() == [("track_all_cancelled",)]
    bar.show_job(None)
    assert box.progress.isHidden()
    assert not box.track_all.isHidden()


def test_progress_in_words() -> None:
    assert in_words(Progress(0, 75, 1.0)) == "frame 0 of 75"
    assert in_words(Progress(75, 75, 10.0)) == "finishing …"
    assert (duration(89), duration(600)) == ("89 s", "10 min")
    assert (clock(0), clock(59.999), clock(3661.5)) == ("00:00.00", "01:00.00", "61:01.50")


@pytest.mark.parametrize("width", [1280, 900, 640])
def test_it_fits_into_narrow_windows(qtbot: QtBot, bar: PlaybackBar, width: int) -> None:
    bar.resize(width, 70)
    bar.slider.select(10, 20)
    bar.set_saved(True, True)
    assert bar._row.minimumSize().width() <= width
    assert not any(widget.isHidden() for widget in (bar.play, bar.step, bar.frame, bar.loop, bar.track_all.saved))
    assert bar.close_source.isHidden() == (width < 1000)
    assert width < 900 or not (bar.first.isHidden() or bar.last.isHidden())
    bar.resize(1280, 70)
    assert not bar.close_source.isHidden()


@pytest.mark.parametrize("theme", [None, DARK])
def test_nothing_is_cut_off_however_narrow_it_is(qtbot: QtBot, bar: PlaybackBar, qapp, theme: Theme | None) -> None:
    if theme is not None:
        apply_theme(qapp, theme)  # other sizes
    bar.slider.select(10, 20)
    for width in (bar.minimumWidth(), 480, 555, 600):
        bar.resize(width, 70)
        for saved, progress in ((False, None), (True, None), (False, Progress(25, 75, 6.0))):
            bar.set_saved(saved, saved)
            bar.show_job(progress)
            margins = bar.layout().contentsMargins()
            assert bar._row.minimumSize().width() + margins.left() + margins.right() <= width
            assert not bar.play.isHidden()
            assert bar.track_all.isVisible()
    bar.resize(1280, 70)
    assert bar.position.isVisible() and bar.speeds.isVisible() and bar.step.isVisible()
    bar.show_job(None)
    assert bar.track_all.track_all.text() == "Track all frames"


def test_play_stays_where_it_is_whatever_else_is_shown(qtbot: QtBot, bar: PlaybackBar) -> None:
    bar.resize(936, 70)
    places = set()
    for saved, selected in ((False, False), (True, False), (True, True), (False, True)):
        bar.set_saved(saved, saved)
        bar.slider.select(10, 20 if selected else LENGTH)
        if not selected:
            bar.clear_selection()
        qtbot.wait(1)  # laid out
        places.add(tuple(button.x() for button in (bar.first, bar.step_back, bar.play, bar.step, bar.last)))
        assert not any(button.isHidden() for button in (bar.first, bar.last))
    assert len(places) == 1


def test_lost_frames_are_seen_among_many(qtbot: QtBot, bar: PlaybackBar) -> None:
    bar.set_length(5000, 30.0)
    states = [TrackStatus.TRACKING] * 5000
    states[2500] = TrackStatus.LOST
    bar.set_marks(range(5000), states)
    image = bar.slider.grab().toImage()
    row = round(STRIP_Y + 2)  # above those that were tracked
    lost = [x for x in range(image.width()) if image.pixelColor(x, row) == QColor(STATUS_COLORS[TrackStatus.LOST])]
    assert 2 <= len(lost) <= 6
    assert abs(lost[0] - bar.slider._x(2500)) < 5
    assert "lost" in bar.slider.describe(2500)
    assert bar.slider.describe(0) == "frame 1, 00:00.00: tracking"


def test_marks_grow_while_tracking() -> None:
    marks = FrameMarks(4)
    assert marks.runs(8) == []
    assert marks.add(1, TrackStatus.LOST)
    assert not marks.add(1, TrackStatus.LOST)  # nothing new to draw
    marks.add(2, TrackStatus.TRACKING)
    assert not marks.add(4, TrackStatus.TRACKING)  # there is no such frame
    assert [status for _, _, status in marks.runs(8)] == [TrackStatus.LOST, TrackStatus.TRACKING]
    assert (marks.status(0), marks.status(1), marks.status(9)) == (None, TrackStatus.LOST, None)
    marks.set([0], [TrackStatus.SEARCHING])
    assert marks.runs(4) == [(0, 0, TrackStatus.SEARCHING)]


def test_of_several_frames_under_a_pixel_the_worst_is_marked() -> None:
    marks = FrameMarks(1000)
    marks.set(range(1000), [TrackStatus.LOST if index == 500 else TrackStatus.TRACKING for index in range(1000)])
    runs = marks.runs(10)
    assert [status for _, _, status in runs] == [TrackStatus.TRACKING, TrackStatus.LOST, TrackStatus.TRACKING]
    assert runs[1][0] == runs[1][1]
