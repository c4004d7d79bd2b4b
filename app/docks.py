"""The panels beside the view: the picture above, the others as tabs below."""

from __future__ import annotations

from itertools import pairwise

from PyQt5.QtCore import QObject, Qt
from PyQt5.QtWidgets import QDockWidget, QMainWindow, QScrollArea, QTabWidget, QVBoxLayout, QWidget

WIDTH_EM = 26
"""Of the panels, in widths of an "m"."""
SCROLL_GAP = 4
"""Pixels between a panel's figures and its scroll bar."""
FIRST_WIDTH, FIRST_HEIGHTS = 330, (210, 400)
"""Pixels that are asked for; the panels' own needs come first."""


def add_docks(studio: QMainWindow, picture: QWidget, others: dict[str, QWidget]) -> list[QDockWidget]:
    """Put panels to the right of a window's middle, each in a dock named by its title."""
    above = _dock(studio, "Picture", picture)
    tabs = [_dock(studio, title, _scrollable(widget)) for title, widget in others.items()]
    for before, after in pairwise(tabs):
        studio.tabifyDockWidget(before, after)
    _DockNames(studio, tabs)
    tabs[0].raise_()
    studio.setTabPosition(Qt.RightDockWidgetArea, QTabWidget.North)
    studio.resizeDocks([above, tabs[0]], list(FIRST_HEIGHTS), Qt.Vertical)
    studio.resizeDocks([above], [FIRST_WIDTH], Qt.Horizontal)
    return [above, *tabs]


class _DockNames(QObject):
    """Names docks once: by their tab, or by a title where they have none. Only a title can be dragged back."""

    def __init__(self, studio: QMainWindow, docks: list[QDockWidget]) -> None:
        super().__init__(studio)
        self._studio, self._docks = studio, docks
        for dock in docks:
            for moved in (dock.visibilityChanged, dock.topLevelChanged):
                moved.connect(self._name, Qt.QueuedConnection)  # once Qt is through with moving it
        self._name()

    def _name(self) -> None:
        for dock in self._docks:
            beside = [other for other in self._studio.tabifiedDockWidgets(dock) if not other.isHidden()]
            has_tab = bool(beside) and not dock.isFloating()
            empty_title = dock.titleBarWidget()
            if has_tab and empty_title is None:
                dock.setTitleBarWidget(QWidget())
            elif empty_title is not None and not has_tab:
                dock.setTitleBarWidget(None)
                empty_title.deleteLater()  # Qt keeps it, hidden


def _dock(studio: QMainWindow, title: str, widget: QWidget) -> QDockWidget:
    dock = QDockWidget(title, studio)
    dock.setObjectName(title.lower())
    content = QWidget()
    column = QVBoxLayout(content)
    column.setContentsMargins(8, 8, 8, 8)
    column.addWidget(widget)
    content.setMinimumWidth(WIDTH_EM * studio.fontMetrics().horizontalAdvance("m"))
    dock.setWidget(content)
    studio.addDockWidget(Qt.RightDockWidgetArea, dock)
    return dock


def _scrollable(widget: QWidget) -> QScrollArea:
    """A panel that can be scrolled where the window is low."""
    content = QWidget()
    column = QVBoxLayout(content)
    column.setContentsMargins(0, 0, SCROLL_GAP, 0)
    column.addWidget(widget)
    column.addStretch()
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QScrollArea.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarAlwaysOff)
    area.setWidget(content)
    return area
