"""Pictures of the tracking benchmark: where the time goes, what noise does, and the course of the error."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from dphm_core.evaluation.track_benchmark.tables import STAGES_SHOWN, Rows, all_parts, mean, solve_parts_ms
from dphm_core.evaluation.track_benchmark.variants import NOISES, noise_name

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 100
ABOVE = 1.3
"""Room above the curves, for the legend."""
PARTS_SHOWN = 6
"""Parts of the fit with a colour of their own; the rest is one."""
NOISE_MEASURES = {"face_mm": "face, mm", "correspondence_mm": "correspondence, mm", "weights_rms": "weights, RMS"}


def pictures(result: dict[str, Any]) -> dict[str, bytes]:
    """PNG files by name, of what there is to show."""
    rows: Rows = {name: row for name, row in result["recordings"].items() if row.get("live")}
    if not rows:
        return {}
    found = {"stages.png": _stages(rows)}
    ablated = {name: row for name, row in rows.items() if row.get("ablations")}
    if any(noise_name(NOISES[-1]) in row["ablations"] for row in ablated.values()):
        found["noise.png"] = _noise(ablated)
    known = {name: row for name, row in rows.items() if row.get("accuracy")}
    if known:
        found["errors.png"] = _errors(known)
    return found


def _stages(rows: Rows) -> bytes:
    """Stacked bars: median times of the stages, the fit's by its parts."""
    figure = _figure(8.5, 1.3 + 0.5 * len(rows))
    axis = figure.subplots()
    for height, row in enumerate(rows.values()):
        left = 0.0
        for color, milliseconds in _shares(row["speed"], all_parts(rows)[:PARTS_SHOWN]).items():
            axis.barh(height, milliseconds, left=left, color=_colors(rows)[color], label=color)
            left += milliseconds
    axis.set_yticks(range(len(rows)), list(rows))
    axis.invert_yaxis()
    axis.set_xlabel("ms per frame, median; landmarks and observe run beside the rest")
    handles, labels = axis.get_legend_handles_labels()
    told = dict(zip(labels, handles, strict=True))
    figure.legend(told.values(), told.keys(), loc="outside upper center", ncols=4, fontsize=8, frameon=False)
    return _png(figure)


def _shares(speed: dict[str, Any], parts: list[str]) -> dict[str, float]:
    stages = {name: speed["stages_ms"].get(name, {}).get("median") or 0.0 for name in STAGES_SHOWN}
    solve, mesh, known = stages.pop("solve"), stages.pop("mesh"), solve_parts_ms(speed)
    named = {f"solve: {part}": known.get(part, 0.0) for part in parts}
    return stages | named | {"solve: the rest": max(0.0, solve - sum(named.values())), "mesh": mesh}


def _colors(rows: Rows) -> dict[str, Any]:
    import matplotlib

    names = _shares(next(iter(rows.values()))["speed"], all_parts(rows)[:PARTS_SHOWN])
    return dict(zip(names, matplotlib.colormaps["tab10"].colors, strict=False))  # type: ignore[attr-defined]


def _noise(rows: Rows) -> bytes:
    """Error by noise, with and without the prior, means over the recordings."""
    figure = _figure(9, 2.8)
    for axis, (measure, label) in zip(figure.subplots(1, len(NOISE_MEASURES)), NOISE_MEASURES.items(), strict=True):
        keys = (measure,) if measure == "weights_rms" else (measure, "mean")
        for without, title in ((False, "with the prior"), (True, "without")):
            runs = [[row["ablations"].get(noise_name(noise, without)) for row in rows.values()] for noise in NOISES]
            means = [mean(each, *keys) for each in runs]
            axis.plot(NOISES, [np.nan if value is None else value for value in means], marker="o", label=title)
        axis.set_xticks(NOISES, [f"×{noise}" for noise in NOISES])
        axis.set_title(label, fontsize=10)
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
    axis.legend(fontsize=8)
    figure.supxlabel("standard deviation of the depth noise, as a multiple of the camera's", fontsize=9)
    return _png(figure)


def _errors(rows: Rows) -> bytes:
    """Error of the face over the frames, a panel per recording."""
    figure = _figure(9, 0.6 + 1.7 * len(rows))
    panels = np.ravel(figure.subplots(len(rows), squeeze=False))
    for axis, (name, row) in zip(panels, rows.items(), strict=True):
        offline, live = row.get("offline") or {}, row["live"]["accuracy"]
        top = 0.0
        curves = {"every frame": row["accuracy"], "as with a camera": live, "offline": offline.get("offline")}
        for label, figures in curves.items():
            if figures is not None:
                frames = figures["per_frame"]
                axis.plot(frames["frame"], frames["face_mm"], label=label, linewidth=1.2)
                top = max(top, float(np.nanmax(frames["face_mm"])))
        axis.set_title(f"{name}: error of the face, mm", fontsize=10)
        axis.set_ylim(0, ABOVE * top)
        axis.grid(alpha=0.3)
        axis.legend(fontsize=8, ncols=3, loc="upper left")
    axis.set_xlabel("frame")
    return _png(figure)


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _png(figure: Figure) -> bytes:
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=DPI)
    return content.getvalue()
