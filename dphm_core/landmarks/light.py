"""How bright a face is from frame to frame: whether it is too dark, and whether its light beats with the camera.

Lamps on alternating current flicker twice per period, 100 or 120 times a second. A camera whose exposure is no multiple
of that takes a brighter or a darker part of it with each frame, and with each row where it exposes row by row.
"""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from dphm_core.landmarks.depth_quality import part_of_box
from dphm_core.landmarks.tables import Box, clip_region

FloatRows = NDArray[np.float64]

STILL_SKIN = (0.36, 0.32, 0.64, 0.66)
"""Left, top, right and bottom of forehead, eyes, cheeks and nose in parts of the head's box: talk moves it little."""
BANDS = 6
"""Of rows: a lamp's beat runs over the picture, so that bands are bright and dark at different times."""
SAMPLES = 30
"""About how many rows and columns are looked at."""
PICTURE_STEP = 32
"""Every how many rows and columns of a whole picture are looked at."""
LAMPS_HZ = (100, 120)
"""How often lamps flicker where the power line has 50 and 60 Hz."""
FRAMES = 64
"""Looked at together: two seconds at 30 per second."""
LONGEST_GAP_S = 0.5
"""Between two frames; what was seen before a longer one is forgotten."""
LEAST_BEAT = 0.3
"""Mean difference of a beat of amplitude 1 between two frames: lamps in step with the camera harm nothing, and a slow
change of light is none of theirs."""
LEAST_AMPLITUDE = 0.01
"""Of the brightness: less is not seen."""
LEAST_SHARE = 0.5
"""Of all change between frames that the beat must explain: motion changes brightness at all rates, a switch once."""


def band_levels(color: NDArray[np.uint8], box: Box) -> FloatRows | None:
    """Measure how bright a face is in bands of rows.

    Parameters
    ----------
    color : (H, W, 3) uint8
        RGB.
    box : Box
        The head's, pixels.

    Returns
    -------
    (BANDS,) float64 or None
        Mean green level of each band, 0..255, from the top; None where too little of the face is in the picture.
    """
    x0, y0, x1, y1 = clip_region(part_of_box(box, STILL_SKIN), (color.shape[1], color.shape[0]))
    patch = color[y0 : y1 : max(1, (y1 - y0) // SAMPLES), x0 : x1 : max(1, (x1 - x0) // SAMPLES), 1]
    rows = len(patch) // BANDS
    return patch[: rows * BANDS].reshape(BANDS, -1).mean(axis=1) if rows and patch.shape[1] else None


def picture_level(color: NDArray[np.uint8]) -> float:
    """Mean green level, 0..255, of (H, W, 3) uint8 RGB."""
    return float(color[::PICTURE_STEP, ::PICTURE_STEP, 1].mean())


class FlickerMeter:
    """Finds the beat of lamps in how bright a face is; lives on the observing thread."""

    def __init__(self) -> None:
        self._times_s: deque[float] = deque(maxlen=FRAMES)
        self._levels: deque[FloatRows] = deque(maxlen=FRAMES)

    def add(self, timestamp_s: float, levels: FloatRows) -> None:
        """Take one frame's `band_levels`; a frame from before, or after a gap, begins anew."""
        if self._times_s and not 0 < timestamp_s - self._times_s[-1] < LONGEST_GAP_S:
            self._times_s.clear()
            self._levels.clear()
        self._times_s.append(timestamp_s)
        self._levels.append(levels)

    def lamp_hz(self) -> int | None:
        """How often lamps flicker that beat with the camera, 100 or 120; None where none does, or is not known yet.

        The waves of a lamp at the frames' own times explain the change of brightness from frame to frame, or they do
        not: however the camera's rate folds 100 Hz, and whatever its gaps.
        """
        if len(self._times_s) < FRAMES:
            return None
        change = np.diff(np.log(np.array(self._levels) + 1), axis=0)  # (FRAMES − 1, BANDS)
        shares = {hz: _share(change, np.array(self._times_s), hz) for hz in LAMPS_HZ}
        best = max(shares, key=shares.__getitem__)
        return best if shares[best] > LEAST_SHARE else None


def _share(change: FloatRows, times_s: FloatRows, hz: int) -> float:
    """Part of the change between frames that a lamp explains; 0 where its beat could not be seen, or is too weak."""
    phase = 2 * np.pi * hz * times_s
    waves = np.diff(np.stack([np.cos(phase), np.sin(phase)], axis=-1), axis=0)  # (FRAMES − 1, 2)
    if np.sqrt(np.square(waves).sum(axis=-1).mean()) < LEAST_BEAT:
        return 0.0
    weights = np.linalg.lstsq(waves, change, rcond=0.1)[0]  # (2, BANDS)
    if np.sqrt(np.square(weights).sum(axis=0).mean()) < LEAST_AMPLITUDE:
        return 0.0
    return float(np.square(waves @ weights).sum() / np.square(change).sum())
