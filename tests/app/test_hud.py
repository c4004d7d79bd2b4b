"""The line under the view: its figures, and how it gives way in a narrow window."""

from __future__ import annotations

from dataclasses import replace
from math import nan

import pytest
from pytestqt.qtbot import QtBot

from app.late_tracker import LOADING
from app.panels.hud import UNKNOWN, Figure, Hud
from dphm_core.frames import TrackedFrame, TrackStatus
from dphm_core.stages import PipelineState, PipelineStatus

STATUS = PipelineStatus(
    state=PipelineState.PLAYING, frames_read=100, frames_tracked=90, frames_dropped=7, source_fps=30.2,
    tracker_fps=28.4, latency_s=0.04, error=None,
    tracking=True,
)  # fmt: skip


@pytest.fixture
def hud(qtbot: QtBot) -> Hud:
    widget = Hud()
    qtbot.addWidget(widget)
    widget.resize(1280, 32)
    widget.show()
    return widget


def figures(hud: Hud) -> list[Figure]:
    return hud.findChildren(Figure)


def test_all_figures_are_shown(hud: Hud, observation) -> None:
    tracked = TrackedFrame(
        observation, TrackStatus.TRACKING, "following the frame before", residual_mm=1.234, confidence=0.93
    )
    hud.show_status(tracked, STATUS, 59.8, 41.3)
    assert {figure.name: figure.text() for figure in figures(hud)} == {
        "Source": "30 fps",
        "Tracker": "28 fps",
        "View": "60 fps",
        "Latency": "41 ms",
        "Residual": "1.23 mm",
        "Confidence": "93 %",
        "Dropped": "7",
    }
    assert hud.state.text() == "● Tracking"
    assert hud.state.isVisible()
    assert hud.text.text() == "following the frame before"
    assert all(figure.toolTip() for figure in figures(hud))


def test_a_calibration_that_a_paused_recording_holds_up_says_so(hud: Hud, observation, qtbot: QtBot) -> None:
    tracked = TrackedFrame(observation, TrackStatus.CALIBRATING, "looking at the face: 1 of 10 frames")
    hud.show_status(tracked, STATUS, 60, 41)
    assert hud.text.text() == "looking at the face: 1 of 10 frames"
    hud.show_status(tracked, replace(STATUS, state=PipelineState.PAUSED), 60, 41)
    qtbot.waitUntil(lambda: hud.text.text() == "looking at the face: 1 of 10 frames – paused")
    tracked = TrackedFrame(observation, TrackStatus.TRACKING, "following the frame before")
    hud.show_status(tracked, replace(STATUS, state=PipelineState.PAUSED), 60, 41)
    qtbot.waitUntil(lambda: hud.text.text() == "following the frame before")


def test_a_message_stands_alone(hud: Hud, observation) -> None:
    hud.show_status(TrackedFrame(observation, TrackStatus.TRACKING, "following"), STATUS, 60, 41)
    hud.show_message("Waiting for the first frame …")
    assert not hud.state.isVisible()
    assert hud.text.text() == "Waiting for the first frame …"
    assert {figure.text() for figure in figures(hud)} == {"–"}


def test_what_is_not_known_is_a_dash(hud: Hud, observation) -> None:
    hud.show_status(
        TrackedFrame(observation, TrackStatus.SEARCHING, "no face in sight", residual_mm=nan), STATUS, 0, None
    )
    assert [hud.residual.text(), hud.latency.text(), hud.view.text()] == ["–", "–", "–"]


def test_at_the_usual_width_every_figure_is_seen_whole(hud: Hud) -> None:
    assert all(figure.isVisible() for figure in figures(hud))
    assert all(figure.width() >= figure.sizeHint().width() for figure in figures(hud))


def test_in_a_narrow_window_figures_give_way_and_come_back(hud: Hud) -> None:
    hud.resize(700, 32)
    assert hud.residual.isVisible()
    assert not hud.dropped.isVisible()
    assert hud.minimumSizeHint().width() < 300
    hud.resize(1280, 32)
    assert hud.dropped.isVisible()


def test_figures_do_not_move_with_their_numbers(hud: Hud, observation) -> None:
    places = set()
    for residual in (0.5, 12.34):
        tracked = TrackedFrame(observation, TrackStatus.TRACKING, "following", residual_mm=residual, confidence=1.0)
        hud.show_status(tracked, STATUS, 60, 1000 * residual)
        hud._writer.flush()
        places.add(tuple(figure.x() for figure in figures(hud)))
    assert len(places) == 1


