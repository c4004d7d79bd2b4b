"""Writes the folder of a live recording: calibration.json and `frames.stack`, whole after every frame."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import BinaryIO, Self

from dphm_core.camera.intrinsics import Intrinsics
from dphm_core.errors import OutputError
from dphm_core.files import make_folder, write_atomically
from dphm_core.frames import RGBDFrame
from dphm_core.sources.folder_camera import CALIBRATION_FILE, calibration_json
from dphm_core.sources.stack_file import (
    RECORD_HEADER_BYTES,
    STACK_FILE,
    StackHeader,
    decode_record_header,
    encode_record,
)
from dphm_core.sources.stack_index import Placed, encode_index

log = logging.getLogger(__name__)


class StackWriter:
    """Appends frames, each with one call to the system; a context manager that ends the file with its contents.

    Knows no threads. Where the block raises, the frames before stay; a recording without frames is removed.

    Parameters
    ----------
    folder : Path
        Made if need be; one that holds anything is refused.
    intrinsics : Intrinsics
        Camera of the frames.
    header : StackHeader
        Facts about all frames.

    Raises
    ------
    OutputError, OSError
        The folder is not empty, or cannot be written.
    """

    def __init__(self, folder: Path, intrinsics: Intrinsics, header: StackHeader) -> None:
        self._folder = folder
        make_folder(folder)
        if any(folder.iterdir()):
            raise OutputError(f"{folder} is not empty; choose a new folder for the recording")
        write_atomically(folder / CALIBRATION_FILE, calibration_json(intrinsics))
        self._records: list[Placed] = []
        # Not under a temporary name: it is to be found, and whole, whenever the program ends.
        self._file = _open(folder / STACK_FILE)
        self.size = 0
        """Bytes so far."""
        try:
            self._append(header.encode())
        except OSError:
            self._file.close()
            self._remove()
            raise

    def write(self, frame: RGBDFrame, index: int, timestamp_s: float) -> None:
        """Append a frame under this index and time; OSError where there is no room for it."""
        record = encode_record(index, timestamp_s, frame.color, frame.depth_m)
        header = decode_record_header(record[:RECORD_HEADER_BYTES])
        assert header is not None
        place = self.size
        self._append(record)
        self._records.append((place, header))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_exception: object) -> None:
        with self._file:
            if self._records and kind is None:
                self._append(encode_index(self._records, self.size))
        if not self._records:
            self._remove()

    def _append(self, content: bytes) -> None:
        try:
            rest = memoryview(content)
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError:
            self._file.truncate(self.size)
            raise
        self.size += len(content)

    def _remove(self) -> None:
        try:
            for name in (STACK_FILE, CALIBRATION_FILE):
                (self._folder / name).unlink(missing_ok=True)
            self._folder.rmdir()
        except OSError as error:
            log.warning("%s holds no frame, but cannot be removed: %s", self._folder, error.strerror)


def _open(path: Path) -> BinaryIO:
    return path.open("xb", buffering=0)  # what is written is the system's at once, and survives this program
