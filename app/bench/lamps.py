"""A recording as if it were made under lamps that flicker: for the picture of the advice against them."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import cv2

DEPTH = 0.06
"""How much brighter the lamps get, and darker."""
BEAT = 3
"""Frames: the beat of 100 Hz with 30 frames per second."""


def under_lamps(recording: Path, copy: Path) -> None:
    """Copy a folder recording of 30 frames per second, brighter and darker as lamps go.

    It is cut so that the beat goes on where the simulated camera turns back.
    """
    shutil.copytree(recording, copy)
    images = [sorted((copy / kind).iterdir()) for kind in ("color", "depth")]
    kept = (len(images[0]) - 1) // BEAT * BEAT + 1
    for path in (*images[0][kept:], *images[1][kept:]):
        path.unlink()
    for index, path in enumerate(images[0][:kept]):
        brightness = 1 + DEPTH * math.cos(2 * math.pi * index / BEAT)
        cv2.imwrite(str(path), cv2.convertScaleAbs(cv2.imread(str(path)), alpha=brightness))
    times = json.loads((copy / "timestamps.json").read_text(encoding="utf-8"))
    times["timestamps_s"] = times["timestamps_s"][:kept]
    (copy / "timestamps.json").write_text(json.dumps(times), encoding="utf-8")
