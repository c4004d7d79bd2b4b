"""The tracking panel: what it shows, what it asks for, and when it offers what."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PyQt5.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.panels.tracking_panel import TrackingPanel, per_cent_of, spread_of
from dphm_core.frames import TrackedFrame, TrackStatus
from dphm_core.tracking.live_settings import LiveSettings


@pytest.fixture
def panel(qtbot: QtBot) -> TrackingPanel:
    widget = TrackingPanel()
    qtbot.addWidget(widget)
    widget.set_models(["default", "large"])
    widget.set_devices([("cpu", "Processor (CPU)"), ("cuda", "Graphics card (GPU)")])
    widget.set_enabled_for(True)
    widget.show()
    return widget


def tracked(observation, status: TrackStatus = TrackStatus.TRACKING) -> TrackedFrame:
    return TrackedFrame(observation, status, "following the frame before", residual_mm=1.2, confidence=0.934)


def test_state_reason_and_confidence_are_shown(panel: TrackingPanel, observation) -> None:
    panel.show_tracked(tracked(observation))
    assert panel.state.text() == "● Tracking"
    assert panel.reason.text() == "following the frame before"
    assert panel.confidence.text() == "93 %"


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
    panel.set_enabled_for(False)
    buttons = (panel.toggle, panel.calibrate, panel.find_again, panel.load, panel.save)
    assert not any(button.isEnabled() for button in buttons)
    assert all(widget.isEnabled() for widget in (panel.model, panel.device, panel.smoothness))
    assert "Open a recording" in panel.reason.text()


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
    panel.settings_changed.connect(sent.append)
    for value in range(11, 31):
        panel.smoothness.slider.setValue(value)
    assert len(sent) == 1
    qtbot.waitUntil(lambda: len(sent) == 2)
    assert sent[-1] == LiveSettings(smoothness=3.0) == panel.settings


def test_settings_are_shown_and_kept_where_no_slider_reaches(panel: TrackingPanel, qtbot: QtBot) -> None:
    unusual = LiveSettings(points=12_345, smoothness=0.5, prior_spread=0.1)
    with qtbot.assertNotEmitted(panel.settings_changed):
        panel.set_settings(unusual)
    assert panel.settings == unusual
    assert panel.prior.number.text() == "200 %"
    with qtbot.waitSignal(panel.settings_changed) as told:
        panel.prior.slider.setValue(0)
    assert told.args == [LiveSettings(points=12_345, smoothness=0.5, prior_spread=0.0)]


def test_prior_strength_and_spread_are_each_others_inverse() -> None:
    assert [spread_of(per_cent) for per_cent in (0, 50, 100, 200)] == [0.0, 0.4, 0.2, 0.1]
    assert [per_cent_of(spread) for spread in (0.0, 0.4, 0.2, 0.1)] == [0.0, 50.0, 100.0, 200.0]


def test_all_reaches_of_the_sliders_are_settings_that_a_tracker_takes(panel: TrackingPanel) -> None:
    for end in ("minimum", "maximum"):
        for slider in (panel.smoothness, panel.prior, panel.points):
            slider.slider.setValue(getattr(slider.slider, end)())
        assert isinstance(panel.settings, LiveSettings)


def test_nothing_jumps_between_states(panel: TrackingPanel, observation) -> None:
    heights = set()
    for status in TrackStatus:
        panel.show_tracked(replace(tracked(observation, status), reason="a long reason " * len(status.value)))
        heights.add((panel.sizeHint().height(), panel.state.width()))
    assert len(heights) == 1


def test_sliders_stand_below_each_other(panel: TrackingPanel) -> None:
    panel.resize(300, 400)
    sliders = [slider.slider for slider in (panel.smoothness, panel.prior, panel.points)]
    assert len({(slider.x(), slider.width()) for slider in sliders}) == 1
    assert sliders[0].width() > 80
