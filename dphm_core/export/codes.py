"""Poses, expression weights and figures of frames as a table (CSV), as JSON lines, as numpy arrays, or as others do.

One row per frame, tracked or not: what is unknown is an empty cell, `null` or NaN. The layouts of other programs
(Live Link Face's table, the original DPHM's tracking file) know nothing unknown: they have the frames with a head.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from dphm_core.errors import SettingError
from dphm_core.export.arkit_livelink import livelink_bytes
from dphm_core.export.convention import Convention
from dphm_core.export.options import CODES_FILES, CodesFormat
from dphm_core.output.track_file import Track

PER_FRAME = (
    "frame_index", "timestamp_s", "status", "reason", "rotation", "translation_m", "expression_codes", "residual_mm",
    "confidence", "landmarks_cam",
)  # fmt: skip
"""Arrays of a track with one row per frame."""
DIGITS = 7
"""Significant ones of a float32."""
TIME_DECIMALS = 6


@dataclass(frozen=True)
class Codes:
    """Frames of a track with their poses in a convention."""

    track: Track
    """The chosen frames, T of them."""
    rotation: NDArray[np.float64]
    """(T, 3, 3) head → camera, in the convention's axes; NaN where there is no head."""
    translation: NDArray[np.float64]
    """(T, 3) in the convention's axes and unit."""
    quaternion: NDArray[np.float64]
    """(T, 4) w, x, y, z, the same rotation; signs chosen so that it never jumps from one frame to the next."""
    convention: Convention

    @classmethod
    def of(cls, track: Track, rows: list[int], convention: Convention) -> Codes:
        """Take rows of a track."""
        chosen = replace(track, **{name: getattr(track, name)[rows] for name in PER_FRAME})
        rotation, translation = convention.poses(chosen.rotation, chosen.translation_m)
        return cls(chosen, rotation, translation, quaternions(rotation), convention)

    @property
    def names(self) -> list[str]:
        """Of the expression weights, (E,); numbers where the model has no names for them."""
        known, count = self.track.expression_names.tolist(), self.track.expression_codes.shape[1]
        return known if len(known) == count else [f"expression_{k:03d}" for k in range(count)]

    def frames(self) -> Iterator[dict[str, Any]]:
        """Yield each frame as plain values, with None for what is unknown."""
        track = self.track
        for row in range(len(track.frame_index)):
            yield {
                "frame": int(track.frame_index[row]),
                "time_s": round(float(track.timestamp_s[row]), TIME_DECIMALS),
                "status": str(track.status[row]),
                "reason": str(track.reason[row]),
                "confidence": _plain(track.confidence[row]),
                "residual_mm": _plain(track.residual_mm[row]),
                "axes": self.convention.axes,
                "unit": self.convention.unit,
                "rotation": _plain(self.rotation[row]),
                "quaternion": _plain(self.quaternion[row]),
                "translation": _plain(self.translation[row]),
                "expression": _plain(track.expression_codes[row]),
            }


