"""How many recordings went: a row each, as CSV and for the screen."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

SUMMARY_FILE = "summary.csv"


@dataclass(frozen=True)
class SequenceResult:
    """How one sequence went: a row of the table, None where that is not known."""

    sequence: str
    """Name of its results' folder."""
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

    @classmethod
    def of(cls, name: str, status: str, report: dict[str, Any]) -> Self:
        """The row of a run's report."""
        confidence = report.get("confidence")
        return cls(
            name,
            status,
            report.get("frames"),
            report.get("tracked"),
            report.get("residual_mm"),
            confidence.get("mean") if isinstance(confidence, dict) else None,
            report.get("frames_per_second"),
            report.get("wall_s"),
        )


def to_csv(results: Sequence[SequenceResult]) -> bytes:
    """The table as a file."""
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
