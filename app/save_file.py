"""Asks where to save a file."""

from __future__ import annotations

from pathlib import Path

from PyQt5.QtWidgets import QFileDialog, QWidget


def ask_where_to_save(parent: QWidget, title: str, suggested: Path, kind: str) -> Path | None:
    """Let the user name a file; None where they think better of it.

    The extension is added by the dialog itself, so that it asks about the very file that would be replaced.

    Parameters
    ----------
    parent
        Window before which the dialog stands.
    title
        Of the dialog.
    suggested
        File that it begins with; its extension is the usual one.
    kind
        What files are shown: "Videos (*.mp4)".
    """
    dialog = QFileDialog(parent, title, str(suggested.parent), kind)
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setDefaultSuffix(suggested.suffix)
    dialog.selectFile(suggested.name)
    chosen = dialog.selectedFiles() if dialog.exec_() else []
    dialog.deleteLater()
    return Path(chosen[0]) if chosen else None
