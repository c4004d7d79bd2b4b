"""What `dphm track --method offline` shows: a bar for each part of the work, and a summary."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

TITLES = {
    "look": "looking",
    "init": "first frame",
    "incre": "frame by frame",
    "joint": "all frames",
    "write": "writing",
}
UNITS = {"look": " frames", "write": " frames"}


@contextmanager
def progress_bars() -> Iterator[Callable[[str, int, int | None], None]]:
    """Bars on standard error, one after the other, each with the time that is left."""
    from tqdm import tqdm
    from tqdm.contrib.logging import logging_redirect_tqdm

    bars: dict[str, Any] = {}

    def on_progress(part: str, done: int, total: int | None) -> None:
        if part not in bars:
            for bar in bars.values():
                bar.close()
            bars[part] = tqdm(desc=TITLES[part], total=total, unit=UNITS.get(part, " steps"), dynamic_ncols=True)
        bars[part].update(done - bars[part].n)

    with logging_redirect_tqdm():
        try:
            yield on_progress
        finally:
            for bar in bars.values():
                bar.close()


def offline_summary(report: dict[str, Any], out: Path) -> str:
    """The report on one screen."""
    times = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in report["stage_s"].items())
    residual = report["residual_mm"]
    lines = [
        ("frames", f"{report['frames']}, {report['tracked']} tracked" + ", interrupted" * report["interrupted"]),
        ("mean residual", "unknown" if residual is None else f"{residual:.2f} mm"),
        ("priors", ", ".join(report["priors"]) or "none: the model has none"),
        ("stages", times),
        ("", f"{report['s_per_frame']:.1f} s per frame on {report['device']}"),
        ("memory", f"{report['peak_memory_mb']:.0f} MB at most"),
        ("results", str(out)),
    ]
    return "\n".join(f"{name:14}{value}" for name, value in lines)
