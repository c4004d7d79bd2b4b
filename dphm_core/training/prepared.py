"""Prepared scans: what training on scans reads, one file of point samples per scan and an index beside them.

`index.json` names subjects, scans and mean anchors. It is written last: a folder without one is unfinished. Each scan's
file is an uncompressed .npz of float32 arrays, `ScanSamples`' fields by name. All of it lies in the head frame (NPHM
units, 0.25 m).
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dphm_core.errors import DataError
from dphm_core.files import bytes_in, read_npz, write_atomically
from dphm_core.frames import FloatArray

INDEX = "index.json"
FORMAT = "dphm-prepared-scans/1"
ANCHORS = 39
MAX_INDEX_BYTES = 64 << 20
"""Room for half a million scans."""
MAX_SAMPLE_BYTES = 512 << 20
"""Of one scan; the usual samples take 3 MB."""
UNIT_TOLERANCE = 1e-2
"""How far a normal's length may be from 1."""


@dataclass(frozen=True)
class ScanRecord:
    """One scan in the index."""

    subject: int
    """Index into the subjects."""
    expression: str
    neutral: bool
    """Whether it is the subject's neutral expression, which is canonical space."""
    path: Path
    """File with its samples."""


@dataclass(frozen=True)
class ScanSamples:
    """Points of one scan, float32, head-frame units; the posed ones as the subject held still, expression and all."""

    surface: FloatArray
    """(S, 3) points on the scan, posed."""
    normals: FloatArray
    """(S, 3) unit normals of the surface there, outwards."""
    face: NDArray[np.bool_]
    """(S,) which of them lie on the face."""
    off_surface: FloatArray
    """(O, 3) points in the box, away from the surface, posed."""
    posed: FloatArray
    """(C, 3) points near the registration, posed."""
    canonical: FloatArray
    """(C, 3) the same points near the subject's neutral registration."""
    anchors: FloatArray
    """(39, 3) the subject's anchors in canonical space."""


@dataclass(frozen=True)
class PreparedScans:
    """An opened folder of prepared scans; samples are read when asked for."""

    subjects: tuple[str, ...]
    """Names, by index."""
    scans: tuple[ScanRecord, ...]
    mean_anchors: FloatArray
    """(39, 3) mean over the subjects of their anchors in canonical space, head-frame units."""

    def read(self, index: int) -> ScanSamples:
        """Read the samples of scan `index`.

        Raises
        ------
        DataError
            The file is missing, damaged or does not hold what it should.
        """
        return read_samples(self.scans[index].path)


