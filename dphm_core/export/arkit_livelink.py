"""A track in the table that Epic's app Live Link Face records, which many programs' importers read.

Columns: `Timecode`, `BlendshapeCount` and 61 values: ARKit's 52 blendshapes with capital first letters, and nine angles
in radians. ``R = Ry(HeadYaw) · Rx(HeadPitch) · Rz(HeadRoll)`` in the axes of the head as ARKit has them (x to the
subject's left, y up, z out of the face), 0 where it looks straight into the camera. So a yaw turns the face to the
subject's left, a pitch lowers it, and a roll lifts the subject's left ear. The eyes' angles are 0: gaze is not seen.
"""

from __future__ import annotations

import csv
import io
from math import floor
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dphm_core.export.arkit import ARKIT_NAMES, ArkitTable
from dphm_core.export.convention import Convention

if TYPE_CHECKING:
    from dphm_core.export.codes import Codes
    from dphm_core.output.track_file import Track

ANGLES = tuple(f"{part}{angle}" for part in ("Head", "LeftEye", "RightEye") for angle in ("Yaw", "Pitch", "Roll"))
VALUES = (*(name[0].upper() + name[1:] for name in ARKIT_NAMES), *ANGLES)
"""Names of the 61 values."""
COLUMNS = ("Timecode", "BlendshapeCount", *VALUES)
UNKNOWN_FPS = 30.0
"""Taken for a track of one frame, whose frame rate nothing tells."""
HOURS = 24


def livelink_bytes(codes: Codes) -> bytes:
    """Comma-separated table, UTF-8, one line per frame with a head: others are left out, which the timecode shows.

    Raises
    ------
    SettingError
        The model's expression code has no names, so that there are no blendshapes in it.
    """
    track = codes.track
    weights = ArkitTable.of(track.expression_names.tolist()).weights(track.expression_codes)
    rotation, _ = Convention("camera", "y-up").poses(track.rotation, track.translation_m)
    angles, fps = head_angles(rotation), frame_rate(track)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    eyes = ["0.0"] * (len(ANGLES) - 3)
    for row in np.nonzero(np.isfinite(angles).all(axis=1) & np.isfinite(weights).all(axis=1))[0]:
        values = [f"{value:.8f}" for value in (*weights[row], *angles[row])]
        writer.writerow([timecode(float(track.timestamp_s[row]), fps), len(VALUES), *values, *eyes])
    return text.getvalue().encode()


def head_angles(rotation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Yaw, pitch and roll (T, 3), radians, of rotations (T, 3, 3) in "y-up" axes; NaN where there is none."""
    pitch = np.arcsin(np.clip(-rotation[:, 1, 2], -1, 1))
    yaw = np.arctan2(rotation[:, 0, 2], rotation[:, 2, 2])
    roll = np.arctan2(rotation[:, 1, 0], rotation[:, 1, 1])
    return np.stack([yaw, pitch, roll], axis=1)


def frame_rate(track: Track) -> float:
    """Frames per second by the track's own times: the usual step from one index to the next."""
    steps: NDArray[Any] = np.diff(track.timestamp_s) / np.maximum(np.diff(track.frame_index), 1)
    usual = float(np.median(steps)) if len(steps) else 0.0
    return round(1 / usual, 2) if usual > 0 else UNKNOWN_FPS


def timecode(time_s: float, fps: float) -> str:
    """HH:MM:SS:FF.sss: FF counts frames within the second, sss thousandths of a frame; begins anew each day."""
    seconds = floor(time_s)
    parts = round((time_s - seconds) * fps * 1000)
    if parts >= fps * 1000:  # rounded up into the next second
        seconds, parts = seconds + 1, 0
    minutes, hours = seconds // 60, seconds // 3600
    return f"{hours % HOURS:02}:{minutes % 60:02}:{seconds % 60:02}:{parts // 1000:02}.{parts % 1000:03}"
