"""Plays, steps, scrubs and loops what is open, and has a recording tracked completely."""

from __future__ import annotations

from collections.abc import Iterable
from time import monotonic

from PyQt5.QtCore import QEvent, Qt, pyqtSignal
from PyQt5.QtGui import QResizeEvent, QShowEvent
from PyQt5.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSpinBox, QVBoxLayout, QWidget

from dphm_core.frames import TrackStatus
from dphm_core.jobs import Progress

from .frame_slider import FrameSlider
from .glyph_button import HEIGHT, Glyph, GlyphButton
from .speed_box import SpeedBox
from .track_all_box import TrackAllBox

MIN_WIDTH = 440
USUAL_FPS = 30.0
CENTISECONDS, MINUTE = 100, 60


class PlaybackBar(QWidget):
    """Shows the place in what is open and emits what the user asks for. Lives on the GUI thread.

    Of a camera it shows only that it is live, since when, and a way to hold the picture.
    """

    play_toggled = pyqtSignal(bool)
    """True: play; False: pause."""
    seek_requested = pyqtSignal(int)
    """Frame index."""
    step_requested = pyqtSignal(int)
    """By how many frames: 1 on, -1 back."""
    speed_chosen = pyqtSignal(float)
    """Factor on the recording's frame rate; infinite for as fast as possible. Told again by `set_length`."""
    loop_changed = pyqtSignal(int, int, bool)
    """First and last frame of what is selected, or of all, and whether they are looped. Told again by `set_length`."""
    track_all_requested = pyqtSignal()
    track_all_cancelled = pyqtSignal()
    saved_track_toggled = pyqtSignal(bool)
    """True: show the saved track; False: track while playing."""
    close_requested = pyqtSignal()
    """The source shall be closed."""

    def __init__(self) -> None:
        super().__init__()
        self._length: int | None = None
        self._fps, self._opened_s = USUAL_FPS, monotonic()
        self._playing = True
        self._make_transport()
        self._make_place()
        self._make_choices()
        self._arrange()
        self.set_length(None)

    @property
    def selection(self) -> tuple[int, int] | None:
        """First and last selected frame; None where nothing in particular is."""
        return None if self._length is None else self.slider.selection

    @property
    def speed(self) -> float:
        """The chosen factor on the frame rate."""
        return self.speeds.speed

    def set_length(self, length: int | None, fps: float = USUAL_FPS) -> None:
        """Begin with another source: a recording's number of frames, None of a camera; frames per second.

        Speed and loop stay as they were chosen. The selection does where a recording of the same size comes, as when
        its saved track is shown instead.
        """
        fps = fps if fps > 0 else USUAL_FPS
        same = (length, fps) == (self._length, self._fps)
        self._length, self._fps, self._opened_s = length, fps, monotonic()
        if not same:
            self.slider.set_length(length or 1)
        self.slider.set_marks((), ())
        self._set_silently(self.frame, 1, length or 1)
        self.position.setText("live" if length is None else f"/ {length}")
        self.track_all.set_saved(False, False)
        self._tell_place(self.slider.value())
        self.time.setMinimumWidth(0)
        self.time.setMinimumWidth(self.time.sizeHint().width())  # so that nothing beside it trembles
        self._fit()
        if length is not None:
            self.speed_chosen.emit(self.speed)
            self._tell_loop()

    def set_playing(self, playing: bool) -> None:
        """Show whether frames run."""
        if playing == self._playing:
            return
        self._playing = playing
        glyph, name = (Glyph.PAUSE, "Pause") if playing else (Glyph.PLAY, "Play")
        self.play.show_as(glyph, name, f"{name} (Space)")
        if self._length is None:
            self.position.setText("live" if playing else "held")

    def set_position(self, index: int) -> None:
        """Show the frame on screen, unless the user is dragging to another."""
        self.slider.show_value(index)
        if not self.slider.isSliderDown():
            self._tell_place(index)

    def set_marks(self, indices: Iterable[int], statuses: Iterable[TrackStatus]) -> None:
        """Mark how tracking went in these frames, and in no others."""
        self.slider.set_marks(indices, statuses)

    def mark_live(self, index: int, status: TrackStatus) -> None:
        """Mark how tracking went in one more frame."""
        self.slider.mark(index, status)

    def show_job(self, progress: Progress | None) -> None:
        """Show how far tracking all frames is; None: it is not under way."""
        was_busy = self.track_all.busy
        self.track_all.show_job(progress)
        if self.track_all.busy != was_busy:
            self._fit()

    def set_saved(self, available: bool, shown: bool) -> None:
        """Tell whether there is a complete track, and whether it is what is shown."""
        self.track_all.set_saved(available, shown)
        self._fit()

    def begin_selection(self) -> None:
        """Let the selection begin at the frame that is shown."""
        index = self.slider.value()
        last = self.slider.maximum() if self.selection is None else self.selection[1]
        self.slider.select(index, last if index <= last else self.slider.maximum())

    def end_selection(self) -> None:
        """Let the selection end with the frame that is shown."""
        index = self.slider.value()
        first = 0 if self.selection is None else self.selection[0]
        self.slider.select(first if first <= index else 0, index)

    def clear_selection(self) -> None:
        """Select nothing in particular, which is everything."""
        self.slider.select(0, self.slider.maximum())

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Leave out what does not fit."""
        super().resizeEvent(event)
        self._fit()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Take the sizes that the style gives, which are not known before."""
        super().showEvent(event)
        for widget in self.findChildren(QWidget):
            widget.ensurePolished()
        self._fit()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        """Take other sizes with another style or font."""
        super().changeEvent(event)
        if event.type() in (QEvent.StyleChange, QEvent.FontChange) and self.isVisible():
            self._fit()

    def _make_transport(self) -> None:
        self.first = GlyphButton(Glyph.FIRST, "First frame", "First frame (Home)")
        self.step_back = GlyphButton(Glyph.BACK, "Step back", "One frame back (Left)")
        self.play = GlyphButton(Glyph.PAUSE, "Pause", "Pause (Space)")
        self.step = GlyphButton(Glyph.ON, "Step on", "One frame on (Right)")
        self.last = GlyphButton(Glyph.LAST, "Last frame", "Last frame (End)")
        self.first.clicked.connect(lambda: self.seek_requested.emit(0))
        self.last.clicked.connect(lambda: self.seek_requested.emit(self.slider.maximum()))
        self.step_back.clicked.connect(lambda: self.step_requested.emit(-1))
        self.step.clicked.connect(lambda: self.step_requested.emit(1))
        self.play.clicked.connect(lambda: self.play_toggled.emit(not self._playing))

    def _make_place(self) -> None:
        self.slider = FrameSlider()
        self.slider.describe = self._describe
        self.slider.valueChanged.connect(self._moved)
        self.slider.selection_changed.connect(self._selected)
        self.frame = QSpinBox()
        self.frame.setButtonSymbols(QSpinBox.NoButtons)
        self.frame.setAlignment(Qt.AlignRight)
        self.frame.setKeyboardTracking(False)
        self.frame.setFocusPolicy(Qt.StrongFocus)
        self.frame.setAccessibleName("Frame")
        self.frame.setToolTip("Frame: type a number to go there. Files count from 0: frame 1 is 00000.")
        self.frame.valueChanged.connect(lambda number: self.seek_requested.emit(number - 1))
        self.frame.editingFinished.connect(self.frame.clearFocus)
        self.position, self.time = QLabel(), QLabel()
        self.time.setToolTip("Time of the frame, and of the last one")

    def _make_choices(self) -> None:
        self.speeds = SpeedBox()
        self.speeds.chosen.connect(self.speed_chosen)
        self.loop = GlyphButton(Glyph.LOOP, "Loop", "Play the selection, or everything, again and again (Ctrl+L)")
        self.loop.setCheckable(True)
        self.loop.toggled.connect(self._tell_loop)
        self.begin = GlyphButton(Glyph.IN, "Selection begins", "The selection begins at this frame (I)")
        self.end = GlyphButton(Glyph.OUT, "Selection ends", "The selection ends at this frame (O)")
        self.clear = GlyphButton(Glyph.CLEAR, "Clear selection", "Select nothing")
        self.begin.clicked.connect(self.begin_selection)
        self.end.clicked.connect(self.end_selection)
        self.clear.clicked.connect(self.clear_selection)
        self.track_all = TrackAllBox()
        self.track_all.requested.connect(self.track_all_requested)
        self.track_all.cancelled.connect(self.track_all_cancelled)
        self.track_all.saved_toggled.connect(self.saved_track_toggled)
        self.close_source = QPushButton("Close")
        self.close_source.setFocusPolicy(Qt.TabFocus)
        self.close_source.clicked.connect(self.close_requested)

    def _arrange(self) -> None:
        self.setMinimumWidth(MIN_WIDTH)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(8, 4, 8, 6)
        rows.setSpacing(2)
        rows.addWidget(self.slider)
        self._row = QHBoxLayout()
        self._row.setSpacing(4)
        rows.addLayout(self._row)
        transport = (self.first, self.step_back, self.play, self.step, self.last)
        for part in (*transport, 8, self.frame, self.position, 8, self.time, 8, self.speeds, self.loop, 8):
            self._row.addSpacing(part) if isinstance(part, int) else self._row.addWidget(part)
        for part in (self.begin, self.end, self.clear):
            self._row.addWidget(part)
        self._row.addStretch(1)
        self._row.addWidget(self.track_all)
        self._row.addWidget(self.close_source)
        for widget in (self.frame, self.speeds, self.close_source):
            widget.setFixedHeight(HEIGHT)
        # Where there is too little room these go one after the other, and names get short: there are keys for the same.
        # Those beside "Play" go last, so that it stays where it is.
        self._dispensable = (
            (self.close_source,), (), (self.begin, self.end), (self.time,), (self.clear,), (self.first, self.last),
            (self.speeds,), (self.loop, self.position), (self.step_back, self.step),
        )  # fmt: skip
        recorded = (self.slider, self.step_back, self.step, self.frame, self.speeds, self.loop, self.track_all)
        self._of_recordings = (*recorded, self.first, self.last, self.begin, self.end)

    def _fit(self) -> None:
        """Show what belongs to what is open, as far as there is room."""
        for widget in self._of_recordings:
            widget.setVisible(self._length is not None)
        self.clear.setVisible(self.selection is not None)
        for widget in (self.position, self.time, self.close_source):
            widget.show()
        self.track_all.set_short(False)
        margins = self.layout().contentsMargins()
        room = self.width() - margins.left() - margins.right()
        for widgets in self._dispensable:
            self.track_all.layout().invalidate()  # else sizes are those of what was shown before
            self.track_all.updateGeometry()
            self._row.invalidate()
            if self._row.minimumSize().width() <= room:
                break
            for widget in widgets:
                widget.hide()
            if not widgets:
                self.track_all.set_short(True)

    def _moved(self, index: int) -> None:
        self._tell_place(index)
        self.seek_requested.emit(index)

    def _selected(self) -> None:
        self._fit()
        self._tell_loop()

    def _tell_loop(self) -> None:
        first, last = self.slider.selection or (0, self.slider.maximum())
        self.loop_changed.emit(first, last, self.loop.isChecked())

    def _tell_place(self, index: int) -> None:
        if self._length is None:
            self.time.setText(clock(monotonic() - self._opened_s).partition(".")[0])
            return
        self.time.setText(f"{clock(index / self._fps)} / {clock((self._length - 1) / self._fps)}")
        if not self.frame.hasFocus():
            self._set_silently(self.frame, index + 1, self._length)

    def _set_silently(self, box: QSpinBox, value: int, maximum: int) -> None:
        box.blockSignals(True)
        box.setRange(1, maximum)
        box.setValue(value)
        box.blockSignals(False)

    def _describe(self, index: int) -> str:
        status = self.slider.status(index)
        return f"frame {index + 1}, {clock(index / self._fps)}" + ("" if status is None else f": {status.value}")


def clock(seconds: float) -> str:
    """Minutes, seconds and hundredths."""
    whole, rest = divmod(round(seconds * CENTISECONDS), CENTISECONDS)
    return f"{whole // MINUTE:02d}:{whole % MINUTE:02d}.{rest:02d}"
