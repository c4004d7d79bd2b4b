"""Reading other people's small JSON and text files: types, finite numbers and sizes are checked, and named if wrong."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dphm_core.errors import SourceError
from dphm_core.files import bytes_in

MAX_TEXT_BYTES = 64 << 20
"""Largest calibration or meta file: a day of per-frame entries at 30 fps."""
MAX_SIDE = 8192
"""Largest image side that any supported camera could give, pixels."""
COPY_AGAIN = "copy it again from where it came from, or mend it in a text editor"
"""What to do about a damaged file."""


def read_text(path: Path) -> str:
    """Text of a small UTF-8 file, or SourceError."""
    try:
        if bytes_in(path) > MAX_TEXT_BYTES:
            raise SourceError(
                f"{path} is larger than {MAX_TEXT_BYTES >> 20} MiB, too large for such a file; {COPY_AGAIN}"
            )
        return path.read_text(encoding="utf-8-sig")  # Windows begins text with a mark of its own
    except UnicodeDecodeError as error:
        raise SourceError(f"{path} is no text; {COPY_AGAIN}") from error
    except OSError as error:
        raise SourceError(f"{path} cannot be read ({error.strerror}); check its permissions") from error


def first_bytes(path: Path, count: int) -> bytes:
    """So many bytes that a file begins with, fewer of a shorter one; SourceError where it cannot be read."""
    try:
        bytes_in(path)
        with path.open("rb") as file:
            return file.read(count)
    except OSError as error:
        raise SourceError(f"{path} cannot be read ({error.strerror}); check its permissions") from error


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object, or raise SourceError."""
    try:
        content = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{path} is not valid JSON ({error}); {COPY_AGAIN}") from error
    if not isinstance(content, dict):
        raise SourceError(f"{path} must hold a JSON object, not a {type(content).__name__}; {COPY_AGAIN}")
    return content


def number(value: object, name: str, path: Path, *, low: float = -1e12, high: float = 1e12) -> float:
    """Check that a JSON value is a finite number in [low, high] and return it; `name` is its field."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise SourceError(f"{path}: '{name}' must be a number, not {value!r:.60}; {COPY_AGAIN}")
    try:
        result = float(value)
    except OverflowError:
        result = math.inf
    if not low <= result <= high:
        raise SourceError(f"{path}: '{name}' is {result:g}; it must lie between {low:g} and {high:g}")
    return result


def field(
    fields: Mapping[str, Any],
    name: str,
    path: Path,
    *,
    low: float = -1e12,
    high: float = 1e12,
    default: float | None = None,
) -> float:
    """Read a number by its field's name; SourceError where it is absent without a default, or absurd."""
    if name not in fields:
        if default is None:
            raise SourceError(f"{path}: '{name}' is missing; add it")
        return default
    return number(fields[name], name, path, low=low, high=high)


def side(fields: Mapping[str, Any], name: str, path: Path) -> int | None:
    """Read an image side in pixels; None where the file does not say."""
    if name not in fields:
        return None
    value = field(fields, name, path, low=1, high=MAX_SIDE)
    if value != int(value):
        raise SourceError(f"{path}: '{name}' must be a whole number of pixels, not {value:g}; {COPY_AGAIN}")
    return int(value)
