"""Colours and sizes of the window."""

STYLE = """
QWidget { background: #1e2228; color: #d8dde4; font-size: 13px; }
QLabel#title { font-size: 30px; font-weight: 600; }
QPushButton { background: #2c323b; border: 1px solid #3a424d; border-radius: 4px; padding: 5px 12px; }
QPushButton:hover { background: #38404b; }
QPushButton:disabled { color: #6b7480; }
QWidget#message { background: #5c2320; }
QWidget#message QLabel { background: transparent; }
QCheckBox::indicator { width: 13px; height: 13px; border: 1px solid #5a6572; border-radius: 3px; }
QCheckBox::indicator:checked { background: #7fb2ff; border-color: #7fb2ff; }
QSlider::groove:horizontal { height: 4px; background: #3a424d; border-radius: 2px; }
QSlider::handle:horizontal { width: 14px; margin: -5px 0; background: #7fb2ff; border-radius: 7px; }
"""
