"""Where tracked frames are streamed to: a row for each protocol, with its address and how it goes; and a sign of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PyQt5.QtCore import Qt, pyqtSignal
from PyQt5.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from dphm_core.errors import SettingError
from dphm_core.streaming.address import DEFAULT_PORTS, LOOPBACK, StreamAddress, StreamKind
from dphm_core.streaming.stream import StreamStatus

from .message_bar import MessageBar

PROTOCOLS: dict[StreamKind, tuple[str, str]] = {
    "osc": ("OSC", "One bundle per frame, for TouchDesigner, Max, Unity and others"),
    "vmc": ("VMC", "Head and blendshapes for avatars: VSeeFace, Warudo, VNyan and others"),
    "udp": ("JSON over UDP", "One datagram per frame, for programs of your own"),
    "ws": ("WebSocket", "A server on this computer, for pages and programs that connect to it"),
}
ADDRESS_WIDTH_EM, STATE_WIDTH_EM = 13, 26
ROOM_PX = 4
LOCAL = "Nothing leaves this computer unless an address names another one."


@dataclass(frozen=True)
class _Row:
    """The widgets of one protocol."""

    tick: QCheckBox
    address: QLineEdit
    state: QLabel


class StreamDialog(QDialog):
    """Asks where to stream to, and shows how it goes; leaves the window usable. Lives on the GUI thread."""

    start_requested = pyqtSignal(list, bool)
    """`StreamAddress`es, and whether directions of gaze come from the face detector."""
    stop_requested = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Stream")
        self._running = False
        self.rows = {kind: self._row(kind) for kind in PROTOCOLS}
        self.gaze = QCheckBox("Directions of gaze from the picture")
        self.gaze.setToolTip(
            "A depth camera does not see pupils. The face detector guesses from colour where they look."
        )
        self.message, self.buttons = MessageBar(), QDialogButtonBox()
        self.go = self.buttons.addButton("Start", QDialogButtonBox.ActionRole)
        leave = self.buttons.addButton("Close", QDialogButtonBox.RejectRole)
        leave.setToolTip("Streams go on.")
        self.go.setDefault(True)
        self.go.clicked.connect(self._clicked)
        self.buttons.rejected.connect(self.close)
        self._assemble()
        self.show_statuses(None)

    def state(self) -> dict[str, Any]:
        """Return the choices, as JSON can hold them."""
        rows = {kind: {"on": row.tick.isChecked(), "address": row.address.text()} for kind, row in self.rows.items()}
        return {"rows": rows, "gaze": self.gaze.isChecked()}

    def restore(self, state: Any) -> None:
        """Take choices of `state`; what makes no sense is passed over. Nothing begins by that."""
        remembered = state if isinstance(state, dict) else {}
        rows = remembered.get("rows")
        for kind, row in self.rows.items():
            found = rows.get(kind) if isinstance(rows, dict) else None
            if isinstance(found, dict) and isinstance(found.get("address"), str):
                row.tick.setChecked(found.get("on") is True)
                row.address.setText(found["address"])
        self.gaze.setChecked(remembered.get("gaze") is True)

    def show_statuses(self, statuses: Sequence[StreamStatus] | None) -> None:
        """Show how streams go; None where there are none."""
        self._running = statuses is not None
        self.go.setText("Stop" if self._running else "Start")
        for widget in (self.gaze, *(part for row in self.rows.values() for part in (row.tick, row.address))):
            widget.setEnabled(not self._running)
        told = {status.address.kind: status.words for status in statuses or ()}
        for kind, row in self.rows.items():
            row.state.setText(told.get(kind, "off" if self._running else ""))
            row.state.setToolTip(told.get(kind, ""))

    def _clicked(self) -> None:
        if self._running:
            self.stop_requested.emit()
            return
        try:
            addresses = [self._address(kind, row) for kind, row in self.rows.items() if row.tick.isChecked()]
        except SettingError as error:
            self.message.tell(str(error))
            return
        if not addresses:
            self.message.tell("Choose at least one protocol.")
            return
        self.message.hide()
        self.start_requested.emit(addresses, self.gaze.isChecked())

    def _address(self, kind: StreamKind, row: _Row) -> StreamAddress:
        """What is written in a row, with or without its protocol."""
        text = row.address.text().strip()
        address = StreamAddress.parse(text if "://" in text else f"{kind}://{text}")
        if address.kind != kind:
            raise SettingError(f"'{text}' is not for {PROTOCOLS[kind][0]}; its row takes {kind}://HOST:PORT")
        return address

    def _row(self, kind: StreamKind) -> _Row:
        title, use = PROTOCOLS[kind]
        row = _Row(QCheckBox(title), QLineEdit(f"{LOOPBACK}:{DEFAULT_PORTS[kind]}"), QLabel())
        row.tick.setToolTip(use)
        row.address.setToolTip("HOST:PORT" if kind != "ws" else "HOST:PORT; with ?vertices=1 behind it also the mesh")
        row.address.textEdited.connect(lambda _text: row.tick.setChecked(True))
        row.state.setTextFormat(Qt.PlainText)
        row.state.setWordWrap(True)
        em = self.fontMetrics().horizontalAdvance("m")
        row.address.setMinimumWidth(ADDRESS_WIDTH_EM * em)
        row.state.setMinimumWidth(STATE_WIDTH_EM * em)
        row.state.setMinimumHeight(2 * self.fontMetrics().lineSpacing() + ROOM_PX)
        return row

    def _assemble(self) -> None:
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        for number, row in enumerate(self.rows.values()):
            for column, widget in enumerate((row.tick, row.address, row.state)):
                grid.addWidget(widget, number, column)
        grid.setColumnStretch(2, 1)
        column_layout = QVBoxLayout(self)
        column_layout.addWidget(self.message)
        column_layout.addLayout(grid)
        column_layout.addWidget(self.gaze)
        column_layout.addWidget(QLabel(LOCAL))
        column_layout.addWidget(self.buttons)


class StreamSign(QPushButton):
    """Tells that frames are streamed, and whether that goes well; not there while none are. Lives on the GUI thread."""

    def __init__(self) -> None:
        super().__init__()
        self.setFlat(True)
        self.setFocusPolicy(Qt.TabFocus)
        self.show_statuses(None)

    def show_statuses(self, statuses: Sequence[StreamStatus] | None) -> None:
        """Show how streams go; None where there are none."""
        self.setVisible(statuses is not None)
        wrong = [status for status in statuses or () if status.error is not None]
        sent = sum(status.sent for status in statuses or ())
        self.setText("▲ Streaming – problem" if wrong else f"● Streaming – {sent} sent")
        self.setToolTip("\n".join(f"{status.address}: {status.words}" for status in statuses or ()))