def test_what_stands_still_has_no_rates(hud: Hud, observation) -> None:
    tracked = TrackedFrame(observation, TrackStatus.TRACKING, "following", residual_mm=1.0)
    for state in (PipelineState.PAUSED, PipelineState.ENDED):
        hud.show_status(tracked, replace(STATUS, state=state), 59.8, 41.3)
        hud._writer.flush()
        assert {figure.text() for figure in (hud.source, hud.tracker, hud.view, hud.latency)} == {"–"}
        assert hud.residual.text() == "1.00 mm"


def test_without_tracking_nothing_is_searched(hud: Hud, observation) -> None:
    tracked = TrackedFrame(observation, TrackStatus.SEARCHING, "no face in sight")
    hud.show_status(tracked, replace(STATUS, tracking=False), 59.8, 41.3)
    assert (hud.state.text(), hud.text.text()) == ("Off", "Tracking is stopped.")
    hud.show_status(tracked, STATUS, 59.8, 41.3)
    hud._writer.flush()
    assert hud.text.text() == "no face in sight"


def test_advice_takes_the_reasons_place_and_is_seen_whole(hud: Hud, observation) -> None:
    tracked = TrackedFrame(observation, TrackStatus.TRACKING, "following", residual_mm=1.0)
    long = "Set the camera's power-line frequency to 50 Hz, or lock its exposure to 1/100 s: the lamps flicker"
    advised = replace(tracked, observation=replace(observation, advice=long))
    hud.show_status(advised, STATUS, 59.8, 41.3)
    hud._writer.flush()
    hud.layout().activate()
    assert hud.text.text() == f"⚠ {long}"
    assert hud.text.width() >= hud.text.sizeHint().width()
    assert hud.residual.isVisible() and not hud.dropped.isVisible()
    shorter = replace(tracked, observation=replace(observation, advice=long[:-3]))
    seen = [figure.isVisible() for figure in figures(hud)]
    hud.show_status(shorter, STATUS, 59.8, 41.3)
    hud._writer.flush()
    assert [figure.isVisible() for figure in figures(hud)] == seen
    hud.show_status(tracked, STATUS, 59.8, 41.3)
    hud._writer.flush()
    assert hud.text.text() == "following"
    assert all(figure.isVisible() for figure in figures(hud))


def test_without_tracking_there_is_no_advice(hud: Hud, observation) -> None:
    tracked = TrackedFrame(replace(observation, advice="Come nearer"), TrackStatus.SEARCHING, "no face in sight")
    hud.show_status(tracked, replace(STATUS, tracking=False), 59.8, 41.3)
    assert hud.text.text() == "Tracking is stopped."


def test_what_the_camera_lost_is_told_apart_from_what_was_left_out(hud: Hud, observation) -> None:
    tracked = TrackedFrame(observation, TrackStatus.TRACKING, "following the frame before")
    hud.show_status(tracked, replace(STATUS, frames_missed=3), 60.0, None)
    assert hud.dropped.text() == "7 + 3"


def test_while_a_camera_is_waited_for_nothing_is_called_tracked(hud: Hud, observation) -> None:
    tracked = TrackedFrame(observation, TrackStatus.TRACKING, "following the frame before")
    hud.show_status(tracked, replace(STATUS, waiting="Camera 1 was unplugged"), 60.0, 40.0)
    assert (hud.state.text(), hud.text.text()) == ("Waiting", "The camera sends nothing.")
    assert hud.source.text() == hud.latency.text() == UNKNOWN


def test_before_the_tracker_is_there_nobody_is_searched_for(hud: Hud, observation, qtbot: QtBot) -> None:
    hud.show_status(TrackedFrame(observation, TrackStatus.SEARCHING, LOADING), STATUS, 60.0, 40.0)
    assert (hud.state.text(), hud.text.text(), hud.confidence.text()) == ("Loading", LOADING, UNKNOWN)
    qtbot.waitUntil(lambda: hud.text.width() >= hud.text.sizeHint().width())  # it can be read to its end
    tracking = TrackedFrame(observation, TrackStatus.TRACKING, "following the frame before")
    hud.show_status(tracking, STATUS, 60.0, 40.0)
    qtbot.waitUntil(lambda: all(figure.isVisible() for figure in figures(hud)))
