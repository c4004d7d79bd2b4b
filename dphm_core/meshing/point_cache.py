"""Point caches: PC2 and MDD, moving vertices for a mesh that lies beside them, at an even rate."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from dphm_core.jobs import Tell
from dphm_core.meshing.animation import Animation

PC2_HEADER = struct.Struct("<12siiffi")
PC2_MAGIC, PC2_VERSION = b"POINTCACHE2\0", 1
MDD_HEADER = struct.Struct(">ii")
BYTES_PER_VERTEX = 12


def write_pc2(animation: Animation, path: Path, tell: Tell) -> tuple[str, ...]:
    """Write a PC2 file: little-endian, samples one frame apart, the first at frame 0."""
    samples = animation.even_samples()
    header = PC2_HEADER.pack(PC2_MAGIC, PC2_VERSION, len(animation.rest), 0.0, 1.0, len(samples))
    _write(animation, path, header, "<f4", tell)
    return ()


def write_mdd(animation: Animation, path: Path, tell: Tell) -> tuple[str, ...]:
    """Write an MDD file: big-endian, with the time of each sample in seconds."""
    count = len(animation.even_samples())
    times = (np.arange(count) / animation.fps).astype(">f4")
    _write(animation, path, MDD_HEADER.pack(count, len(animation.rest)) + times.tobytes(), ">f4", tell)
    return ()


def cache_bytes(animation: Animation) -> int:
    """Size of such a file, within a few kB."""
    return len(animation.even_samples()) * len(animation.rest) * BYTES_PER_VERTEX


def _write(animation: Animation, path: Path, header: bytes, numbers: str, tell: Tell) -> None:
    samples = animation.even_samples()
    with path.open("wb") as file:
        file.write(header)
        for done, sample in enumerate(samples.tolist(), start=1):
            file.write(animation.placed(sample).astype(numbers).tobytes())
            tell(done, len(samples))
