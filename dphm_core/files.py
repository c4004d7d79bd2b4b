"""Files: written so that a reader never sees half of one, and read without trust in what they claim to hold."""

from __future__ import annotations

import errno
import os
import stat
import zipfile
import zlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dphm_core.errors import OutputError

LONGEST_REASON = 120
"""Characters."""


def write_atomically(path: Path, content: bytes) -> None:
    """Write under a temporary name beside `path`, then rename.

    Raises
    ------
    OutputError
        It cannot be written; nothing is left behind.
    """
    with written_atomically(path) as partial:
        partial.write_bytes(content)


@contextmanager
def written_atomically(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path` to write to; it takes the name `path` once the block is through.

    Raises
    ------
    OutputError
        It cannot be written; nothing is left behind.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        try:
            yield partial
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        homeless = isinstance(error, FileNotFoundError) and not path.parent.is_dir()
        cure = f"make the folder {path.parent} first" if homeless else "check the disk and its permissions"
        raise OutputError(f"{path} cannot be written: {error.strerror}; {cure}") from error


def make_folder(path: Path) -> list[Path]:
    """Make a folder with its parents, where it is not there yet.

    Returns
    -------
    list of Path
        Folders that were not there, the outermost first.

    Raises
    ------
    OutputError
        It cannot be made, or a file has its name.
    """
    try:
        missing = [part for part in (*reversed(path.parents), path) if not part.exists()]
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        failed = error.filename or path  # it or one above it
        raise OutputError(f"{failed} cannot be made: {error.strerror}; choose another folder") from error
    return missing


def check_new_folder(path: Path) -> None:
    """Refuse a folder in which there is something already, before anything is done.

    Raises
    ------
    OutputError
        There is something in it, a file has its name, or it cannot be looked at.
    """
    try:
        is_folder, there = path.is_dir(), path.exists()
        held = is_folder and any(path.iterdir())
    except OSError as error:
        raise OutputError(f"{path} cannot be looked at: {error.strerror}; choose another folder") from error
    if there and not is_folder:
        raise OutputError(f"{path} is a file; choose a new folder")
    if held:
        raise OutputError(f"{path} is not empty; choose a new folder")


def take_back(files: Iterable[Path], folders: Sequence[Path]) -> None:
    """Remove files that were written, and of the folders that were made, the outermost first, those now empty."""
    for path in files:
        path.unlink(missing_ok=True)
    for folder in reversed(folders):
        if not any(folder.iterdir()):
            folder.rmdir()


def bytes_in(path: Path) -> int:
    """How large a file is: to be asked before anything is read of what a user names.

    Raises
    ------
    OSError
        It is not there, or no file: who reads a pipe waits, perhaps for ever, and a device may have no end.
    """
    found = path.stat()
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(found.st_mode):
        kinds = {stat.S_IFIFO: "a named pipe", stat.S_IFSOCK: "a socket"}
        kind = kinds.get(stat.S_IFMT(found.st_mode), "a device")
        raise OSError(errno.EINVAL, f"it is {kind}, not a file", str(path))
    return found.st_size


def read_npz(path: Path, max_bytes: int, names: Collection[str] | None = None) -> dict[str, NDArray[Any]]:
    """Read the arrays of an .npz file; no pickle.

    Parameters
    ----------
    path : Path
        The file.
    max_bytes : int
        Most that the arrays may take unpacked.
    names : collection of str, optional
        Arrays to read, where they are there; all by default.

    Raises
    ------
    OSError, ValueError
        The file cannot be read, is damaged or no archive of arrays, or is larger.
    """
    bytes_in(path)
    try:
        with zipfile.ZipFile(path) as archive:
            wanted = None if names is None else {f"{name}.npy" for name in names}
            entries = [entry for entry in archive.infolist() if wanted is None or entry.filename in wanted]
            size = sum(entry.file_size for entry in entries)
        if size > max_bytes:
            raise ValueError(f"{size / 2**20:.0f} MiB unpacked, expected at most {max_bytes / 2**20:.0f}")
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files if names is None or name in names}
    except ValueError as error:
        raise ValueError(_brief(error)) from error
    except (zipfile.BadZipFile, zlib.error, EOFError, MemoryError, NotImplementedError, RuntimeError) as error:
        raise ValueError(f"damaged: {_brief(error)}") from error


def _brief(error: Exception) -> str:
    """One line of what was raised: the messages of zipfile and numpy quote as much of a damaged file as there is."""
    return " ".join(str(error)[:LONGEST_REASON].split())


def read_npy(path: Path, shape: tuple[int | None, ...]) -> NDArray[np.float32]:
    """Read an .npy file of numbers; no pickle.

    Parameters
    ----------
    path : Path
        The file.
    shape : tuple
        Shape that it must have; None where any length will do.

    Returns
    -------
    float32 array of that shape

    Raises
    ------
    OSError, ValueError
        The file cannot be read, is damaged, or holds something else.
    """
    bytes_in(path)
    try:
        mapped = np.load(path, mmap_mode="r", allow_pickle=False)  # a file shorter than it claims to be is refused
    except (EOFError, MemoryError, OverflowError, RecursionError, SyntaxError, TypeError, TokenError) as error:
        raise ValueError(f"damaged: {error}") from error
    if not isinstance(mapped, np.ndarray) or mapped.dtype.kind not in "fiu":
        raise ValueError("no array of numbers")
    if mapped.ndim != len(shape) or any(n not in (None, m) for n, m in zip(shape, mapped.shape, strict=True)):
        expected = " x ".join("N" if n is None else str(n) for n in shape)
        raise ValueError(f"of shape {mapped.shape}, expected {expected}")
    with np.errstate(over="ignore"):  # numbers beyond float32 become infinite
        return np.array(mapped, dtype=np.float32)


def file_size(count: int) -> str:
    """Bytes for a reader: "26 MB"."""
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.{1 if count < 10 * size else 0}f} {unit}"
    return f"{count} bytes"
