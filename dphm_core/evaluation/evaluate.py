"""Evaluates a saved track: `evaluation.json` with all figures and `evaluation.png` with their course."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np

from dphm_core.evaluation.compare import compare_with_ground_truth, compare_with_scan
from dphm_core.evaluation.ground_truth import GroundTruth
from dphm_core.evaluation.track_folder import TrackFolder
from dphm_core.files import make_folder, write_atomically
from dphm_core.output.folder import FIGURES_FILE, PLOT_FILE
from dphm_core.sources import open_source
from dphm_core.sources.folder import TRUTH_FILE

log = logging.getLogger(__name__)


def evaluate(sequence: Path, track: Path, out: Path | None = None) -> dict[str, Any]:
    """Compare a track with its recording's scan and, where there is one, its ground truth.

    Parameters
    ----------
    sequence : Path
        The recording: a folder or an .mkv file.
    track : Path
        Folder that tracking wrote.
    out : Path, optional
        Where `evaluation.json` and `evaluation.png` go; the track's folder where left out.

    Returns
    -------
    dict
        What was written: "scan" (see `compare_with_scan`) and "ground_truth" (see `compare_with_ground_truth`; None
        where the recording has none).

    Raises
    ------
    DataError
        The track is missing, empty or damaged, or belongs to another recording.
    """
    tracked = TrackFolder.open(track)
    has_truth = sequence.is_dir() and (sequence / TRUTH_FILE).is_file()
    truth = compare_with_ground_truth(tracked, GroundTruth.load(sequence)) if has_truth else None
    with open_source(sequence) as source:
        scan = compare_with_scan(tracked, source)
    figures = {"scan": scan, "ground_truth": truth}
    folder = out or track
    make_folder(folder)
    write_atomically(folder / FIGURES_FILE, json.dumps(without_nan(figures), indent=1).encode())
    _plot(figures, folder / PLOT_FILE)
    log.info("%s: scan-to-mesh %.2f mm", track, scan["mean_mm"])
    return figures


def _plot(figures: dict[str, Any], path: Path) -> None:
    """Draw the errors of every frame, one panel per kind."""
    import io

    from matplotlib.figure import Figure

    panels = [(figures["scan"]["per_frame"], {"mean_mm": "scan to mesh, mean", "p95_mm": "scan to mesh, 95 %"}, "mm")]
    if figures["ground_truth"] is not None:
        rows = figures["ground_truth"]["per_frame"]
        parts = {"face_mm": "face", "lips_mm": "lips", "eyelids_mm": "eyelids", "correspondence_mm": "correspondence"}
        panels += [
            (rows, parts, "mm"),
            (rows, {"rotation_deg": "rotation, °", "translation_mm": "translation, mm"}, "pose"),
        ]
    figure = Figure(figsize=(9, 2.6 * len(panels)), layout="constrained")
    for axis, (rows, curves, unit) in zip(
        np.ravel(figure.subplots(len(panels), sharex=True, squeeze=False)), panels, strict=True
    ):
        for name, label in curves.items():
            axis.plot(rows["frame"], rows[name], label=label, linewidth=1.2)
        axis.set_ylabel(unit)
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
        axis.legend(loc="upper left", fontsize=8, ncols=4)
    axis.set_xlabel("frame")
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=110)
    write_atomically(path, content.getvalue())


def without_nan(value: Any) -> Any:
    """Put None, which JSON can say, for NaN."""
    if isinstance(value, dict):
        return {name: without_nan(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [without_nan(entry) for entry in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
