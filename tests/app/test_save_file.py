"""The dialog that asks where to save: the extension is its business, and so is what would be replaced."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PyQt5.QtCore import QTimer
from PyQt5.QtWidgets import QApplication, QFileDialog, QLineEdit, QMessageBox, QWidget

from app.save_file import ask_where_to_save


@pytest.fixture
def parent(qtbot) -> QWidget:
    widget = QWidget()
    qtbot.addWidget(widget)
    return widget


def soon(do: Callable[[], None]) -> None:
    QTimer.singleShot(50, do)


def type_name(name: str, then: Callable[[QFileDialog], None] | None = None) -> Callable[[], None]:
    """Type a file's name into the open dialog and press its button."""

    def act() -> None:
        dialog = next(widget for widget in QApplication.topLevelWidgets() if isinstance(widget, QFileDialog))
        if not dialog.isVisible():
            soon(act)
            return
        dialog.findChild(QLineEdit, "fileNameEdit").setText(name)
        if then is not None:
            soon(lambda: then(dialog))
        dialog.accept()

    return act


def test_the_extension_is_added(parent: QWidget, tmp_path: Path) -> None:
    soon(type_name("film"))
    assert ask_where_to_save(parent, "Make a video", tmp_path / "head.mp4", "Videos (*.mp4)") == tmp_path / "film.mp4"


def test_it_asks_about_the_file_that_would_be_replaced(parent: QWidget, tmp_path: Path) -> None:
    (tmp_path / "film.mp4").write_bytes(b"before")
    asked: list[str] = []

    def refuse(dialog: QFileDialog) -> None:
        box = QApplication.activeModalWidget()
        assert isinstance(box, QMessageBox)
        asked.append(box.text())
        box.button(QMessageBox.StandardButton.No).click()
        soon(dialog.reject)

    soon(type_name("film", refuse))
    assert ask_where_to_save(parent, "Make a video", tmp_path / "head.mp4", "Videos (*.mp4)") is None
    assert "film.mp4" in asked[0]
