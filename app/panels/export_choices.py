"""What to export, and in which format, axes and unit: a form that explains each choice."""

from __future__ import annotations

from typing import Any

from PyQt5.QtCore import QSignalBlocker, Qt, pyqtSignal
from PyQt5.QtWidgets import QCheckBox, QComboBox, QFormLayout, QLabel, QVBoxLayout, QWidget

from dphm_core.export.convention import AXES
from dphm_core.export.options import ExportOptions
from dphm_core.meshing.formats import EVERY, FORMATS, chosen_formats
from dphm_core.sources.selection import Selection

from .form_parts import choice, explained, explanation, in_a_row, number
from .mesh_details import MeshDetails
from .more_formats import MoreFormats

MESHES = {"all": "All frames", "current": "The frame on screen"}
CODES = {
    "csv": "CSV – a table, for Excel", "jsonl": "JSON – one line per frame", "npz": "NPZ – arrays, for Python",
    "livelink": "Live Link Face – ARKit's blendshapes", "official": "DPHM tracking file – imported models",
    "all": "All of these formats",
}  # fmt: skip
SPACES = {
    "camera": "In front of the camera",
    "head": "Head only, standing still",
    "canonical": "Head only, in the model's size",
}
SPACE_WORDS = {
    "camera": "The head moves as it was seen; the camera is in the origin.",
    "head": "The head's movement is taken out and its expression kept.",
    "canonical": "Likewise, and everyone's head is as large as the head model's.",
}
AXES_NAMES = {"y-up": "y up", "z-up": "z up", "opencv": "OpenCV, y down"}
UNITS = {"m": "Metres", "cm": "Centimetres", "mm": "Millimetres"}
MOST_FRAMES = 10_000_000
NO_TRACK = "Track all frames first.\nUntil then only the frame on screen can be exported."
NOTHING = "There is nothing to export yet:\nno head is on screen, and no recording was tracked."
MOST_STEPS = 999


