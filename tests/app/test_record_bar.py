"""The record bar: what it offers when, what it says while recording, and what it offers afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest
from PyQt5.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.panels.record_bar import RecordBar, clock_text, saved_text, size_text
from dphm_core.sources.recording_status import RecordingStatus

PATH = Path("/somewhere/2026-11-23_14-05-33")


def status(**changes: object) -> RecordingStatus:
    """A recording that goes well, with changes."""
    told = {"frames": 372, "bytes": 34_700_000, "seconds": 12.4, "free_bytes": 59_000_000_000}
    return RecordingStatus(PATH, **(told | changes))


@pytest.fixture
def bar(qtbot: QtBot) -> RecordBar:
    widget = RecordBar()
    qtbot.addWidget(widget)
    widget.set_available(True, "")
    widget.show()
    return widget


def test_it_records_and_stops(bar: RecordBar, qtbot: QtBot) -> None:
    assert bar.button.text() == "Record" and not bar.time.isVisible() and not bar.open_it.isVisible()
    with qtbot.waitSignal(bar.record_requested):
        qtbot.mouseClick(bar.button, Qt.LeftButton)
    bar.show_status(status())
    assert bar.button.text() == "Stop"
    assert (bar.time.text(), bar.size.text(), bar.free.text()) == ("0:12", "35 MB", "59 GB")
    assert bar.text.text() == PATH.name
    assert "Room for about 6 hours more" in bar.free.toolTip()
    with qtbot.waitSignal(bar.stop_requested), qtbot.assertNotEmitted(bar.record_requested):
        qtbot.mouseClick(bar.button, Qt.LeftButton)


def test_lost_frames_are_told_in_words_only_where_there_are_any(bar: RecordBar) -> None:
    bar.show_status(status(dropped=1))
    assert "1 frame lost: this computer" in bar.text.text()
    bar.show_status(status(dropped=0))
    assert "lost" not in bar.text.text()


def test_it_says_why_it_cannot_record(bar: RecordBar, qtbot: QtBot) -> None:
    bar.set_available(False, "Open a camera first.")
    assert (bar.text.text(), bar.button.toolTip()) == ("", "Open a camera first.")
    with qtbot.assertNotEmitted(bar.record_requested):
        qtbot.mouseClick(bar.button, Qt.LeftButton)
    bar.set_available(True, "")
    assert bar.button.isEnabled() and bar.button.toolTip() != "Open a camera first."


def test_a_recording_goes_on_when_recording_is_offered_and_ends_when_it_is_not(bar: RecordBar) -> None:
    bar.show_status(status())
    bar.set_available(True, "")
    assert bar.button.text() == "Stop"
    bar.set_available(False, "Finishing the recording …")
    assert (bar.button.text(), bar.text.text()) == ("Record", "")
    assert bar.button.toolTip() == "Finishing the recording …"
    assert not bar.time.isVisible() and not bar.button.isEnabled()


def test_what_was_saved_can_be_opened_and_converted_until_the_next_recording(bar: RecordBar, qtbot: QtBot) -> None:
    bar.show_saved(PATH, status(finished=True))
    bar.set_available(True, "")
    bar.set_available(False, "Open a camera first.")
    bar.show_status(None)
    assert bar.text.text() == f"Saved to {PATH.name} (0:12, 35 MB)."
    for button, signal in ((bar.open_it, bar.open_recorded), (bar.convert, bar.convert_requested)):
        with qtbot.waitSignal(signal) as told:
            qtbot.mouseClick(button, Qt.LeftButton)
        assert told.args == [str(PATH)]
    bar.set_available(True, "")
    qtbot.mouseClick(bar.button, Qt.LeftButton)
    assert bar.text.text() == "" and not bar.open_it.isVisible()


def test_what_was_saved_can_be_dismissed(bar: RecordBar, qtbot: QtBot) -> None:
    for forget in (lambda: qtbot.mouseClick(bar.dismiss, Qt.LeftButton), bar.forget):
        bar.show_saved(PATH, status(finished=True))
        bar.set_available(False, "Open a camera first.")
        assert bar.dismiss.isVisible()
        forget()
        assert bar.text.text() == ""
        assert not any(button.isVisible() for button in (bar.open_it, bar.convert, bar.dismiss))
        assert bar.button.toolTip() == "Open a camera first."
    bar.set_available(True, "")
    bar.show_status(status())
    bar.forget()  # one that goes on is not forgotten
    assert bar.button.text() == "Stop" and bar.text.text() == PATH.name


def test_nothing_recorded_is_nothing_to_open(bar: RecordBar) -> None:
    bar.show_saved(PATH, status(frames=0, error="the folder cannot be made", finished=True))
    assert bar.text.text() == "The recording ended early: the folder cannot be made. Nothing was recorded."
    assert not bar.open_it.isVisible() and not bar.convert.isVisible()


def test_the_end_is_told_in_sentences() -> None:
    assert saved_text(PATH, None) == f"Saved to {PATH.name}"
    assert saved_text(PATH, status(full=True, dropped=1)) == (
        f"The disk is nearly full. Saved to {PATH.name} (0:12, 35 MB). One frame was lost."
    )
    assert saved_text(PATH, status(dropped=3)).endswith(" 3 frames were lost.")


@pytest.mark.parametrize(("seconds", "text"), [(0.0, "0:00"), (61.9, "1:01"), (3753, "1:02:33")])
def test_times(seconds: float, text: str) -> None:
    assert clock_text(seconds) == text


@pytest.mark.parametrize(("count", "text"), [(0, "0.0 MB"), (12_300_000, "12 MB"), (1_240_000_000, "1.2 GB")])
def test_sizes(count: int, text: str) -> None:
    assert size_text(count) == text
