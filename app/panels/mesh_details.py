"""What is written with meshes: normals, the recording's colours, a GLB's targets; and which files are not."""

from __future__ import annotations

from typing import Any

from PyQt5.QtCore import pyqtSignal
from PyQt5.QtWidgets import QCheckBox, QLabel, QVBoxLayout, QWidget

from dphm_core.meshing.formats import FORMATS

from .form_parts import choice, explanation, in_a_row

TARGETS = {
    "codes": "The model's expressions, by name",
    "basis": "The fewest shapes within 0.1 mm",
    "frames": "Each mesh by itself, 256 frames at most",
}
NORMALS_TIP = "Which way each vertex faces, so that other programs shade the mesh smoothly."
COLOURS_TIP = (
    "Each vertex gets the colour that the camera sees there, and grey where it sees none.\n"
    "The recording is read for it, which takes longer."
)
TARGETS_TIP = (
    "What a GLB's movement is made of. The model's expressions can be edited by their names; a model without them "
    "takes the fewest shapes."
)
MESH_FILES = "Only PLY and OBJ files have them."
ALL_FRAMES = "Only meshes of all frames get them: track all frames, and choose “All frames”."
GLB_ONLY = "Only GLB files of all frames have morph targets."
ONE_FRAME = "Written as {} only: the others chosen hold a whole sequence."


class MeshDetails(QWidget):
    """Enabled as far as the chosen files can have it. Lives on the GUI thread."""

    changed = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.normals, self.colours = QCheckBox("Normals"), QCheckBox("Colours of the recording")
        self.targets_label, self.targets = QLabel("GLB's targets"), choice(TARGETS)
        self.one_frame = explanation()
        self.normals.setChecked(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        ticks = in_a_row(self.normals, self.colours)
        ticks.setSpacing(16)
        ticks.addStretch()
        column.addLayout(ticks)
        column.addLayout(in_a_row(self.targets_label, self.targets))
        column.addWidget(self.one_frame)
        for tick in (self.normals, self.colours):
            tick.toggled.connect(self.changed)
        self.targets.currentIndexChanged.connect(self.changed)

    def offer(self, formats: list[str], whole: bool, recording: str | None) -> None:
        """Enable what means something, and say of the rest why it does not.

        Parameters
        ----------
        formats
            Names of the formats that are written; none where no meshes are.
        whole
            Whether meshes of a whole track are written, rather than the one on screen.
        recording
            What was tracked, for its colours.
        """
        of_frames = [name for name in formats if FORMATS[name].sequence is None]
        mesh_files = bool(of_frames)
        self.one_frame.setText(ONE_FRAME.format(" and ".join(name.upper() for name in of_frames)))
        self.one_frame.setVisible(mesh_files and not whole and of_frames != formats)
        self.normals.setEnabled(mesh_files)
        self.normals.setToolTip(NORMALS_TIP if mesh_files else MESH_FILES)
        self.colours.setEnabled(mesh_files and whole and recording is not None)
        self.colours.setToolTip(COLOURS_TIP if self.colours.isEnabled() else ALL_FRAMES if mesh_files else MESH_FILES)
        for widget in (self.targets_label, self.targets):
            widget.setEnabled("glb" in formats and whole)
            widget.setToolTip(TARGETS_TIP if widget.isEnabled() else GLB_ONLY)

    @property
    def coloured(self) -> bool:
        """Whether the recording's colours are wanted, and can be had."""
        return self.colours.isEnabled() and self.colours.isChecked()

    def state(self) -> dict[str, Any]:
        """Return the choices, also those that mean nothing for the files chosen now."""
        return {
            "normals": self.normals.isChecked(),
            "colours": self.colours.isChecked(),
            "glb_targets": self.targets.currentData(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take remembered choices; what is not on offer is left as it is."""
        for name, tick in (("normals", self.normals), ("colours", self.colours)):
            if isinstance(on := state.get(name), bool):
                tick.setChecked(on)
        if (row := self.targets.findData(state.get("glb_targets"))) >= 0:
            self.targets.setCurrentIndex(row)
