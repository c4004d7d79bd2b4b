"""Where to export to, and what to do where something lies there already."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PyQt5.QtCore import pyqtSignal
from PyQt5.QtWidgets import (
    QButtonGroup,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

if TYPE_CHECKING:
    from dphm_core.export.plan import ExportPlan


class ExportFolder(QWidget):
    """A folder, and the question about what it holds; looks at no disk itself. Lives on the GUI thread."""

    changed = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._other: Path | None = None
        self.line, self.browse = QLineEdit(), QPushButton("Browse…")
        self.browse.setAutoDefault(False)
        self.line.textChanged.connect(self._renamed)
        self.browse.clicked.connect(self._browse)
        self.keep, self.replace = QRadioButton(), QRadioButton("Replace the earlier export; other files stay")
        self.keep.setChecked(True)
        self.question = QWidget()
        asked = QVBoxLayout(self.question)
        asked.setContentsMargins(0, 0, 0, 0)
        asked.addWidget(QLabel("There is something in this folder already."))
        group = QButtonGroup(self)
        for answer in (self.keep, self.replace):
            group.addButton(answer)
            asked.addWidget(answer)
        where = QHBoxLayout()
        where.addWidget(QLabel("Folder"))
        where.addWidget(self.line, stretch=1)
        where.addWidget(self.browse)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(where)
        layout.addWidget(self.question)
        self.ask(None)

    @property
    def path(self) -> Path | None:
        """What is in the line, seen from the user's own folder; None where it is empty."""
        text = self.line.text().strip()
        if not text:
            return None
        try:
            return Path.home() / Path(text).expanduser()
        except RuntimeError:  # "~" and no user's name
            return Path.home() / text

    @property
    def overwrite(self) -> bool:
        """Whether an earlier export shall be replaced."""
        return self._other is not None and self.replace.isChecked()

    def ask(self, plan: ExportPlan | None) -> None:
        """Ask what to do about what is in the folder, where the plan says that there is something."""
        self._other = None if plan is None else plan.other_folder
        self.question.setVisible(self._other is not None)
        if self._other is not None:
            self.keep.setText(f"Keep it, and export to “{self._other.name}” beside it")

    def settle(self) -> Path | None:
        """Return where to write to; the line shows it, too."""
        if self._other is not None and self.keep.isChecked():
            self.take(self._other)
        return self.path

    def take(self, folder: Path) -> None:
        """Show where it is written to, without a signal; nothing is left to ask about that."""
        self.line.blockSignals(True)
        self.line.setText(str(folder))
        self.line.blockSignals(False)
        self.ask(None)

    def _renamed(self) -> None:
        """Another folder: what was answered about the last one does not hold for it."""
        self.keep.setChecked(True)
        self.ask(None)
        self.changed.emit()

    def _browse(self) -> None:
        if chosen := QFileDialog.getExistingDirectory(self, "Export to", self.line.text()):
            self.line.setText(chosen)
