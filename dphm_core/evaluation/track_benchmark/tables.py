"""Tables of the tracking benchmark, in Markdown that reads as well on a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np

Rows = dict[str, dict[str, Any]]
NOT_KNOWN = "–"


def tables(result: dict[str, Any]) -> list[tuple[str, str]]:
    """Titles and tables of all that was measured."""
    rows: Rows = {name: row for name, row in result["recordings"].items() if row.get("live")}
    found = [("Speed", _speed(rows)), ("Time per frame", _stages(rows))]
    unknown = {name: row["live"]["from_nothing"] for name, row in rows.items() if row["live"].get("from_nothing")}
    if unknown:
        found.insert(1, ("As with a camera, somebody yet unknown", _from_nothing(unknown)))
    known = {name: row for name, row in rows.items() if row.get("accuracy")}
    if known:
        found.append(("Accuracy", _accuracy(known)))
    ablated = {name: row for name, row in known.items() if row.get("ablations")}
    if ablated:
        found.append((f"One thing changed, means over {', '.join(ablated)}", _ablations(ablated)))
    offline = {name: row["offline"] for name, row in known.items() if row.get("offline")}
    if offline:
        found.append(("Real time and offline, the same frames", _offline(offline)))
    return found


def markdown(result: dict[str, Any], pictures: Iterable[str]) -> str:
    """All tables and pictures, and what they were measured on."""
    machine = result["machine"]
    on = f"{machine['cpu']}, {machine['cores']} cores; {machine['system']}, Python {machine['python']}, PyTorch"
    parts = [f"Measured on {on} {machine['torch']} by `dphm bench track`."]
    if result["interrupted"]:
        parts.append("Interrupted: some of what was asked for is not here.")
    parts += [f"## {title}\n\n{table}" for title, table in tables(result)]
    parts += [f"![{name}]({name})" for name in pictures]
    return "\n\n".join(parts) + "\n"


def table(header: list[str], rows: Iterable[list[str]]) -> str:
    """Markdown table with aligned columns; the first to the left, numbers to the right."""
    lines = [header, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    rule = [":" + "-" * max(1, widths[0] - 1), *("-" * max(1, width - 1) + ":" for width in widths[1:])]
    told = [[header[0].ljust(widths[0]), *map(str.rjust, header[1:], widths[1:])], rule]
    told += [[line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])] for line in lines[1:]]
    return "\n".join(f"| {' | '.join(line)} |" for line in told)


def _speed(rows: Rows) -> str:
    header = [
        *("recording", "frames/s", "latency ms", "p95", "p99", "as camera: frames/s", "latency ms", "p95", "p99"),
        *("dropped", "core ms/frame", "calibration s", "MB without frames"),
    ]
    lines = []
    for name, row in rows.items():
        speed, live = row["speed"], row["live"]
        memory_mb = speed["peak_memory_mb"] - speed["frames_mb"]
        lines.append([
            name, number(speed["frames_per_second"], 1), *_latency(speed),
            f"{number(live['frames_per_second'], 1)} of {live['source_fps']:g}", *_latency(live),
            f"{live['dropped']} of {live['frames']}", number(speed["core_ms_per_frame"], 0),
            number(speed["calibration_s"], 1), number(memory_mb, 0),
        ])  # fmt: skip
    return table(header, lines)


def _from_nothing(rows: Rows) -> str:
    header = ["recording", "first mesh s", "own identity s", "until then: frames/s", "latency ms", "p95", "p99"]
    lines = [
        [
            name, number(row["first_mesh_s"], 1), number(row["identity_s"], 1), number(row["frames_per_second"], 1),
            *_latency(row),
        ]
        for name, row in rows.items()
    ]  # fmt: skip
    return table(header, lines)


def _latency(figures: dict[str, Any]) -> list[str]:
    return [number(figures["latency_ms"][name], 0) for name in ("median", "p95", "p99")]


def _stages(rows: Rows) -> str:
    """Medians of the stages, and what of them the fit's parts take."""
    lines = [
        [stage, *(number(row["speed"]["stages_ms"].get(stage, {}).get("median"), 2) for row in rows.values())]
        for stage in STAGES_SHOWN
    ]
    parts = {name: solve_parts_ms(row["speed"]) for name, row in rows.items()}
    for part in all_parts(rows):
        lines.append([f"solve: {part}", *(number(each.get(part), 2) for each in parts.values())])
    return table(["ms", *rows], lines)


