"""Which frames of the demo recording the tests of the tracker look at."""

from __future__ import annotations

from pathlib import Path

DEMO = Path(__file__).resolve().parents[2] / "recordings" / "demo"
CALIBRATION_FRAMES = 8
LAST = 16
