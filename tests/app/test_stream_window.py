"""Streams from the window: off at each start, told while they run, received by a real socket, ended with the window."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import QAction

from app.panels.stream_dialog import StreamDialog, StreamSign
from app.session import Session
from dphm_core.frames import Similarity
from dphm_core.pipeline import Pace, Pipeline
from dphm_core.streaming.address import StreamAddress
from dphm_core.streaming.sink import TappedTracker
from dphm_core.streaming.stream import StreamStatus

NAMES = ("jawOpen", "eyeBlink_L")


class PosedTracker:
    """The synthetic head's tracker, with a pose and an expression."""

    def __init__(self, tracker) -> None:
        self._tracker, self.faces = tracker, tracker.faces
        self.restart, self.cancel = tracker.restart, tracker.cancel

    def track(self, observation):
        pose = Similarity(np.float32(np.diag([1, -1, -1])), np.float32([0.1, 0, 0.6]))
        code = np.float32([0.5, 0.25])
        return replace(self._tracker.track(observation), head_to_cam=pose, expression_code=code, confidence=0.9)


@pytest.fixture
def box() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as box:
        box.bind(("127.0.0.1", 0))
        box.settimeout(60.0)
        yield box


@pytest.fixture
def window(qtbot, make_window, sphere_source, sphere_session):
    def open_session(request) -> Session:
        source = sphere_source(length=None)
        plain = sphere_session(source, request)
        tracker = PosedTracker(plain.tracker)
        tap = TappedTracker(tracker, lambda: NAMES)
        pipeline = Pipeline(source, plain.pipeline._observer, tap, every_frame=False, pace=Pace.FASTEST)
        return Session(request, pipeline, tracker, source, tap)

    window = make_window(open_session)
    window.open("sphere")
    qtbot.waitUntil(lambda: window.frames_shown >= 3)
    return window


def udp_only(dialog: StreamDialog, box: socket.socket) -> None:
    for kind, row in dialog.rows.items():
        row.tick.setChecked(kind == "udp")
    dialog.rows["udp"].address.setText(f"127.0.0.1:{box.getsockname()[1]}")


def test_streaming_from_the_menu(window, qtbot, box) -> None:
    assert not window.streams.streaming and not window.stream_sign.isVisible()
    (action,) = [action for action in window.findChildren(QAction) if action.text() == "Stream…"]
    action.trigger()
    dialog = window.streams.show()
    assert dialog.isVisible() and not dialog.isModal() and dialog.go.text() == "Start"
    udp_only(dialog, box)
    qtbot.mouseClick(dialog.go, Qt.LeftButton)
    frames = [json.loads(box.recv(65536)) for _ in range(3)]
    assert frames[-1]["blendshapes"]["jawOpen"] == 0.5
    assert frames[-1]["position_m"] == [0.1, 0, -0.6]
    qtbot.waitUntil(lambda: "frames sent" in dialog.rows["udp"].state.text())
    qtbot.waitUntil(lambda: window.stream_sign.isVisible() and "sent" in window.stream_sign.text())
    assert dialog.rows["osc"].state.text() == "off"
    assert not dialog.rows["osc"].address.isEnabled()
    qtbot.mouseClick(dialog.go, Qt.LeftButton)
    assert dialog.go.text() == "Start" and not window.stream_sign.isVisible()


def test_the_next_source_goes_where_the_last_one_went(window, qtbot, box) -> None:
    udp_only(window.streams.show(), box)
    window.streams.show().go.click()
    assert json.loads(box.recv(65536))["frame"] >= 0
    shown = window.frames_shown
    window.open("sphere again")
    qtbot.waitUntil(lambda: window.frames_shown >= 3 and window.frames_shown != shown)
    box.setblocking(False)
    while True:  # what had come before
        try:
            box.recv(65536)
        except BlockingIOError:
            break
    box.settimeout(60.0)
    assert json.loads(box.recv(65536))["status"] == "tracking"
    window.close()  # and no thread is left, which a fixture looks after


def test_addresses_are_remembered_and_nothing_begins_by_that(window, qtbot, box) -> None:
    dialog = window.streams.show()
    udp_only(dialog, box)
    dialog.gaze.setChecked(True)
    dialog.go.click()
    dialog.go.click()
    again = StreamDialog()
    qtbot.addWidget(again)
    again.restore(json.loads(window.settings.text("streams", "{}")))
    assert again.state() == dialog.state()
    assert again.gaze.isChecked() and again.rows["udp"].tick.isChecked() and not again.rows["ws"].tick.isChecked()
    assert again.go.text() == "Start"


@pytest.mark.parametrize(
    "damaged", [None, [], {"rows": 3}, {"rows": {"osc": {"on": "yes", "address": 5}}, "gaze": "x"}]
)
def test_damaged_memories_are_passed_over(qtbot, damaged) -> None:
    dialog = StreamDialog()
    qtbot.addWidget(dialog)
    usual = dialog.state()
    dialog.restore(damaged)
    assert dialog.state() == usual


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("127.0.0.1:99999", "is no stream address"),
        ("vmc://127.0.0.1", "is not for OSC"),
        ("a b", "is no stream address"),
    ],
)
def test_a_wrong_address_is_told(qtbot, text: str, told: str) -> None:
    dialog = StreamDialog()
    qtbot.addWidget(dialog)
    dialog.show()
    started = []
    dialog.start_requested.connect(lambda addresses, gaze: started.append(addresses))
    dialog.go.click()
    assert "at least one" in dialog.message.text.text()
    dialog.rows["osc"].tick.setChecked(True)
    dialog.rows["osc"].address.setText(text)
    dialog.go.click()
    assert told in dialog.message.text.text() and not started
    dialog.rows["osc"].address.setText("osc://127.0.0.1:9001")
    dialog.go.click()
    assert started == [[StreamAddress("osc", "127.0.0.1", 9001)]]
    assert dialog.message.isHidden()


def test_a_problem_is_told_by_a_word(qtbot) -> None:
    sign = StreamSign()
    qtbot.addWidget(sign)
    address = StreamAddress("osc", "127.0.0.1", 9000)
    sign.show_statuses([StreamStatus(address, 7, 0, None, None)])
    assert sign.text() == "● Streaming – 7 sent"
    sign.show_statuses([StreamStatus(address, 7, 0, None, "nobody listens there yet")])
    assert "problem" in sign.text() and "nobody listens" in sign.toolTip()
