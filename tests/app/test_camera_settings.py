"""The dialog of a camera's settings, and that they are remembered."""

from __future__ import annotations

from pathlib import Path

import pytest
from PyQt5.QtCore import QSettings
from pytestqt.qtbot import QtBot

from app.camera_memory import CameraMemory
from app.panels.camera_settings import COLORS, DEPTHS, CameraSettingsDialog
from app.settings import WindowSettings
from dphm_core.sources import kinect_settings
from dphm_core.sources.k4a_capture import COLOR_SIZES
from dphm_core.sources.kinect_settings import KinectSettings

OTHER = KinectSettings(color="1080p", depth="nfov-binned", fps=15, exposure=20_000, whitebalance="auto", powerline=50)


@pytest.fixture
def dialog(qtbot: QtBot) -> CameraSettingsDialog:
    dialog = CameraSettingsDialog("Azure Kinect 0001", KinectSettings())
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


def choose(box, value) -> None:
    box.setCurrentIndex(box.findData(value))


def test_all_that_the_camera_can_is_offered_in_its_true_size() -> None:
    for name, text in COLORS.items():
        width, height = COLOR_SIZES[kinect_settings.COLORS[name]]
        assert text == f"{width} × {height}"
    assert COLORS.keys() == kinect_settings.COLORS.keys() and DEPTHS.keys() == kinect_settings.DEPTHS.keys()


@pytest.mark.parametrize("settings", [KinectSettings(), OTHER, KinectSettings(color="3072p", depth="wfov", fps=5)])
def test_what_is_shown_is_what_is_chosen(dialog: CameraSettingsDialog, settings: KinectSettings) -> None:
    dialog.show_settings(settings)
    assert dialog.settings() == settings
    dialog.usual.click()
    assert dialog.settings() == KinectSettings()


def test_only_what_goes_together_can_be_chosen(dialog: CameraSettingsDialog) -> None:
    choose(dialog.exposure.mode, None)
    dialog.exposure.number.setValue(130_000)
    assert dialog.settings().exposure == 33_333
    choose(dialog.depth, "wfov")
    assert dialog.settings().fps == 15
    assert not dialog.fps.model().item(dialog.fps.findData(30)).isEnabled()
    choose(dialog.depth, "wfov-binned")
    assert dialog.fps.model().item(dialog.fps.findData(30)).isEnabled()
    choose(dialog.color, "3072p")
    choose(dialog.fps, 5)
    dialog.exposure.number.setValue(130_000)
    assert dialog.settings() == KinectSettings("3072p", "wfov-binned", 5, 130_000)


def test_a_number_is_asked_for_only_where_it_counts(dialog: CameraSettingsDialog) -> None:
    assert not dialog.whitebalance.number.isEnabled()
    choose(dialog.whitebalance.mode, None)
    assert dialog.whitebalance.number.isEnabled()
    dialog.whitebalance.number.setValue(3200)
    assert dialog.settings().whitebalance == 3200


def test_use_tells_and_cancel_does_not(qtbot: QtBot, dialog: CameraSettingsDialog) -> None:
    dialog.show_settings(OTHER)
    with qtbot.waitSignal(dialog.chosen) as chosen:
        dialog.use.click()
    assert chosen.args == [OTHER] and not dialog.isVisible()
    dialog.show()
    with qtbot.assertNotEmitted(dialog.chosen):
        dialog.leave.click()


@pytest.fixture
def memory(tmp_path: Path) -> CameraMemory:
    return CameraMemory(WindowSettings(QSettings(str(tmp_path / "app.ini"), QSettings.IniFormat)))


def test_each_camera_keeps_its_settings_over_a_restart(tmp_path: Path, memory: CameraMemory) -> None:
    assert memory.recall("kinect:0001") == "kinect:0001"
    assert memory.keep("0001", OTHER) == f"kinect:0001?{OTHER.text()}"
    memory.keep("0002", KinectSettings(fps=5))
    memory._settings.save()
    again = CameraMemory(WindowSettings(QSettings(str(tmp_path / "app.ini"), QSettings.IniFormat)))
    assert again.recall("kinect:0001") == f"kinect:0001?{OTHER.text()}"
    assert again.recall("kinect:0002") == "kinect:0002?fps=5"
    assert again.recall("kinect:0003") == "kinect:0003"
    assert again.recall("kinect") == "kinect?fps=5"  # as the last one was
    again.keep("0002", KinectSettings())
    assert again.recall("kinect:0002") == "kinect:0002"


@pytest.mark.parametrize("uri", ["kinect:0001?fps=15", "kinect:0001?", "simulated", "realsense:0001", "/r/kinect"])
def test_what_is_told_counts_and_others_are_left_alone(memory: CameraMemory, uri: str) -> None:
    memory.keep("0001", OTHER)
    assert memory.recall(uri) == uri


def test_what_was_remembered_wrongly_is_passed_over(memory: CameraMemory, caplog: pytest.LogCaptureFixture) -> None:
    memory._settings.keep("cameras/0001", "fps=99")
    assert memory.recall("kinect:0001") == "kinect:0001"
    assert "fps=99 is unknown" in caplog.text
