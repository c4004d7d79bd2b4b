"""Reads .npz files of others: no pickle, and no more bytes than expected."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def read_npz(path: Path, max_bytes: int) -> dict[str, NDArray[Any]]:
    """Read all arrays.

    Parameters
    ----------
    path : Path
        The file.
    max_bytes : int
        Most that the arrays may take unpacked.

    Raises
    ------
    OSError, ValueError
        The file cannot be read, is no archive of arrays, or is larger.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
        if size > max_bytes:
            raise ValueError(f"{size / 2**20:.0f} MiB unpacked, expected at most {max_bytes / 2**20:.0f}")
        with np.load(path, allow_pickle=False) as arrays:
            return dict(arrays)
    except (zipfile.BadZipFile, EOFError, MemoryError) as error:
        raise ValueError(f"damaged: {error}") from error
