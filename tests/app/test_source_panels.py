"""The start page and the source picker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PyQt5.QtCore import Qt
from PyQt5.QtGui import QPalette
from PyQt5.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from app.panels.choice_list import DETAIL, URI, ChoiceList
from app.panels.source_picker import SourcePicker
from app.panels.start_page import StartPage
from app.source_choices import GONE, LOOKING, SourceChoices, describe
from dphm_core.sources.devices import Camera, CameraList

FREE = Camera("kinect", "Azure Kinect", "0001", "kinect:0001")
BUSY = Camera("kinect", "Azure Kinect", "", "kinect", usable=False)


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    (tmp_path / "demo").mkdir()
    return tmp_path / "demo"


@pytest.fixture
def page(qtbot: QtBot, demo: Path) -> Iterator[StartPage]:
    page = StartPage(demo)
    qtbot.addWidget(page)
    page.resize(1000, 700)
    with qtbot.waitExposed(page):
        page.show()
    yield page
    settle(qtbot, page.choices)


@pytest.fixture
def picker(qtbot: QtBot, demo: Path) -> Iterator[SourcePicker]:
    picker = SourcePicker(demo)
    qtbot.addWidget(picker)
    yield picker
    settle(qtbot, picker.choices)


def settle(qtbot: QtBot, choices: SourceChoices) -> None:
    """Wait until the disk was looked at."""
    qtbot.waitUntil(lambda: not choices._timer.isActive())


def rows(choice_list: ChoiceList) -> list[tuple[str, str, str]]:
    items = [choice_list.rows.item(number) for number in range(choice_list.rows.count())]
    return [(item.text(), item.data(DETAIL), item.data(URI)) for item in items]


def click(qtbot: QtBot, choice_list: ChoiceList, number: int) -> None:
    place = choice_list.rows.visualItemRect(choice_list.rows.item(number)).center()
    qtbot.mouseClick(choice_list.rows.viewport(), Qt.LeftButton, pos=place)


def entries(picker: SourcePicker) -> dict[str, object]:
    """Texts of the menu that can be chosen, and their actions."""
    picker.menu().aboutToShow.emit()
    return {action.text(): action for action in picker.menu().actions() if action.isEnabled() and action.text()}


def test_cameras_come_and_go_and_are_told_of_where_there_is_none(page: StartPage) -> None:
    assert page.cameras.hint.text() == LOOKING
    page.choices.set_cameras(CameraList((FREE, BUSY)))
    assert rows(page.cameras) == [
        ("Azure Kinect", "serial number 0001", "kinect:0001"),
        ("Azure Kinect", "used by another program, or not permitted", "kinect"),
    ]
    assert page.cameras.currentWidget() is page.cameras.rows
    page.choices.set_cameras(CameraList())
    assert page.cameras.currentWidget() is page.cameras.hint
    assert "Plug one into a USB 3 port" in page.cameras.hint.text()
    page.choices.set_cameras(CameraList(missing="the driver is not there; install it"))
    assert page.cameras.hint.text() == "The driver is not there; install it."


def test_a_click_or_return_opens_a_camera_once(qtbot: QtBot, page: StartPage) -> None:
    page.choices.set_cameras(CameraList((BUSY, FREE)))
    chosen: list[str] = []
    page.chosen.connect(chosen.append)
    click(qtbot, page.cameras, 1)
    assert chosen == ["kinect:0001"]
    qtbot.keyClick(page.cameras.rows, Qt.Key_Return)
    assert chosen == ["kinect:0001"] * 2
    with qtbot.waitSignal(page.refresh_requested):
        qtbot.mouseClick(page.look_again, Qt.LeftButton)


def test_recent_recordings_are_listed_and_a_missing_one_is_greyed(
    qtbot: QtBot, page: StartPage, tmp_path: Path
) -> None:
    (tmp_path / "here").mkdir()
    here, gone = str(tmp_path / "here"), str(tmp_path / "gone.mkv")
    page.choices.set_recent([here, gone, "kinect", "simulated", f"simulated:{here}"])
    qtbot.waitUntil(lambda: rows(page.recent)[1][1].startswith(GONE))
    assert rows(page.recent) == [
        ("here", str(tmp_path), here),
        ("gone.mkv", f"{GONE}: {tmp_path}", gone),
        ("here as a camera", str(tmp_path), f"simulated:{here}"),
    ]
    grey = page.palette().color(QPalette.Disabled, QPalette.Text)
    assert page.recent.rows.item(1).foreground().color() == grey
    with qtbot.waitSignal(page.chosen) as chosen:
        click(qtbot, page.recent, 0)
    assert chosen.args == [here]
    menu = page.recent.menu_of(page.recent.rows.item(1))
    with qtbot.waitSignal(page.remove_requested) as removed:
        menu.actions()[1].trigger()
    assert removed.args == [gone]
    page.choices.set_recent([])
    assert page.recent.currentWidget() is page.recent.hint


def test_buttons_open_folders_files_the_demo_and_the_simulated_camera(
    qtbot: QtBot, page: StartPage, demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: "/some/folder")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_, **__: ("/some/file.mkv", ""))
    chosen: list[str] = []
    page.chosen.connect(chosen.append)
    for button in (page.open_folder, page.open_file, page.open_demo, page.open_simulated):
        qtbot.mouseClick(button, Qt.LeftButton)
    assert chosen == ["/some/folder", "/some/file.mkv", str(demo), "simulated"]
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: "")
    qtbot.mouseClick(page.open_folder, Qt.LeftButton)
    assert len(chosen) == 4
    page.set_reason("why")
    assert page.reason.text() == "why"


def test_without_a_demo_there_is_no_simulated_camera(qtbot: QtBot, tmp_path: Path) -> None:
    page, picker = StartPage(tmp_path / "gone"), SourcePicker(tmp_path / "gone")
    qtbot.addWidget(page)
    qtbot.addWidget(picker)
    page.show()
    assert not page.open_demo.isVisible()
    assert not page.open_simulated.isVisible()
    assert not {"Demo recording", "Simulated camera"} & set(entries(picker))


def test_the_page_fits_a_small_window(qtbot: QtBot, page: StartPage) -> None:
    page.choices.set_recent([f"/r/{number}" for number in range(10)])
    settle(qtbot, page.choices)
    assert page.minimumSizeHint().height() <= 620
    assert page.minimumSizeHint().width() <= 900


def test_the_picker_says_what_is_open_and_offers_the_rest(
    qtbot: QtBot, picker: SourcePicker, demo: Path, tmp_path: Path
) -> None:
    assert picker.text() == "Open"
    assert "Close" not in entries(picker)
    picker.choices.set_cameras(CameraList((FREE,)))
    gone = str(tmp_path / "gone")
    picker.choices.set_recent([str(demo), gone])
    settle(qtbot, picker.choices)
    picker.set_current("Azure Kinect 0001")
    assert picker.text() == "Azure Kinect 0001"
    found = entries(picker)
    assert f"gone   ({GONE})" not in found
    chosen: list[str] = []
    picker.chosen.connect(chosen.append)
    for text in found:
        if not text.startswith("Open") and text not in ("Close", "Cameras", "Recordings", "Camera settings…"):
            found[text].trigger()
    assert chosen == ["kinect:0001", "simulated", str(demo), str(demo)]
    with qtbot.waitSignal(picker.close_requested):
        found["Close"].trigger()
    picker.set_current("a" * 200)
    assert len(picker.text()) < 60
    assert "a" * 200 in picker.toolTip()


def test_the_open_camera_can_be_set_or_else_the_one_that_is_connected(qtbot: QtBot, picker: SourcePicker) -> None:
    assert "Camera settings…" not in entries(picker)
    other = Camera("realsense", "Intel RealSense D435", "7", "realsense:7")
    picker.choices.set_cameras(CameraList((other, BUSY, FREE)))
    with qtbot.waitSignal(picker.settings_requested) as wanted:
        entries(picker)["Camera settings…"].trigger()
    assert wanted.args == ["kinect:0001"]
    picker.set_current("Azure Kinect 0002", "kinect?fps=15")
    with qtbot.waitSignal(picker.settings_requested) as wanted:
        entries(picker)["Camera settings…"].trigger()
    assert wanted.args == ["kinect?fps=15"]


def test_both_can_share_what_there_is(qtbot: QtBot, page: StartPage) -> None:
    picker = SourcePicker(Path("/nonexistent"), page.choices)
    qtbot.addWidget(picker)
    page.choices.set_cameras(CameraList((FREE,)))
    assert "Azure Kinect   (serial number 0001)" in entries(picker)


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("/a/b/rec.mkv", "rec.mkv"),
        ("kinect", "Azure Kinect"),
        ("kinect:12", "Azure Kinect 12"),
        ("kinect:12?fps=15", "Azure Kinect 12"),
        ("kinect?color=1080p", "Azure Kinect"),
        ("realsense:7", "Intel RealSense 7"),
        ("simulated", "Simulated camera"),
        ("simulated:/a/rec", "rec"),
    ],
)
def test_sources_have_names(uri: str, name: str) -> None:
    assert describe(uri) == name
