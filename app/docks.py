"""The panels beside the view: the picture above, the others as tabs below."""

from __future__ import annotations

from itertools import pairwise

from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import QDockWidget, QMainWindow, QScrollArea, QTabWidget, QVBoxLayout, QWidget

WIDTH_EM = 26
"""Of the panels, in widths of an "m"."""
FIRST_WIDTH, FIRST_HEIGHTS = 330, (210, 400)
"""Pixels that are asked for; the panels' own needs come first."""


def add_docks(studio: QMainWindow, picture: QWidget, others: dict[str, QWidget]) -> list[QDockWidget]:
    """Put panels to the right of a window's middle, each in a dock named by its title."""
    above = _dock(studio, "Picture", picture)
    tabs = [_dock(studio, title, _scrollable(widget)) for title, widget in others.items()]
    for before, after in pairwise(tabs):
        studio.tabifyDockWidget(before, after)
    for tab in tabs:
        tab.setTitleBarWidget(QWidget())  # the tab says it already
    tabs[0].raise_()
    studio.setTabPosition(Qt.RightDockWidgetArea, QTabWidget.North)
    studio.resizeDocks([above, tabs[0]], list(FIRST_HEIGHTS), Qt.Vertical)
    studio.resizeDocks([above], [FIRST_WIDTH], Qt.Horizontal)
    return [above, *tabs]


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
    column.setContentsMargins(0, 0, 0, 0)
    column.addWidget(widget)
    column.addStretch()
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QScrollArea.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarAlwaysOff)
    area.setWidget(content)
    return area
