"""The bars over and under the view: a job that is under way, and messages."""

from __future__ import annotations

import pytest
from PyQt5.QtGui import QGuiApplication
from PyQt5.QtWidgets import QVBoxLayout, QWidget

from app.panels.job_bar import JobBar, time_left
from app.panels.message_bar import LONG_TEXT, Kind, MessageBar
from dphm_core.jobs import Progress


@pytest.fixture
def jobs(qtbot) -> JobBar:
    bar = JobBar()
    qtbot.addWidget(bar)
    return bar


@pytest.fixture
def messages(qtbot) -> MessageBar:
    bar = MessageBar()
    qtbot.addWidget(bar)
    bar.resize(700, 60)
    return bar


def test_a_job_is_shown_and_hidden(jobs: JobBar) -> None:
    assert jobs.isHidden()
    jobs.show_job("Converting", Progress(25, 100, 10.0))
    assert not jobs.isHidden()
    assert jobs.bar.value() / jobs.bar.maximum() == 0.25
    assert jobs.left.text() == "about 30 s left"
    jobs.show_job("Converting", Progress(5, None, 10.0))
    assert jobs.bar.maximum() == 0  # runs to and fro
    assert jobs.left.text() == ""
    jobs.hide_job()
    assert jobs.isHidden()


def test_a_job_is_cancelled_once_and_the_next_one_can_be_again(qtbot, jobs: JobBar) -> None:
    jobs.show_job("Converting", Progress(25, 100, 10.0))
    with qtbot.waitSignal(jobs.cancel_requested):
        jobs.cancel.click()
    jobs.show_job("Converting", Progress(26, 100, 10.0))
    assert not jobs.cancel.isEnabled()
    assert jobs.name.text() == "Cancelling …"
    jobs.hide_job()
    jobs.show_job("Loading", Progress())
    assert jobs.cancel.isEnabled()
    assert jobs.name.text() == "Loading"
    jobs.cancel.click()
    jobs.show_job("Converting", Progress())  # another one, right after it
    assert jobs.cancel.isEnabled()


def test_a_long_name_does_not_widen_the_window(jobs: JobBar) -> None:
    jobs.show_job(f"Converting {'x' * 300}.mkv", Progress())
    assert jobs.name.text().startswith("Converting x") and jobs.name.text().endswith(".mkv")
    assert jobs.minimumSizeHint().width() < 700


@pytest.mark.parametrize(
    ("progress", "words"),
    [
        (Progress(0, 10, 5.0), ""),
        (Progress(5, 10, 0.5), ""),
        (Progress(99, 100, 9.9), "about 1 s left"),
        (Progress(1, 10, 40.0), "about 6 min left"),
        (Progress(1, 100, 120.0), "about 3.3 h left"),
    ],
)
def test_time_in_words(progress: Progress, words: str) -> None:
    assert time_left(progress) == words


def test_a_message_is_an_error_unless_said_otherwise(messages: MessageBar) -> None:
    assert messages.isHidden()
    messages.tell("There is no camera; plug one in.")
    assert not messages.isHidden()
    assert messages.text.text() == "There is no camera; plug one in."
    assert messages.kind is Kind.ERROR and messages.sign.accessibleName() == "Error"
    assert messages.action.isHidden() and messages.copy.isHidden()
    messages.dismiss.click()
    assert messages.isHidden()


def test_kinds_look_different_without_colour(messages: MessageBar) -> None:
    pictures = []
    for kind in Kind:
        messages.tell("Text", kind)
        image = messages.grab().toImage().convertToFormat(24)  # grey, 8 bit
        sign = messages.sign.geometry()
        grey = image.copy(sign)
        middle = grey.pixelColor(2, sign.height() // 2).lightness()
        pictures.append(
            tuple(
                abs(grey.pixelColor(x, y).lightness() - middle) > 40
                for y in range(sign.height())
                for x in range(sign.width())
            )
        )
    assert len(set(pictures)) == len(Kind)


def test_an_action_is_done_and_goes_with_its_message(messages: MessageBar) -> None:
    done = []
    messages.tell("Recorded.", Kind.INFO, ("Show folder", lambda: done.append("shown")))
    assert messages.action.text() == "Show folder"
    messages.action.click()
    assert done == ["shown"]
    messages.tell("Another.")
    assert messages.action.isHidden()


def test_a_note_goes_by_itself_and_nothing_else_does(qtbot, messages: MessageBar, monkeypatch) -> None:
    monkeypatch.setattr("app.panels.message_bar.NOTE_MS", 1)
    messages.tell("Saved to me.safetensors", Kind.INFO)
    qtbot.waitUntil(messages.isHidden)
    messages.tell("Saved to me.safetensors", Kind.INFO)
    messages.tell("Exported", Kind.INFO, ("Show folder", list))
    for kind in (Kind.WARNING, Kind.ERROR):
        qtbot.wait(50)
        assert not messages.isHidden()
        messages.tell("It is of another model", kind)
    qtbot.wait(50)
    assert not messages.isHidden()


def test_a_note_goes_also_from_a_window_that_was_minimised(qtbot, monkeypatch) -> None:
    monkeypatch.setattr("app.panels.message_bar.NOTE_MS", 300)
    window, bar = QWidget(), MessageBar()
    QVBoxLayout(window).addWidget(bar)
    qtbot.addWidget(window)
    window.show()
    bar.tell("Saved to me.safetensors", Kind.INFO)
    window.showMinimized()
    window.showNormal()
    qtbot.waitUntil(bar.isHidden)


def test_details_and_long_texts_can_be_copied(messages: MessageBar) -> None:
    messages.tell("The recording cannot be read.", details="libav: moov atom not found")
    messages.copy.click()
    assert messages.copy.text() == "Copied"
    assert QGuiApplication.clipboard().text() == "The recording cannot be read.\n\nlibav: moov atom not found"
    assert "libav" not in messages.text.text()
    messages.tell("word " * LONG_TEXT)
    assert len(messages.text.text()) < LONG_TEXT + 5
    assert messages.copy.text() == "Copy details"
    messages.copy.click()
    assert QGuiApplication.clipboard().text() == "word " * LONG_TEXT


def test_names_of_files_are_no_markup(messages: MessageBar) -> None:
    messages.tell("<b>odd</b>.mkv cannot be read.")
    assert messages.text.text() == "<b>odd</b>.mkv cannot be read."
    assert messages.text.textFormat() == 0


def test_a_message_wraps_in_a_narrow_window(messages: MessageBar) -> None:
    messages.tell("A sentence that is much too long for a window as narrow as this one is. " * 3)
    messages.resize(420, messages.heightForWidth(420) if messages.hasHeightForWidth() else 60)
    assert messages.minimumSizeHint().width() <= 420
    assert messages.layout().heightForWidth(420) > 2 * messages.fontMetrics().height()
