"""Reading the YAML settings of a training run: plain values only, found by their dotted names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dphm_core.errors import CheckpointError
from dphm_core.files import bytes_in

MAX_FILE_BYTES = 1_000_000
MAX_VALUE = 4096
"""Largest plausible size or width."""


class Settings:
    """Nested settings of one file; what the file does not say is None."""

    def __init__(self, path: Path, values: dict[str, Any]) -> None:
        self.path = path
        self._values = values

    def value(self, name: str) -> Any:
        """Value at a dotted name, None where there is none."""
        place: Any = self._values
        for key in name.split("."):
            if not isinstance(place, dict):
                raise CheckpointError(f"{self.path} has no settings where '{name}' should be.")
            place = place.get(key)
            if place is None:
                return None
        return place

    def count(self, name: str, lowest: int = 1, highest: int = MAX_VALUE) -> int | None:
        """Whole number at a dotted name."""
        value = self.value(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
            raise CheckpointError(f"'{name}' in {self.path} is {value!r:.60}, not a number from {lowest} to {highest}.")
        return value

    def positive(self, name: str) -> float | None:
        """Positive number at a dotted name."""
        value = self.value(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= MAX_VALUE:
            raise CheckpointError(f"'{name}' in {self.path} is {value!r:.60}, not a positive number up to {MAX_VALUE}.")
        return float(value)

    def require(self, name: str, meant: object) -> None:
        """Refuse another value than `meant` at a dotted name; none at all is taken for it."""
        value = self.value(name)
        if value is not None and value != meant:
            raise CheckpointError(f"'{name}' in {self.path} is {value!r:.60}; only {meant!r} is supported.")

    def agree(self, name: str, found: object) -> None:
        """Refuse a value at a dotted name that differs from the one which the weights have."""
        value = self.value(name)
        if value is not None and value != found:
            raise CheckpointError(f"'{name}' in {self.path} is {value!r:.60}, but its checkpoint says {found!r}.")


def read_settings(path: Path) -> Settings:
    """Read a YAML file.

    Raises
    ------
    CheckpointError
        It is missing or not a mapping in plain YAML.
    """
    import yaml

    try:
        if bytes_in(path) > MAX_FILE_BYTES:
            raise CheckpointError(f"{path} is too large for a file of settings.")
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise CheckpointError(f"{path} is not a file of plain YAML settings: {reason:.200}") from error
    if not isinstance(values, dict):
        raise CheckpointError(f"{path} holds no settings.")
    return Settings(path, values)
