"""Tracks every sequence of a data set's folder, each into a folder of its own, with a table of how they went."""

from __future__ import annotations

import csv
import io
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from dphm_core.errors import DphmError, OutputError, SourceError
from dphm_core.files import make_folder, write_atomically
from dphm_core.output.folder import REPORT_FILE
from dphm_core.sources import is_live
from dphm_core.sources.fields import read_json
from dphm_core.sources.folder import COLOR_FOLDER, DEPTH_FOLDER
from dphm_core.sources.points_folder import points_folder
from dphm_core.sources.record3d import export_folder
from dphm_core.sources.stack_file import STACK_FILE

log = logging.getLogger(__name__)

SUMMARY_FILE = "summary.csv"
TrackOne = Callable[[Path, Path, bool], dict[str, Any]]
"""Tracks a sequence into a folder, whose results it may replace or not, and returns the report; raises DphmError where
that fails."""


@dataclass(frozen=True)
class SequenceResult:
    """How one sequence went: a row of the table, None where that is not known."""

    sequence: str
    """Name of its folder, and of that of its results."""
    status: str
    """"tracked", "earlier" (by an earlier run), "interrupted" or "failed"."""
    frames: int | None = None
    tracked: int | None = None
    residual_mm: float | None = None
    """Mean distance of the explained depth points."""
    confidence: float | None = None
    """Mean, 0..1."""
    frames_per_second: float | None = None
    wall_s: float | None = None
    error: str = ""
    """Why it failed."""


def find_sequences(uri: str) -> list[Path]:
    """Sequences in a data set's folder, by name; none where `uri` is a sequence itself, a file, a camera or nothing."""
    if is_live(uri) or not uri.strip():
        return []
    try:
        folder = Path(uri).expanduser()
        if not folder.is_dir() or _is_sequence(folder):
            return []
        return sorted(inside for inside in folder.iterdir() if inside.is_dir() and _is_sequence(inside))
    except (OSError, RuntimeError, ValueError):  # opening it as a sequence tells what is wrong
        return []


def _is_sequence(folder: Path) -> bool:
    named = (folder / name for name in (COLOR_FOLDER, DEPTH_FOLDER, STACK_FILE))
    return (
        any(path.exists() for path in named) or points_folder(folder) is not None or export_folder(folder) is not None
    )


def track_all(
    sequences: Sequence[Path], out: Path, track_one: TrackOne, overwrite: bool = False,
    on_result: Callable[[SequenceResult], object] | None = None,
) -> list[SequenceResult]:  # fmt: skip
    """Track sequences one after the other; one that fails does not keep the others from being tracked.

    Parameters
    ----------
    sequences : sequence of Path
        What to track.
    out : Path
        Folder for the results: one folder per sequence, and summary.csv, which is written anew after each.
    track_one : callable
        Tracks one.
    overwrite : bool
        Whether to track again what an earlier run has tracked to its end.
    on_result : callable, optional
        Told of each as it is done.

    Returns
    -------
    list of SequenceResult
        In the order of `sequences`; the last one is "interrupted" where the user ended it, and the rest is not there.

    Raises
    ------
    OutputError
        Nothing can be written to `out`.
    """
    make_folder(out)
    results: list[SequenceResult] = []
    for sequence in sequences:
        folder = out / sequence.name
        report = None if overwrite else _earlier(folder)
        if report is not None:
            result = _row(sequence.name, "earlier", report)
        else:  # a report that does not count is of a run that was interrupted
            result = _track(sequence, folder, track_one, overwrite or (folder / REPORT_FILE).is_file())
        results.append(result)
        write_atomically(out / SUMMARY_FILE, _csv(results))
        if on_result is not None:
            on_result(result)
        if result.status == "interrupted":
            break
    return results


def _track(sequence: Path, folder: Path, track_one: TrackOne, overwrite: bool) -> SequenceResult:
    try:
        report = track_one(sequence, folder, overwrite)
    except KeyboardInterrupt:  # before there was anything to keep
        return SequenceResult(sequence.name, "interrupted")
    except DphmError as error:
        return SequenceResult(sequence.name, "failed", error=" ".join(str(error).split()))
    except Exception as error:  # a fault of ours, in one of perhaps hundreds of sequences
        log.exception("%s could not be tracked", sequence.name)
        return SequenceResult(sequence.name, "failed", error=f"{type(error).__name__}: {error}")
    return _row(sequence.name, "interrupted" if report.get("interrupted") else "tracked", report)


def _earlier(folder: Path) -> dict[str, Any] | None:
    """Report of an earlier run that came to its end; None where there is none."""
    if not (folder / REPORT_FILE).is_file():
        return None
    try:
        report = read_json(folder / REPORT_FILE)
    except SourceError as error:
        raise OutputError(f"{error}; or track it again with --overwrite") from error
    return None if report.get("interrupted") else report


def _row(name: str, status: str, report: dict[str, Any]) -> SequenceResult:
    confidence = report.get("confidence")
    return SequenceResult(
        name,
        status,
        report.get("frames"),
        report.get("tracked"),
        report.get("residual_mm"),
        confidence.get("mean") if isinstance(confidence, dict) else None,
        report.get("frames_per_second"),
        report.get("wall_s"),
    )


def _csv(results: Sequence[SequenceResult]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(SequenceResult)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(result) for result in results)
    return text.getvalue().encode()


def summary_table(results: Sequence[SequenceResult]) -> str:
    """The same for the screen, with the sums in the last line."""
    head = ("sequence", "status", "frames", "tracked", "residual", "conf.")
    rows = [head, *map(_cells, results)]
    tracked = [result for result in results if result.status in ("tracked", "earlier")]
    rows.append(("all", f"{len(tracked)} of {len(results)}", _sum(results, "frames"), _sum(results, "tracked"), "", ""))
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = ["  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    failed = [f"{result.sequence}: {result.error}" for result in results if result.error]
    return "\n".join([*lines, *failed])


def _cells(result: SequenceResult) -> tuple[str, ...]:
    def cell(value: float | None, text: str) -> str:
        return "-" if value is None else text.format(value)

    return (
        result.sequence,
        result.status,
        cell(result.frames, "{}"),
        cell(result.tracked, "{}"),
        cell(result.residual_mm, "{:.2f} mm"),
        cell(result.confidence, "{:.0%}"),
    )


def _sum(results: Sequence[SequenceResult], name: str) -> str:
    return str(sum(getattr(result, name) or 0 for result in results))
