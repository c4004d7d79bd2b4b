"""Recordings of the window that are damaged."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

from damage import Make, Malformed, cut_at, flip_at
from stack_recordings import make_stack

from dphm_core.sources.stack_file import MAGIC, STACK_FILE


def stack(change: Callable[[bytes], bytes]) -> Make:
    """A recording of the window, changed."""

    def make(place: Path) -> Path:
        make_stack(place / "take")
        path = place / "take" / STACK_FILE
        path.write_bytes(change(path.read_bytes()))
        return place / "take"

    return make


def _swapped_header(content: bytes) -> bytes:
    return content[:8] + content[8:16][::-1] + content[16:]


STACKS = (
    Malformed("frames.stack of zero length", stack(lambda _: b""), "was cut off at its beginning"),
    Malformed("frames.stack is something else", stack(lambda c: bytes(len(c))), "is not a recording of this program"),
    Malformed("frames.stack: bytes of the header swapped", stack(_swapped_header), "claims a header of"),
    Malformed(
        "frames.stack claims a header of 1 GiB",
        stack(lambda c: MAGIC + struct.pack("<II", 1 << 30, 0) + c[16:]),
        "claims a header of 1073741824 bytes",
    ),
    Malformed("frames.stack: a byte flipped in the header", stack(flip_at(0.004)), "at its beginning"),
    *(
        Malformed(f"frames.stack: a byte flipped at {share:.0%}", stack(flip_at(share)), readable=-1)
        for share in (0.1, 0.3, 0.6, 0.9, 1.0)
    ),
    *(Malformed(f"frames.stack cut at {share:.0%}", stack(cut_at(share)), readable=-1) for share in (0.05, 0.5, 0.98)),
)
