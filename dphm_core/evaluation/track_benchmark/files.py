"""Writes what the tracking benchmark found: `bench_track.json`, `bench_track.md` and pictures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from dphm_core.evaluation.evaluate import without_nan
from dphm_core.evaluation.track_benchmark.plots import pictures
from dphm_core.evaluation.track_benchmark.tables import markdown
from dphm_core.files import make_folder, write_atomically

DIGITS = 4


def write_benchmark(result: dict[str, Any], folder: Path) -> None:
    """Write all files, over those of an earlier run.

    Raises
    ------
    OutputError
        One cannot be written.
    """
    make_folder(folder)
    drawn = pictures(result)
    for name, content in drawn.items():
        write_atomically(folder / name, content)
    write_atomically(folder / "bench_track.md", markdown(result, drawn).encode())
    plain = json.dumps(_rounded(without_nan(result)), indent=1, default=str, allow_nan=False)
    write_atomically(folder / "bench_track.json", (plain + "\n").encode())


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(entry) for entry in value]
    return round(value, DIGITS) if isinstance(value, float) else value
