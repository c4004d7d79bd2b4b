"""Recordings made by this program: a folder with calibration.json and `frames.stack`, finished or broken off."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import numpy as np

from dphm_core.errors import SourceError
from dphm_core.frames import MILLIMETRE, RGBDFrame
from dphm_core.sources.base import UnreadableFrame, log
from dphm_core.sources.folder import MAX_INDEX, NumberedSource
from dphm_core.sources.folder_camera import read_folder_camera
from dphm_core.sources.stack_file import (
    MARKER,
    RECORD_HEADER_BYTES,
    STACK_FILE,
    RecordHeader,
    StackHeader,
    decode_file_header,
    decode_images,
    decode_record_header,
    file_header_size,
)
from dphm_core.sources.stack_index import Placed, read_index

SEARCH_BYTES = 64 << 10
"""Read at a time in search of the next marker behind damage."""


class StackSource(NumberedSource):
    """Frames of a live recording; damaged ones are skipped, and what was not written to its end is left out."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / STACK_FILE
        self._indices = []
        try:
            self._file: BinaryIO | None = self._path.open("rb")
        except OSError as error:
            raise SourceError(f"{self._path} cannot be read: {error.strerror}; check its permissions") from error
        try:
            self._start(folder, self._file)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file; harmless when repeated."""
        super().close()
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _start(self, folder: Path, file: BinaryIO) -> None:
        try:
            size = os.fstat(file.fileno()).st_size
            self._header, start = _read_header(file, self._path)
            listed = read_index(file, start, size)
            records = _in_order(listed or _scan(file, start, size, self._path.name))
        except OSError as error:
            raise SourceError(f"{self._path} cannot be read: {error.strerror or error}; check the disk") from error
        if not records:
            raise SourceError(f"{self._path}: no frame in it is whole; record it again")
        self._indices = [record.index for _, record in records]
        self._records = dict(zip(self._indices, records, strict=True))
        camera = read_folder_camera(folder, (self._header.width, self._header.height), self._indices[-1])
        self._intrinsics = camera.intrinsics(0)
        self.info = self._info("stack", folder, replace(camera, fps=self._header.fps))

    def _read_frame(self, index: int) -> RGBDFrame:
        if self._file is None:
            raise StopIteration
        offset, record = self._records[index]
        try:
            self._file.seek(offset + RECORD_HEADER_BYTES)
            content = self._file.read(record.size - RECORD_HEADER_BYTES)
        except OSError as error:
            raise UnreadableFrame(f"frame {record.index}: {error.strerror or error}") from error
        color, depth = decode_images(record, content, self._header)
        depth_m = depth.astype(np.float32) * np.float32(MILLIMETRE)
        return RGBDFrame(record.index, record.timestamp_s, color, depth_m, self._intrinsics)


def _read_header(file: BinaryIO, path: Path) -> tuple[StackHeader, int]:
    """Facts about all frames, and where the first one begins."""
    try:
        start = file_header_size(file.read(16))
        file.seek(0)
        return decode_file_header(file.read(start)), start
    except SourceError as error:
        raise SourceError(f"{path} {error}") from error


def _scan(file: BinaryIO, start: int, size: int, name: str) -> Iterator[Placed]:
    """Offsets and headers of the records; places where there should be one are told, and passed over."""
    offset, searched, damaged = start, start, 0
    while offset < size:
        record = _record_at(file, offset, size)
        if record is None:
            # From behind the header before: where a piece of the file is gone, the next record begins too early.
            damaged += 1
            found = (place for place in _markers(file, searched, size) if _record_at(file, place, size))
            offset = searched = next(found, size)
        else:
            yield offset, record
            searched = offset + RECORD_HEADER_BYTES
            offset += record.size
    if damaged:
        text = "%s: damaged or not written to its end (places: %d); the frames around are read"
        log.warning(text, name, damaged)


def _record_at(file: BinaryIO, offset: int, size: int) -> RecordHeader | None:
    """Header of the record that begins here; None where there is none, or not all of it."""
    file.seek(offset)
    record = decode_record_header(file.read(RECORD_HEADER_BYTES))
    return record if record is not None and offset + record.size <= size else None


def _markers(file: BinaryIO, start: int, size: int) -> Iterator[int]:
    """Offsets, from `start` on, of what looks like the begin of a record."""
    overlap = len(MARKER) - 1
    while start < size:
        file.seek(start)
        part = file.read(SEARCH_BYTES + overlap)
        place = part.find(MARKER)
        while place >= 0:
            yield start + place
            place = part.find(MARKER, place + 1)
        start += SEARCH_BYTES


def _in_order(records: Iterable[Placed]) -> list[Placed]:
    """Leave out what has no place: an index that is not beyond those before, or absurd."""
    kept: list[Placed] = []
    for offset, record in records:
        if record.index <= MAX_INDEX and (not kept or record.index > kept[-1][1].index):
            kept.append((offset, record))
    return kept
