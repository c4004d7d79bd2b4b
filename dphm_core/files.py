"""Writing files so that a reader never sees half of one."""

from __future__ import annotations

import os
from pathlib import Path

from dphm_core.errors import OutputError


def write_atomically(path: Path, content: bytes) -> None:
    """Write under a temporary name beside `path`, then rename.

    Raises
    ------
    OutputError
        It cannot be written; nothing is left behind.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}; check the disk and its permissions") from error
    finally:
        partial.unlink(missing_ok=True)
