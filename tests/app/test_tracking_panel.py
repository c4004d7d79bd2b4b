"""The tracking panel: what it shows, what it asks for, and when it offers what."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PyQt5.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.late_tracker import LOADING
from app.panels.settings_sliders import per_cent_of, spread_of
from app.panels.tracking_panel import Missing, TrackingPanel
from dphm_core.frames import TrackedFrame, TrackStatus
from dphm_core.tracking.live_settings import LiveSettings


@pytest.fixture
def panel(qtbot: QtBot) -> TrackingPanel:
    widget = TrackingPanel()
    qtbot.addWidget(widget)
    widget.set_models(["default", "large"])
    widget.set_devices([("cpu", "Processor (CPU)"), ("cuda", "Graphics card (GPU)")])
    widget.set_missing(None)
    widget.show()
    return widget


def tracked(observation, status: TrackStatus = TrackStatus.TRACKING) -> TrackedFrame:
    return TrackedFrame(observation, status, "following the frame before", residual_mm=1.2, confidence=0.934)


def test_state_reason_and_confidence_are_shown(panel: TrackingPanel, observation) -> None:
    panel.show_tracked(tracked(observation))
    assert panel.state.text() == "● Tracking"
    assert panel.reason.text() == "following the frame before"
    assert panel.confidence.text() == "93 %"


def test_before_the_tracker_is_there_nobody_is_searched_for(panel: TrackingPanel, observation) -> None:
    panel.show_tracked(TrackedFrame(observation, TrackStatus.SEARCHING, LOADING))
    assert (panel.state.text(), panel.reason.text(), panel.confidence.text()) == ("Loading", LOADING, "–")


def test_the_button_stops_and_starts(panel: TrackingPanel, qtbot: QtBot, observation) -> None:
    panel.show_tracked(tracked(observation))
    with qtbot.waitSignal(panel.tracking_toggled) as told:
        qtbot.mouseClick(panel.toggle, Qt.LeftButton)
    assert told.args == [False]
    assert "Start tracking" in panel.toggle.text()
    panel.show_tracked(tracked(observation))  # a frame that was still under way
    assert (panel.state.text(), panel.confidence.text()) == ("Off", "–")
    assert not panel.calibrate.isEnabled()
    with qtbot.waitSignal(panel.tracking_toggled) as told:
        qtbot.mouseClick(panel.toggle, Qt.LeftButton)
    assert told.args == [True]
    panel.show_tracked(tracked(observation))
    assert panel.state.text() == "● Tracking"


def test_set_tracking_tells_nobody(panel: TrackingPanel, qtbot: QtBot) -> None:
    with qtbot.assertNotEmitted(panel.tracking_toggled):
        panel.set_tracking(False)
    assert "Start tracking" in panel.toggle.text()


@pytest.mark.parametrize(
    ("button", "signal"),
    [
        ("calibrate", "calibrate_requested"),
        ("find_again", "find_again_requested"),
        ("load", "load_subject_requested"),
        ("save", "save_subject_requested"),
    ],
)
def test_buttons_ask(panel: TrackingPanel, qtbot: QtBot, button: str, signal: str) -> None:
    panel.set_subject_known(True)
    with qtbot.waitSignal(getattr(panel, signal)):
        qtbot.mouseClick(getattr(panel, button), Qt.LeftButton)


def test_without_a_source_only_what_comes_before_it_is_offered(panel: TrackingPanel) -> None:
    panel.set_subject_known(True)
    panel.set_missing(Missing.SOURCE)
    buttons = (panel.toggle, panel.calibrate, panel.find_again, panel.load, panel.save)
    assert not any(button.isEnabled() for button in buttons)
    assert all(widget.isEnabled() for widget in (panel.model, panel.device, panel.sliders.smoothness))
    assert "Open a recording" in panel.reason.text()


@pytest.mark.parametrize("missing", list(Missing))
def test_what_can_not_be_asked_for_says_why(panel: TrackingPanel, missing: Missing) -> None:
    panel.set_subject_known(True)
    usual = panel.find_again.toolTip(), panel.model.toolTip(), panel.sliders.smoothness.toolTip()
    panel.set_missing(missing)
    for button in (panel.toggle, panel.find_again, panel.calibrate, panel.load, panel.save):
        assert (button.isEnabled(), button.toolTip()) == (False, missing.value)
    panel.set_missing(None)
    assert (panel.find_again.toolTip(), panel.model.toolTip(), panel.sliders.smoothness.toolTip()) == usual


def test_a_saved_track_leaves_nothing_to_choose(panel: TrackingPanel, observation) -> None:
    panel.set_missing(Missing.LIVE)
    choices = (panel.model, panel.device, panel.sliders.smoothness, panel.sliders.prior, panel.sliders.points)
    assert [(box.isEnabled(), box.toolTip()) for box in choices] == [(False, Missing.LIVE.value)] * 5
    assert "Live" in panel.model.toolTip()
    assert panel.toggle.text() == "A saved track is shown"
    panel.show_tracked(tracked(observation))
    assert panel.state.text() == "● Tracking"  # as it was then
    panel.set_missing(None)
    assert all(box.isEnabled() for box in choices)
    assert "Stop tracking" in panel.toggle.text()


def test_stopped_tracking_and_an_unknown_head_are_told_by_the_buttons(panel: TrackingPanel) -> None:
    assert "not known yet" in panel.save.toolTip()
    panel.set_tracking(False)
    assert "start it first" in panel.calibrate.toolTip()
    panel.set_tracking(True)
    assert "another person" in panel.calibrate.toolTip()


def test_what_is_in_use_is_shown_though_it_is_not_on_offer(panel: TrackingPanel) -> None:
    panel.set_model("/home/me/heads/own")
    panel.set_device("cuda:1")
    assert (panel.model.currentText(), panel.device.currentText()) == ("own", "cuda:1")
    panel.set_models(["default", "large"])
    panel.set_model("large")
    assert [panel.model.itemText(row) for row in range(panel.model.count())] == ["default", "large"]


def test_a_subject_can_be_saved_once_it_is_known(panel: TrackingPanel) -> None:
    assert not panel.save.isEnabled()
    panel.set_subject_known(True)
    assert panel.save.isEnabled()


def test_choices_are_told_only_when_the_user_makes_them(panel: TrackingPanel, qtbot: QtBot) -> None:
    with qtbot.assertNotEmitted(panel.model_chosen), qtbot.assertNotEmitted(panel.device_chosen):
        panel.set_device("cuda")
        panel.set_model("large")
        panel.set_models(["default", "large", "own"])
    assert (panel.model.currentText(), panel.device.currentData()) == ("large", "cuda")
    panel.model.setFocus()
    with qtbot.waitSignal(panel.model_chosen) as told:
        qtbot.keyClick(panel.model, Qt.Key_Down)
    assert told.args == ["own"]
    with qtbot.waitSignal(panel.device_chosen) as told:
        qtbot.keyClick(panel.device, Qt.Key_Up)
    assert told.args == ["cpu"]


def test_a_dragged_slider_sends_a_few_settings_and_always_the_last(panel: TrackingPanel, qtbot: QtBot) -> None:
    sent: list[LiveSettings] = []
    panel.sliders.changed.connect(sent.append)
    for value in range(11, 31):
        panel.sliders.smoothness.slider.setValue(value)
    assert len(sent) == 1
    qtbot.waitUntil(lambda: len(sent) == 2)
    assert sent[-1] == LiveSettings(smoothness=3.0) == panel.sliders.settings


def test_settings_are_shown_and_kept_where_no_slider_reaches(panel: TrackingPanel, qtbot: QtBot) -> None:
    unusual = LiveSettings(points=12_345, smoothness=0.5, prior_spread=0.1)
    with qtbot.assertNotEmitted(panel.sliders.changed):
        panel.sliders.set_settings(unusual)
    assert panel.sliders.settings == unusual
    assert panel.sliders.prior.number.text() == "200 %"
    with qtbot.waitSignal(panel.sliders.changed) as told:
        panel.sliders.prior.slider.setValue(0)
    assert told.args == [LiveSettings(points=12_345, smoothness=0.5, prior_spread=0.0)]


def test_prior_strength_and_spread_are_each_others_inverse() -> None:
    assert [spread_of(per_cent) for per_cent in (0, 50, 100, 200)] == [0.0, 0.4, 0.2, 0.1]
    assert [per_cent_of(spread) for spread in (0.0, 0.4, 0.2, 0.1)] == [0.0, 50.0, 100.0, 200.0]


def test_all_reaches_of_the_sliders_are_settings_that_a_tracker_takes(panel: TrackingPanel) -> None:
    for end in ("minimum", "maximum"):
        for slider in (panel.sliders.smoothness, panel.sliders.prior, panel.sliders.points):
            slider.slider.setValue(getattr(slider.slider, end)())
        assert isinstance(panel.sliders.settings, LiveSettings)


def test_nothing_jumps_between_states(panel: TrackingPanel, observation) -> None:
    heights = set()
    for status in TrackStatus:
        panel.show_tracked(replace(tracked(observation, status), reason="a long reason " * len(status.value)))
        heights.add((panel.sizeHint().height(), panel.state.width()))
    assert len(heights) == 1


def test_sliders_stand_below_each_other(panel: TrackingPanel) -> None:
    panel.resize(300, 400)
    sliders = [slider.slider for slider in (panel.sliders.smoothness, panel.sliders.prior, panel.sliders.points)]
    assert len({(slider.x(), slider.width()) for slider in sliders}) == 1
    assert sliders[0].width() > 80
