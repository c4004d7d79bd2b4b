"""What the window remembers from one start to the next, in the user's own settings file."""

from __future__ import annotations

from collections.abc import Iterable

from PyQt5.QtCore import QByteArray, QSettings

ORGANISATION, APPLICATION = "DPHM Live", "dphm-app"


class WindowSettings:
    """Typed access to the settings file; a damaged entry counts as absent. Lives on the GUI thread.

    Parameters
    ----------
    file
        The settings; the user's own by default.
    """

    def __init__(self, file: QSettings | None = None) -> None:
        self._file = file or QSettings(QSettings.IniFormat, QSettings.UserScope, ORGANISATION, APPLICATION)

    def text(self, name: str, default: str) -> str:
        """A word."""
        value = self._file.value(name)
        return value if isinstance(value, str) else default

    def flag(self, name: str, default: bool) -> bool:
        """A yes or no."""
        return {"true": True, "false": False}.get(self.text(name, ""), default)

    def number(self, name: str, default: float) -> float:
        """A number."""
        try:
            return float(self.text(name, ""))
        except ValueError:
            return default

    def texts(self, name: str) -> list[str]:
        """A list of words."""
        value = self._file.value(name)
        values = value if isinstance(value, list) else [] if value is None else [value]
        return [text for text in values if isinstance(text, str)]

    def state(self, name: str) -> QByteArray | None:
        """What `QMainWindow.saveGeometry` or `saveState` gave."""
        value = self._file.value(name)
        return value if isinstance(value, QByteArray) else None

    def keep(self, name: str, value: str | bool | float | QByteArray | Iterable[str]) -> None:
        """Remember a value."""
        if isinstance(value, bool):
            value = "true" if value else "false"
        elif isinstance(value, float | int):
            value = repr(value)
        elif not isinstance(value, str | QByteArray):
            value = list(value)
        self._file.setValue(name, value)

    def save(self) -> None:
        """Write the file now."""
        self._file.sync()
