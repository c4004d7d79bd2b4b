"""Finds damage in a Matroska file, and copies what is whole, so that the SDK's reader can open the copy.

A recording that was not finished lacks its index, and one that was cut off has a place for it that is not there: the
reader refuses both. The copy has the head, the clusters (some 33 ms each) that are whole, and no index, without which
the reader is slower, but works.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from mmap import ACCESS_READ, mmap
from pathlib import Path

from dphm_core.errors import SourceError
from dphm_core.sources.ebml import (
    ATTACHMENTS,
    CLUSTER,
    INFO,
    SEGMENT,
    TAGS,
    TRACKS,
    Element,
    element,
    header,
    read_header,
)

HEAD = (INFO, TRACKS, ATTACHMENTS, TAGS)
"""What a recording needs beside its clusters, each once."""
MAX_HEAD_BYTES = 16 << 20
"""Largest part of the head: a calibration takes 4 kB."""
SIMPLE_BLOCK, BLOCK_GROUP = 0xA3, 0xA0
"""Images and other samples, of which a cluster needs at least one."""
LACING = 0x06
"""Bits of a block's flags that recordings do not have; the SDK's reader hangs on some of them."""
KINECT_MARK = b"K4A_"
"""Begin of the names of all tags that the SDK writes."""
CHUNK_BYTES = 16 << 20
GAP = element(0xEC)
"""Stands first, as the SDK takes a part at the very beginning for one that is not there."""


def find_damage(path: Path, budget_s: float) -> str | None:
    """Look for a part of a recording that is damaged or cut off, as far as the time reaches; SourceError as below.

    A clause that says where the first one is; None where none was found. Reads some bytes of each capture only.
    """
    deadline = time.monotonic() + budget_s
    try:
        with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as data:
            place = _segment_content(data)
            while place < len(data) and time.monotonic() < deadline:
                part = read_header(data, place)
                if part is None or not _is_whole(data, part):
                    return f"damaged or cut off at byte {place} of {len(data)}"
                place = part.end
    except (OSError, ValueError) as error:
        raise SourceError(
            f"{path} cannot be read ({getattr(error, 'strerror', None) or error}); copy it again"
        ) from error
    return None


def names_kinect(path: Path) -> bool:
    """Whether the head of a file that can be read has a tag of an Azure Kinect recording."""
    with path.open("rb") as file:
        return KINECT_MARK in file.read(MAX_HEAD_BYTES)


def write_repaired(path: Path, copy: Path) -> bool:
    """Write a copy of what is whole; False, and nothing is written, where its head is damaged or no cluster is whole.

    Parameters
    ----------
    path : Path
        The damaged file, which is not changed.
    copy : Path
        The file to write.

    Raises
    ------
    SourceError
        The file cannot be read, or the copy has no room or cannot be written.
    """
    try:
        with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as data:
            parts = list(_whole_parts(data))
            if {part.name for part in parts} != {CLUSTER, *HEAD}:
                return False
            size = sum(part.end - part.start for part in parts)
            if size > shutil.disk_usage(copy.parent).free:
                raise SourceError(
                    f"{path} is cut off or damaged, and {copy.parent.parent} has no room for a copy of what is whole "
                    f"({size * 1e-9:.1f} GB); make room, or set TMPDIR to a larger disk"
                )
            _copy(data, parts, size, copy)
            return True
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SourceError(f"{path} is cut off or damaged, and what is whole cannot be copied ({reason})") from error


def _whole_parts(data: mmap) -> Iterator[Element]:
    """Parts of the head, before the first cluster, and all whole clusters."""
    place, wanted = _segment_content(data), set(HEAD)
    while place < len(data):
        part = read_header(data, place)
        if part is None or not _is_whole(data, part):
            place = _next_cluster(data, place + 1)
            continue
        if part.name == CLUSTER or (part.name in wanted and part.end - part.content <= MAX_HEAD_BYTES):
            wanted.discard(part.name)
            yield part
        place = part.end


def _segment_content(data: mmap) -> int:
    """Where the segment's parts begin, or the file's end."""
    ebml = read_header(data, 0)
    if ebml is None or ebml.end + 12 > len(data):
        return len(data)
    if data[ebml.end : ebml.end + 4] != SEGMENT.to_bytes(4, "big"):
        return len(data)
    size_bytes = 9 - data[ebml.end + 4].bit_length()  # the size itself may not be known
    return ebml.end + 4 + size_bytes


def _next_cluster(data: mmap, place: int) -> int:
    found = data.find(CLUSTER.to_bytes(4, "big"), place)
    return len(data) if found < 0 else found


def _is_whole(data: mmap, part: Element) -> bool:
    """Whether a part lies within the file; and of a cluster, whether its elements fill it and one is a block."""
    if part.end > len(data) or part.name != CLUSTER:
        return part.end <= len(data)
    place, blocks = part.content, 0
    while place < part.end:
        child = read_header(data, place)
        if child is None or child.end > part.end:
            return False
        if child.name == SIMPLE_BLOCK and (child.end - child.content < 4 or data[child.content + 3] & LACING):
            return False
        blocks += child.name in (SIMPLE_BLOCK, BLOCK_GROUP)
        place = child.end
    return blocks > 0


def _copy(data: mmap, parts: list[Element], size: int, copy: Path) -> None:
    ebml = read_header(data, 0)
    assert ebml is not None
    with copy.open("xb") as file:
        file.write(data[: ebml.end] + header(SEGMENT, len(GAP) + size) + GAP)
        for part in parts:
            for place in range(part.start, part.end, CHUNK_BYTES):
                file.write(data[place : min(place + CHUNK_BYTES, part.end)])
