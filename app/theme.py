"""Colours and sizes of the window, dark and light.

Those that mean something can be told apart by colour-blind people (after Okabe and Ito).
"""

from __future__ import annotations

from dataclasses import dataclass

from PyQt5.QtGui import QColor, QPalette
from PyQt5.QtWidgets import QApplication

from dphm_core.frames import TrackStatus


@dataclass(frozen=True)
class Theme:
    """Colours of one look."""

    name: str
    window: str
    """Behind everything."""
    base: str
    """Of fields, buttons and plots."""
    raised: str
    """Of a button under the mouse."""
    line: str
    """Borders and grooves."""
    text: str
    faint: str
    """Text of less weight."""
    accent: str
    """What is switched on, and curves."""
    view: str
    """Behind the 3-D view."""


DARK = Theme("dark", "#1e2228", "#2c323b", "#38404b", "#3a424d", "#d8dde4", "#8b95a1", "#7fb2ff", "#15181d")
LIGHT = Theme("light", "#f3f4f6", "#ffffff", "#e4e8ee", "#c3cad3", "#1d232b", "#667180", "#1f6fd6", "#dfe3e8")
THEMES = {theme.name: theme for theme in (DARK, LIGHT)}

STATUS_COLORS = {
    TrackStatus.SEARCHING: "#e69f00",
    TrackStatus.CALIBRATING: "#56b4e9",
    TrackStatus.TRACKING: "#009e73",
    TrackStatus.LOST: "#d55e00",
}
"""Of the tracker's states: orange, sky blue, green, vermilion. Always beside a word or a sign, never alone."""
STATUS_SIGNS = {
    TrackStatus.SEARCHING: "○",
    TrackStatus.CALIBRATING: "◐",
    TrackStatus.TRACKING: "●",
    TrackStatus.LOST: "✕",
}
"""The same in one character."""


def apply_theme(application: QApplication, theme: Theme) -> None:
    """Give every widget a look; those that paint themselves take their colours from their palette."""
    palette = QPalette()
    for role, color in (
        (QPalette.Window, theme.window),
        (QPalette.WindowText, theme.text),
        (QPalette.Base, theme.base),
        (QPalette.AlternateBase, theme.raised),
        (QPalette.Text, theme.text),
        (QPalette.Button, theme.base),
        (QPalette.ButtonText, theme.text),
        (QPalette.Mid, theme.line),
        (QPalette.Highlight, theme.accent),
        (QPalette.HighlightedText, theme.window),
        (QPalette.ToolTipBase, theme.base),
        (QPalette.ToolTipText, theme.text),
        (QPalette.PlaceholderText, theme.faint),
    ):
        palette.setColor(role, QColor(color))
    for role in (QPalette.WindowText, QPalette.Text, QPalette.ButtonText):
        palette.setColor(QPalette.Disabled, role, QColor(theme.faint))
    palette.setColor(QPalette.Disabled, QPalette.Light, QColor(theme.base))  # menus print it under disabled text
    application.setPalette(palette)
    application.setStyleSheet(_style(theme))


def _style(theme: Theme) -> str:
    return f"""
QWidget {{ font-size: 13px; }}
QLabel#title {{ font-size: 30px; font-weight: 600; }}
QLabel#faint {{ color: {theme.faint}; }}
QPushButton, QToolButton {{ background: {theme.base}; border: 1px solid {theme.line}; border-radius: 4px;
    padding: 4px 10px; }}
QPushButton:hover, QToolButton:hover {{ background: {theme.raised}; }}
QPushButton:checked, QToolButton:checked {{ border-color: {theme.accent}; color: {theme.accent}; }}
QPushButton:disabled, QToolButton:disabled {{ color: {theme.faint}; }}
QSlider::groove:horizontal {{ height: 4px; background: {theme.line}; border-radius: 2px; }}
QSlider::handle:horizontal {{ width: 14px; margin: -5px 0; background: {theme.accent}; border-radius: 7px; }}
QSlider::handle:horizontal:disabled {{ background: {theme.faint}; }}
QCheckBox::indicator:unchecked, QRadioButton::indicator:unchecked {{ background: {theme.base};
    border: 1px solid {theme.faint}; border-radius: 2px; }}
QRadioButton::indicator:unchecked {{ border-radius: 7px; }}
QCheckBox::indicator:unchecked:disabled, QRadioButton::indicator:unchecked:disabled {{ border-color: {theme.line}; }}
QToolTip {{ background: {theme.base}; color: {theme.text}; border: 1px solid {theme.line}; }}
"""