STAGES_SHOWN = ("landmarks", "observe", "solve", "mesh")


def solve_parts_ms(speed: dict[str, Any]) -> dict[str, float]:
    """Milliseconds of the fit's parts: a profile slows what it looks at, so its proportions go by the medians."""
    stages = speed["stages_ms"]
    whole_ms = sum(stages.get(stage, {}).get("median") or 0.0 for stage in ("solve", "mesh"))
    return {part: share * whole_ms for part, share in speed["solve_parts"].items()}


def all_parts(rows: Rows) -> list[str]:
    """Names of all parts of the fit, the longest first."""
    total: Counter[str] = Counter()
    for row in rows.values():
        total.update(solve_parts_ms(row["speed"]))
    return [part for part, _ in total.most_common()]


ERRORS = ("face_mm", "lips_mm", "eyelids_mm", "correspondence_mm")
ERROR_TITLES = ["face mm", "lips", "eyelids", "correspondence"]


def _accuracy(rows: Rows) -> str:
    header = ["recording", *ERROR_TITLES, "as camera: face", "weights RMS", "tracked", "lag frames"]
    header += ["still: mesh mm", "face mm", "back after frames"]
    lines = []
    for name, row in rows.items():
        figures, live = row["accuracy"], row["live"]["accuracy"]
        lines.append([
            name, *_errors(figures), number(None if live is None else live["face_mm"]["mean"], 2),
            number(figures["weights_rms"], 3), share(figures["tracked_share"]), number(figures["lag_frames"], 2),
            number(figures["jitter_mm"], 2), number(figures["jitter_face_mm"], 2), _recoveries(figures["occlusions"]),
        ])  # fmt: skip
    return table(header, lines)


def _recoveries(occlusions: list[dict[str, int | None]]) -> str:
    return (
        ", ".join("never" if each["back_after"] is None else str(each["back_after"]) for each in occlusions)
        or NOT_KNOWN
    )


def _ablations(rows: Rows) -> str:
    """Means over the recordings in which a variant was tracked; a loss shows in the share that is tracked."""
    names = list(dict.fromkeys(name for row in rows.values() for name in row["ablations"]))
    header = ["", *ERROR_TITLES, "weights RMS", "tracked", "jitter mm", "hidden half mm", "free half mm"]
    lines = []
    for name in names:
        runs = [row["ablations"][name] for row in rows.values() if name in row["ablations"]]
        lines.append([
            name, *(number(mean(runs, error, "mean"), 2) for error in ERRORS), number(mean(runs, "weights_rms"), 3),
            share(mean(runs, "tracked_share", missing=0.0)), number(mean(runs, "jitter_mm"), 2),
            number(mean(runs, "hidden_half_mm"), 2), number(mean(runs, "free_half_mm"), 2),
        ])  # fmt: skip
    return table(header, lines)


def _offline(rows: Rows) -> str:
    header = ["recording, frames", "method", *ERROR_TITLES, "weights RMS", "s/frame", "times slower"]
    lines = []
    for name, row in rows.items():
        which = f"{name}, {row['frames'][0]} to {row['frames'][1]}"
        for method in ("realtime", "offline"):
            figures, offline = row[method], method == "offline"
            errors = [NOT_KNOWN] * 5 if figures is None else [*_errors(figures), number(figures["weights_rms"], 3)]
            speed = [number(row["s_per_frame"], 1), number(row["times_slower"], 0)] if offline else [NOT_KNOWN] * 2
            lines.append([which, method, *errors, *speed])
    return table(header, lines)


def _errors(figures: dict[str, Any]) -> list[str]:
    return [number(figures[name]["mean"], 2) for name in ERRORS]


def mean(runs: Iterable[dict[str, Any] | None], *keys: str, missing: float | None = None) -> float | None:
    """Mean of an entry of nested dictionaries over the runs that have it; `missing` stands for a run that is None."""
    values = []
    for run in runs:
        value: Any = run
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        value = missing if run is None else value
        if value is not None and np.isfinite(value):
            values.append(float(value))
    return float(np.mean(values)) if values else None


def number(value: float | None, digits: int) -> str:
    """A number, or a dash where there is none."""
    return NOT_KNOWN if value is None or not np.isfinite(value) else f"{value:.{digits}f}"


def share(value: float | None) -> str:
    """A share in percent."""
    return NOT_KNOWN if value is None else f"{value:.1%}"
