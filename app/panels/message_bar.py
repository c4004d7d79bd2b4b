"""A line that tells an error and goes away when clicked."""

from __future__ import annotations

from PyQt5.QtCore import Qt
from PyQt5.QtWidgets import QHBoxLayout, QLabel, QPushButton, QWidget


class MessageBar(QWidget):
    """Shows an error in the window. Lives on the GUI thread."""

    def __init__(self) -> None:
        super().__init__()
        self.setAttribute(Qt.WA_StyledBackground)
        self.setObjectName("message")
        layout = QHBoxLayout(self)
        self.text = QLabel()
        self.text.setWordWrap(True)
        self.text.setTextInteractionFlags(Qt.TextSelectableByMouse)
        dismiss = QPushButton("Dismiss")
        dismiss.clicked.connect(self.hide)
        layout.addWidget(self.text, stretch=1)
        layout.addWidget(dismiss)
        self.hide()

    def tell(self, text: str) -> None:
        """Show a message until it is dismissed or another source is opened."""
        self.text.setText(text)
        self.show()