def open_prepared(folder: Path) -> PreparedScans:
    """Open what `dphm train prepare` wrote.

    Raises
    ------
    DataError
        The folder is unfinished, or its index is not what it should be.
    """
    path = folder / INDEX
    if not path.is_file():
        raise DataError(f"{folder} holds no finished prepared scans ({INDEX} is missing); run `dphm train prepare`")
    try:
        if bytes_in(path) > MAX_INDEX_BYTES:
            raise ValueError(f"larger than {MAX_INDEX_BYTES >> 20} MiB")
        index = json.loads(path.read_text(encoding="utf-8"))
        if index["format"] != FORMAT:
            raise ValueError(f"its format is {index['format']!r}, not {FORMAT!r}")
        subjects = tuple(_plain_name(name) for name in index["subjects"])
        scans = tuple(_record(folder, entry, len(subjects)) for entry in index["scans"])
        anchors = np.array(index["mean_anchors"], dtype=np.float32)
        if not scans:
            raise ValueError("it names no scans")
        if anchors.shape != (ANCHORS, 3) or not np.isfinite(anchors).all():
            raise ValueError(f"its mean anchors are not {ANCHORS} points")
    except (OSError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise DataError(f"{path} is no index of prepared scans ({error}); run `dphm train prepare` again") from error
    return PreparedScans(subjects, scans, anchors)


def read_samples(path: Path) -> ScanSamples:
    """Read one scan's samples; raises DataError where the file is not what it should be."""
    try:
        arrays = read_npz(path, MAX_SAMPLE_BYTES)
        samples = ScanSamples(**{field.name: arrays[field.name] for field in fields(ScanSamples)})
        check_samples(samples)
    except KeyError as error:
        raise DataError(f"{path} has no array {error}; delete it and run `dphm train prepare` again") from error
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be used ({error}); delete it and run `dphm train prepare` again") from error
    return samples


def check_samples(samples: ScanSamples) -> None:
    """Check shapes, types and values.

    Raises
    ------
    ValueError
        Something is not what `ScanSamples` says.
    """
    for field in fields(ScanSamples):
        array = getattr(samples, field.name)
        shape, kind = ((len(array),), np.bool_) if field.name == "face" else ((len(array), 3), np.float32)
        if array.shape != shape or array.dtype != kind:
            raise ValueError(f"'{field.name}' is {array.dtype} {array.shape}, not {np.dtype(kind)} {shape}")
        if not np.isfinite(array).all():
            raise ValueError(f"'{field.name}' holds numbers that are not finite")
        if not len(array):
            raise ValueError(f"'{field.name}' is empty")
    if not len(samples.surface) == len(samples.normals) == len(samples.face):
        raise ValueError("'surface', 'normals' and 'face' differ in length")
    if samples.posed.shape != samples.canonical.shape:
        raise ValueError("'posed' and 'canonical' differ in length")
    if len(samples.anchors) != ANCHORS:
        raise ValueError(f"{len(samples.anchors)} anchors, not {ANCHORS}")
    if (np.abs(np.linalg.norm(samples.normals, axis=1) - 1) > UNIT_TOLERANCE).any():
        raise ValueError("'normals' are not all of unit length")


def write_samples(path: Path, samples: ScanSamples, made_from: str = "") -> None:
    """Write one scan's samples, whole or not at all.

    Parameters
    ----------
    path : Path
        The .npz file.
    samples : ScanSamples
        What to write.
    made_from : str
        Digest of what they were made from, for `read_made_from`.

    Raises
    ------
    OutputError
        The file cannot be written.
    ValueError
        The samples are not what they should be.
    """
    check_samples(samples)
    buffer = io.BytesIO()
    arrays: dict[str, Any] = {field.name: getattr(samples, field.name) for field in fields(ScanSamples)}
    np.savez(buffer, **arrays, made_from=np.array(made_from, dtype=np.str_))
    write_atomically(path, buffer.getvalue())


def read_made_from(path: Path) -> str | None:
    """Digest with which one scan's samples were written; None where there is no sound file."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return str(arrays["made_from"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        return None


def write_index(folder: Path, subjects: Sequence[str], scans: Sequence[ScanRecord], mean_anchors: FloatArray) -> None:
    """Write the index, which declares the folder finished.

    Parameters
    ----------
    folder : Path
        Holds the scans' files.
    subjects : sequence of str
        Names.
    scans : sequence of ScanRecord
        Their files lie in `folder`.
    mean_anchors : (39, 3) float32
        Head-frame units.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    entries = [
        {"subject": scan.subject, "expression": scan.expression, "neutral": scan.neutral, "file": scan.path.name}
        for scan in scans
    ]
    anchors = np.asarray(mean_anchors, dtype=np.float64).round(6).tolist()
    index = {"format": FORMAT, "subjects": list(subjects), "mean_anchors": anchors, "scans": entries}
    write_atomically(folder / INDEX, (json.dumps(index, indent=1) + "\n").encode())


def _record(folder: Path, entry: dict[str, Any], subjects: int) -> ScanRecord:
    subject, neutral = entry["subject"], entry["neutral"]
    if type(subject) is not int or not 0 <= subject < subjects or type(neutral) is not bool:
        raise ValueError(f"its scan {entry} is none of its {subjects} subjects'")
    return ScanRecord(subject, _plain_name(entry["expression"]), neutral, folder / _plain_name(entry["file"]))


def _plain_name(name: object) -> str:
    """Names become file names: no paths out of the folder."""
    if not isinstance(name, str) or not name or name in (".", "..") or set(name) & set("/\\\0"):
        raise ValueError(f"{name!r} is no plain name")
    return name
