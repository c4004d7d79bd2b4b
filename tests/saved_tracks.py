"""A small saved track: frames 3, 4 and 7 of a recording, of which 4 has no head."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from tiny_models import MODES, NAMES, write_tiny_model

from dphm_core.frames import Similarity
from dphm_core.heads.model import load_model
from dphm_core.output.track_file import TrackRow, make_track
from dphm_core.tracking.subject_file import KnownSubject, model_fingerprint, save_subject

SCALE = 1.05
FACING = np.diag([1.0, -1.0, -1.0]).astype(np.float32)
WEIGHTS = np.linspace(0, 0.5, len(NAMES), dtype=np.float32)
"""Of the first frame's expression, looking straight ahead."""
LATER_ANGLE, LATER_MORE = 0.5, 0.5
"""By how much the last frame's head has turned, radians, and how much more each of its weights is."""


def pose(angle: float) -> Similarity:
    """Look into the camera, then turn about the head's own upright axis by an angle, radians."""
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    return Similarity((FACING @ turn).astype(np.float32), np.float32([0.1, -0.02, 0.6]), SCALE)


def write_results(folder: Path) -> Path:
    """Make a results folder in an empty one, as `dphm track` writes it, with its model beside."""
    model_folder = write_tiny_model(folder / "small", template=True)
    model = load_model(model_folder)
    coefficients = np.linspace(-1, 1, MODES, dtype=np.float32)
    known = KnownSubject(coefficients, SCALE, 6e-4, 2e-4, "small", model_fingerprint(model))
    landmarks = np.full((478, 3), 0.5, np.float32)
    rows = [
        TrackRow(3, 0.1, "tracking", "follows", pose(0.0), WEIGHTS, 0.7, landmarks, 0.9),
        TrackRow(4, 0.2, "lost", "no face, or two", None, None, float("nan"), None),
        TrackRow(7, 0.3, "tracking", "follows", pose(LATER_ANGLE), WEIGHTS + LATER_MORE, 0.8, landmarks, 0.8),
    ]
    code = model.identity_code(coefficients)
    track = make_track(rows, SCALE, code, NAMES, model.config.expression_dim)
    results = folder / "results"
    results.mkdir()
    (results / "track.npz").write_bytes(track.to_bytes())
    (results / "report.json").write_text(json.dumps({"model": str(model_folder)}))
    save_subject(known, results / "subject.safetensors")
    return results