def quaternions(rotation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Unit quaternions (T, 4), w first, of rotations (T, 3, 3); each on its predecessor's side, NaN where unknown."""
    from scipy.spatial.transform import Rotation

    found = np.full((len(rotation), 4), np.nan)
    known = np.isfinite(rotation).all(axis=(1, 2))
    if known.any():
        turned = Rotation.from_matrix(rotation[known]).as_quat()[:, [3, 0, 1, 2]]
        turned[0] *= 1 if turned[0, 0] >= 0 else -1
        flips = np.where((turned[1:] * turned[:-1]).sum(axis=1) < 0, -1, 1)
        turned[1:] *= np.cumprod(flips)[:, None]
        found[known] = turned
    return found


def csv_bytes(codes: Codes) -> bytes:
    """Comma-separated table with a header line, UTF-8; rotations as quaternions."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    figures = ("frame", "time_s", "status", "reason", "confidence", "residual_mm", "axes", "unit")
    writer.writerow([*figures, "qw", "qx", "qy", "qz", "tx", "ty", "tz", *codes.names])
    parts = {"quaternion": 4, "translation": 3, "expression": len(codes.names)}
    for frame in codes.frames():
        numbers = [frame[part] or [None] * count for part, count in parts.items()]
        writer.writerow([*(frame[name] for name in figures), *(value for part in numbers for value in part)])
    return text.getvalue().encode()


def jsonl_bytes(codes: Codes) -> bytes:
    """Make one JSON object per line and frame; rotations as quaternions and as matrices, weights by name."""
    lines = []
    for frame in codes.frames():
        weights = frame["expression"]
        named = None if weights is None else dict(zip(codes.names, weights, strict=True))
        lines.append(json.dumps({**frame, "expression": named}, allow_nan=False))
    return "".join(f"{line}\n" for line in lines).encode()


def npz_bytes(codes: Codes) -> bytes:
    """Make the arrays of `track.npz` as they are (OpenCV's axes, metres), and beside them poses in the convention."""
    arrays = {field.name: getattr(codes.track, field.name) for field in fields(Track)}
    buffer = io.BytesIO()
    np.savez(
        buffer,
        **arrays,
        pose_rotation=codes.rotation.astype(np.float32),
        pose_quaternion=codes.quaternion.astype(np.float32),
        pose_translation=codes.translation.astype(np.float32),
        convention=np.array(json.dumps(codes.convention.facts())),
    )
    return buffer.getvalue()


def official_bytes(codes: Codes) -> bytes:
    """Make the original DPHM's tracking file: `lat_rep_shape`, `lat_reps_expr`, `rot`, `rot_euler`, `trans`, `scale`.

    Its convention is its own: the camera frame as OpenCV has it, metres.

    Raises
    ------
    SettingError
        The model's expression code is not of the original's kind: it has named weights.
    """
    from dphm_core.tracking.offline.track_file import TrackingFile

    track = codes.track
    if len(track.expression_names):
        raise SettingError(
            f"this head model's expression code is {len(track.expression_names)} named blendshape weights, which the "
            "original DPHM's tools cannot decode; export csv, jsonl, npz or livelink codes, or track with an imported "
            "official model (dphm import-checkpoint)"
        )
    tracked = np.isfinite(track.translation_m).all(axis=1)
    return TrackingFile(
        identity_code=track.identity_code,
        expression_codes=track.expression_codes[tracked],
        rotation=track.rotation[tracked],
        translation_m=track.translation_m[tracked],
        scale=float(track.scale),
        frame_index=track.frame_index[tracked],
    ).to_bytes()


def _plain(values: NDArray[Any]) -> Any:
    """Nested lists of floats, as short as they can be; None where a number is unknown."""
    return _rounded(np.asarray(values).tolist()) if np.isfinite(values).all() else None


def _rounded(values: Any) -> Any:
    return [_rounded(value) for value in values] if isinstance(values, list) else float(f"{values:.{DIGITS}g}")


CODES_ENCODERS: dict[CodesFormat, Callable[[Codes], bytes]] = {
    "csv": csv_bytes,
    "jsonl": jsonl_bytes,
    "npz": npz_bytes,
    "livelink": livelink_bytes,
    "official": official_bytes,
}
"""Makers of a file's content by its format."""
assert set(CODES_ENCODERS) == set(CODES_FILES) == {*get_args(CodesFormat)} - {"all", "none"}, "one without a writer"


def codes_formats(wanted: CodesFormat, track: Track) -> list[CodesFormat]:
    """Formats that are wanted; of "all", those that the expression code can be told in, with names or without."""
    if wanted == "all":
        impossible = "official" if len(track.expression_names) else "livelink"
        return [name for name in CODES_ENCODERS if name != impossible]
    return [] if wanted == "none" else [wanted]
