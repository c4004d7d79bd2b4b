"""A list of things to open, two lines each; or a text where there are none."""

from __future__ import annotations

from collections.abc import Sequence

from PyQt5.QtCore import QModelIndex, QPoint, QSize, Qt, pyqtSignal
from PyQt5.QtGui import QKeyEvent, QPainter, QPalette
from PyQt5.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QStackedWidget,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from ..source_choices import Choice

URI, DETAIL = Qt.UserRole, Qt.UserRole + 1
MARGIN = 7
"""Around the text of a row, pixels."""
RADIUS = 4.0
"""Of the corners of the row under the mouse, pixels."""


class ChoiceList(QStackedWidget):
    """Shows choices, opens the one that is clicked, or Return is pressed on. Lives on the GUI thread.

    Parameters
    ----------
    removable
        Whether a row can be taken from the list by its context menu.
    """

    chosen = pyqtSignal(str)
    """URI of the row."""
    remove_requested = pyqtSignal(str)
    """URI of a row that the user wants to be gone."""

    def __init__(self, removable: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows = _Rows()
        self.rows.setItemDelegate(_TwoLines(self.rows))
        self.rows.picked.connect(self._pick)
        self.hint = QLabel()
        self.hint.setObjectName("faint")
        self.hint.setWordWrap(True)
        self.hint.setAlignment(Qt.AlignTop | Qt.AlignLeft)
        self.hint.setContentsMargins(MARGIN, MARGIN, MARGIN, MARGIN)
        self.addWidget(self.rows)
        self.addWidget(self.hint)
        if removable:
            self.rows.setContextMenuPolicy(Qt.CustomContextMenu)
            self.rows.customContextMenuRequested.connect(self._show_menu)

    def show_choices(self, choices: Sequence[Choice], hint: str) -> None:
        """Show these, or the hint where there are none."""
        self.rows.clear()
        for choice in choices:
            item = QListWidgetItem(choice.title, self.rows)
            item.setData(URI, choice.uri)
            item.setData(DETAIL, choice.detail)
            item.setToolTip(f"{choice.title}\n{choice.detail}")
            if not choice.usable:
                item.setForeground(self.palette().brush(QPalette.Disabled, QPalette.Text))
        self.hint.setText(hint)
        self.setCurrentWidget(self.rows if choices else self.hint)

    def wanted_height(self) -> int:
        """Pixels that all rows take."""
        row = 2 * self.fontMetrics().height() + 2 * MARGIN
        return row * max(1, self.rows.count())

    def _pick(self, item: QListWidgetItem) -> None:
        self.chosen.emit(item.data(URI))

    def _show_menu(self, position: QPoint) -> None:
        item = self.rows.itemAt(position)
        if item is not None:
            menu = self.menu_of(item)
            menu.exec_(self.rows.viewport().mapToGlobal(position))
            menu.deleteLater()

    def menu_of(self, item: QListWidgetItem) -> QMenu:
        """Make the context menu of a row."""
        uri = item.data(URI)
        menu = QMenu(self)
        menu.addAction("Open", lambda: self.chosen.emit(uri))
        menu.addAction("Remove from this list", lambda: self.remove_requested.emit(uri))
        return menu


class _Rows(QListWidget):
    """A plain list of which a row is picked by one click, Return or Enter."""

    picked = pyqtSignal(object)

    def __init__(self) -> None:
        super().__init__()
        self.setFrameShape(QFrame.NoFrame)
        self.setAutoFillBackground(False)
        self.viewport().setAutoFillBackground(False)
        self.setMouseTracking(True)
        self.setVerticalScrollMode(QAbstractItemView.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarAlwaysOff)
        self.itemClicked.connect(self.picked.emit)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Return and Enter open the current row; a double click must not do it a second time."""
        if event.key() in (Qt.Key_Return, Qt.Key_Enter) and self.currentItem() is not None:
            self.picked.emit(self.currentItem())
        else:
            super().keyPressEvent(event)


class _TwoLines(QStyledItemDelegate):
    """Paints a title above its detail, cut in the middle where it is too long."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:  # noqa: ARG002, N802 - Qt's
        """Height of both lines; the list gives the width."""
        return QSize(0, 2 * option.fontMetrics.height() + 2 * MARGIN)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        """Paint one row."""
        palette = option.palette
        painter.save()
        painter.setRenderHint(QPainter.Antialiasing)
        under_mouse = bool(option.state & QStyle.State_MouseOver)
        if under_mouse or option.state & QStyle.State_HasFocus:
            painter.setPen(Qt.NoPen if under_mouse else palette.color(QPalette.Mid))
            painter.setBrush(palette.color(QPalette.AlternateBase) if under_mouse else Qt.NoBrush)
            painter.drawRoundedRect(option.rect.adjusted(1, 1, -1, -1), RADIUS, RADIUS)
        text = option.rect.adjusted(MARGIN, MARGIN, -MARGIN, -MARGIN)
        line = option.fontMetrics.height()
        foreground = index.data(Qt.ForegroundRole)
        title = palette.color(QPalette.Text) if foreground is None else foreground.color()
        for top, content, color in (
            (0, index.data(Qt.DisplayRole), title),
            (line, index.data(DETAIL), palette.color(QPalette.PlaceholderText)),
        ):
            painter.setPen(color)
            fitted = option.fontMetrics.elidedText(content, Qt.ElideMiddle, text.width())
            painter.drawText(text.adjusted(0, top, 0, 0), Qt.AlignLeft | Qt.AlignTop, fitted)
        painter.restore()