class ExportChoices(QWidget):
    """The form; knows no track. Lives on the GUI thread."""

    changed = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._saved = self._current = True
        self._wanted = "all"  # of MESHES, where both can be had
        self._recording: str | None = None
        self.meshes, self.codes = QCheckBox("Meshes"), QCheckBox("Codes and poses")
        self.which = choice(MESHES)
        self.mesh_format = choice(
            {**{name: entry.words for name, entry in FORMATS.items()}, EVERY: "All of these formats"}
        )
        self.more_formats, self.details, self.codes_format = MoreFormats(), MeshDetails(), choice(CODES)
        self.first, self.last, self.every = number(1, MOST_FRAMES), number(1, MOST_FRAMES), number(1, MOST_STEPS)
        self.space, self.axes, self.unit = choice(SPACES), choice(AXES_NAMES), choice(UNITS)
        self.space_words, self.axes_words, self.missing = explanation(), explanation(), explanation()
        self.meshes.setChecked(True)
        self.codes.setChecked(True)
        self._assemble()
        self._connect()
        self._refresh()

    @property
    def possible(self) -> bool:
        """Whether there is anything to choose."""
        return self._saved or self._current

    @property
    def ready(self) -> bool:
        """Whether anything is chosen that can be exported."""
        return self._meshes() != "none" or self._codes() != "none"

    def options(self, overwrite: bool = False) -> ExportOptions:
        """Return what is chosen.

        Raises
        ------
        DphmError
            Nothing is, or no frames.
        """
        whole = not self._saved
        frames = Selection() if whole else Selection(self.first.value() - 1, self.last.value(), self.every.value())
        return ExportOptions(
            meshes=self._meshes(),
            mesh_format=self._formats,
            normals=self.details.normals.isChecked(),
            colours=self._recording if self.details.coloured else None,
            glb_targets=self.details.targets.currentData(),
            codes=self._codes(),
            frames=frames,
            space=self.space.currentData(),
            axes=self.axes.currentData(),
            unit=self.unit.currentData(),
            overwrite=overwrite,
        )

    def set_current(self, available: bool) -> None:
        """Say whether there is a mesh on screen."""
        self._current = available
        self._put(self._wanted)
        self._refresh()

    def set_saved(self, available: bool, first: int = 0, last: int | None = None) -> None:
        """Say whether there is a track of all frames, and from which index of the source to which it goes."""
        self._saved = available
        self._put(self._wanted)
        end = MOST_FRAMES if last is None else last + 1  # users count from 1, as the playback bar does
        for box, value in ((self.first, first + 1), (self.last, end)):
            blocker = QSignalBlocker(box)
            box.setRange(first + 1, end)
            box.setValue(value)
            blocker.unblock()
        for widget in (self.last, self.to):
            widget.setVisible(last is not None)  # who does not know the end exports up to it
        self._refresh()

    def set_recording(self, recording: str) -> None:
        """Say which recording was tracked, for its colours."""
        self._recording = recording
        self._refresh()

    def select(self, first: int, last: int) -> None:
        """Choose the frames from one index of the source to another, as far as the track has them."""
        self.last.setValue(last + 1)
        self.first.setValue(first + 1)

    def state(self) -> dict[str, Any]:
        """Return the choices that are worth remembering: not the frames, which are another recording's next time."""
        chosen: dict[str, Any] = {name: box.currentData() for name, box in self._combos().items()}
        ticks = {"meshes": self.meshes.isChecked(), "codes": self.codes.isChecked()}
        more = {"which": self._wanted, "more_formats": self.more_formats.chosen}
        return {**chosen, **ticks, **self.details.state(), **more}

    def restore(self, state: dict[str, Any]) -> None:
        """Take remembered choices; what is not on offer is left as it is."""
        if state.get("which") in tuple(MESHES):
            self._wanted = state["which"]
        for name, box in self._combos().items():
            if (row := box.findData(state.get(name))) >= 0:
                box.setCurrentIndex(row)
        for name, tick in (("meshes", self.meshes), ("codes", self.codes)):
            if isinstance(on := state.get(name), bool):
                tick.setChecked(on)
        self.more_formats.restore(state.get("more_formats", self.more_formats.chosen))
        self.details.restore(state)
        self._refresh()

    def _combos(self) -> dict[str, QComboBox]:
        return {
            "which": self.which, "mesh_format": self.mesh_format, "codes_format": self.codes_format,
            "space": self.space, "axes": self.axes, "unit": self.unit,
        }  # fmt: skip

    @property
    def _formats(self) -> str:
        return self.more_formats.names(self.mesh_format.currentData())

    def _meshes(self) -> Any:
        which = self.which.currentData()
        possible = self._saved if which == "all" else self._current
        return which if self.meshes.isChecked() and possible else "none"

    def _codes(self) -> Any:
        return self.codes_format.currentData() if self.codes.isChecked() and self._saved else "none"

    def _assemble(self) -> None:
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setFieldGrowthPolicy(QFormLayout.AllNonFixedFieldsGrow)
        form.setLabelAlignment(Qt.AlignLeft | Qt.AlignVCenter)
        form.setHorizontalSpacing(16)
        form.setVerticalSpacing(8)
        self.to, self.frames_label, self.frames = QLabel("to"), QLabel("Frames"), QWidget()
        meshes = QVBoxLayout()
        meshes.addLayout(in_a_row(self.which, self.mesh_format, self.more_formats))
        meshes.addWidget(self.details)
        form.addRow(self.meshes, meshes)
        form.addRow(self.codes, explained(self.codes_format, self.missing))
        row = in_a_row(self.first, self.to, self.last, QLabel("every"), self.every)
        row.setContentsMargins(0, 0, 0, 0)
        row.addStretch()
        self.frames.setLayout(row)
        form.addRow(self.frames_label, self.frames)
        form.addRow("Space", explained(self.space, self.space_words))
        form.addRow("Axes", explained(self.axes, self.axes_words))
        form.addRow("Unit", self.unit)
        for box in (self.first, self.last):
            box.setToolTip("Counted from 1, as below the view. Files count from 0: frame 1 is 00000.")
        self.every.setToolTip("1 takes every frame, 2 every second one, …")

    def _connect(self) -> None:
        for box in self._combos().values():
            box.currentIndexChanged.connect(self._refresh)
        self.which.activated.connect(self._choose)
        for tick in (self.meshes, self.codes):
            tick.toggled.connect(self._refresh)
        for box in (self.first, self.last, self.every):
            box.valueChanged.connect(self._refresh)
        self.more_formats.changed.connect(self._refresh)
        self.details.changed.connect(self.changed)

    def _put(self, which: str) -> None:
        self.which.blockSignals(True)
        self.which.setCurrentIndex(self.which.findData(which))
        self.which.blockSignals(False)

    def _choose(self, row: int) -> None:
        self._wanted = self.which.itemData(row)

    def _refresh(self) -> None:
        """Offer what can be exported, and explain what is chosen."""
        self.first.setMaximum(self.last.value())
        self.last.setMinimum(self.first.value())
        for row, possible in enumerate((self._saved, self._current)):
            self.which.model().item(row).setEnabled(possible)
        if self._saved != self._current:  # one is left
            self._put("all" if self._saved else "current")
        self.meshes.setEnabled(self.possible)
        self.codes.setEnabled(self._saved)
        self.missing.setText(NO_TRACK if self._current else NOTHING)
        self.missing.setVisible(not self._saved)
        for box in (self.which, self.mesh_format):
            box.setEnabled(self.meshes.isEnabled() and self.meshes.isChecked())
        self.more_formats.offer(self.mesh_format.currentData(), self.mesh_format.isEnabled())
        wanted = chosen_formats(self._formats) if self._meshes() != "none" else []
        self.details.offer(wanted, self._meshes() == "all", self._recording)
        self.codes_format.setEnabled(self._saved and self.codes.isChecked())
        ranged = self._saved and (self._meshes() == "all" or self._codes() != "none")
        for widget in (self.frames_label, self.frames):
            widget.setVisible(self._saved)
            widget.setEnabled(ranged)
        space, rule = self.space.currentData(), AXES[self.axes.currentData()]
        self.space_words.setText(SPACE_WORDS[space])
        where = rule.camera if space == "camera" else rule.head
        self.axes_words.setText(f"{where[0].upper()}{where[1:]}.\nFor {rule.used_by}.")
        self.changed.emit()
