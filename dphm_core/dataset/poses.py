"""Where the head is in each frame of a sequence: from landmarks, without FLAME, or from an existing FLAME fit.

Both are similarities of the head frame, which is FLAME's in quarter metres, so that they share one file format.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dphm_core.errors import SourceError
from dphm_core.files import make_folder, read_npz, write_atomically
from dphm_core.frames import FloatArray, Similarity
from dphm_core.heads.model import HeadModel
from dphm_core.landmarks.tables import ANCHOR_OF_WFLW
from dphm_core.tracking.initial_pose import MAX_RESIDUAL_M, aligned_landmarks
from dphm_core.tracking.rigid import MIN_POINTS, align

FIT_FILE = "flame_parameters_flame2mvs_quan_raw.npz"
"""`rotation_matrices` (T, 3, 3), `translation` (T, 3) in metres, `scale` (1, 1), one row per frame index:
p_cam = scale · rotation · p_flame + translation."""
OURS = "rigid_initialisation"
"""Name of a further array, by which our own file is told from a FLAME fit: (T,) bool, whether the frame's pose is its
own or that of the frame next to it."""
FITTED = "fitted"
"""Name of a further array, by which a FLAME fit that was made here is told from others: (T,) bool, whether the frame's
values are its own or those of the frame next to it."""
MAX_FIT_BYTES = 1 << 28
MAX_SHEAR = 1e-2
"""Largest entry of RᵀR − 1 for a rotation that was saved in single precision or worse."""
SCALES = (0.1, 10.0)


@dataclass(frozen=True)
class Poses:
    """One per frame index, with one scale."""

    rotation: FloatArray
    """(T, 3, 3) float32."""
    translation_m: FloatArray
    """(T, 3) float32, metres."""
    scale: float
    """Dimensionless."""

    def __len__(self) -> int:
        return len(self.rotation)

    def at(self, index: int) -> Similarity:
        """Head → camera in a frame."""
        return Similarity(self.rotation[index], self.translation_m[index], self.scale)


@dataclass(frozen=True)
class FrameLandmarks:
    """What is known of one frame."""

    mediapipe_cam: FloatArray | None
    """(478, 3) float32, metres, camera frame, NaN where one is not known; None without a face."""
    pipnet_cam: FloatArray | None
    """(98, 3) likewise; None without a file of them."""


def rigid_poses(model: HeadModel, landmarks: Mapping[int, FrameLandmarks], length: int) -> tuple[Poses, NDArray[Any]]:
    """Align the model's mean head with the landmarks of each frame, with one scale for all.

    Parameters
    ----------
    model : HeadModel
        The head.
    landmarks : mapping
        By frame index.
    length : int
        How many poses to make; frames that cannot be aligned get that of the nearest one that can.

    Returns
    -------
    poses : Poses
        Empty where no frame can be aligned.
    own : (length,) bool
        Whether the pose is the frame's own.
    """
    free = {index: pose for index, seen in landmarks.items() if (pose := frame_pose(model, seen)) is not None}
    if not free:
        return Poses(np.zeros((0, 3, 3), np.float32), np.zeros((0, 3), np.float32), 1.0), np.zeros(length, dtype=bool)
    scale = float(np.median([pose.scale for pose in free.values()]))
    fixed = [frame_pose(model, landmarks[index], scale) or free[index] for index in sorted(free)]
    known = sorted(free)
    nearest = np.searchsorted(known, nearest_known(known, length))
    rotation, translation = np.stack([p.rotation for p in fixed]), np.stack([p.translation_m for p in fixed])
    return Poses(rotation[nearest], translation[nearest], scale), np.isin(np.arange(length), known)


def nearest_known(known: Sequence[int], length: int) -> NDArray[np.intp]:
    """For each of so many frames, the nearest of those that are known, which ascend."""
    numbers = np.array(known)
    return np.asarray(numbers[np.searchsorted((numbers[1:] + numbers[:-1]) / 2, np.arange(length))], dtype=np.intp)


def frame_pose(model: HeadModel, seen: FrameLandmarks, scale: float | None = None) -> Similarity | None:
    """Pose of one frame from MediaPipe's landmarks, else from PIPNet's; None where neither makes a head."""
    found = None if seen.mediapipe_cam is None else aligned_landmarks(model, seen.mediapipe_cam, scale)
    if found is not None and found[1] < MAX_RESIDUAL_M:
        return found[0]
    if seen.pipnet_cam is None:
        return None
    points_cam = seen.pipnet_cam[list(ANCHOR_OF_WFLW)]
    known = np.isfinite(points_cam).all(axis=1)
    if known.sum() < MIN_POINTS:
        return None
    anchors = model.anchors(model.identity_mean)[list(ANCHOR_OF_WFLW.values())]
    pose, residual = align(anchors[known], points_cam[known], scale)
    return pose if np.median(residual) < MAX_RESIDUAL_M else None


def write_poses(path: Path, poses: Poses, further: Mapping[str, NDArray[Any]]) -> None:
    """Write poses in the format of a FLAME fit, so that what reads one can start from them, and further arrays."""
    content = io.BytesIO()
    np.savez(
        content,
        rotation_matrices=poses.rotation,
        translation=poses.translation_m,
        scale=np.full((1, 1), poses.scale, dtype=np.float32),
        **further,
    )
    make_folder(path.parent)
    write_atomically(path, content.getvalue())


def fit_places(sequence: Path, out: Path, given: Path | None) -> list[Path]:
    """Where a sequence's FLAME fit may lie: beside it and its results, or in the file or folder that is given."""
    if given is None:
        return [sequence / FIT_FILE, out / FIT_FILE]
    if given.is_file():
        return [given]
    return [given / sequence.resolve().name / FIT_FILE, given / FIT_FILE]


def fitted_here(path: Path) -> NDArray[np.bool_] | None:
    """Which frames (T,) of a FLAME fit, which can be read, have values of their own; None for one made elsewhere."""
    found = read_npz(path, MAX_FIT_BYTES, (FITTED,)).get(FITTED)
    return None if found is None or found.dtype != np.bool_ or found.ndim != 1 else found


def read_flame_fit(places: Sequence[Path]) -> tuple[Path, Poses] | None:
    """Read the first FLAME fit in these places; our own files do not count as one.

    Raises
    ------
    SourceError
        It is damaged.
    """
    for path in places:
        if path.is_file():
            try:
                arrays = read_npz(path, MAX_FIT_BYTES, ("rotation_matrices", "translation", "scale", OURS))
                if OURS not in arrays:
                    return path, _checked(arrays)
            except (OSError, ValueError) as error:
                raise SourceError(f"{path} is no FLAME fit: {error}; copy it again or move it away") from error
    return None


def _checked(arrays: Mapping[str, NDArray[Any]]) -> Poses:
    missing = {"rotation_matrices", "translation", "scale"} - arrays.keys()
    if missing:
        raise ValueError(f"'{min(missing)}' is missing")
    if any(array.dtype.kind not in "fiu" for array in arrays.values()):
        raise ValueError("its arrays are no numbers")
    rotation, translation, scale = (
        arrays[name].astype(np.float64) for name in ("rotation_matrices", "translation", "scale")
    )
    frames = len(rotation) if rotation.ndim else 0
    if not frames or rotation.shape != (frames, 3, 3) or translation.shape != (frames, 3) or scale.size != 1:
        raise ValueError(f"shapes {rotation.shape}, {translation.shape} and {scale.shape} do not belong together")
    if not np.isfinite(translation).all() or not SCALES[0] <= scale.item() <= SCALES[1]:
        raise ValueError("its translation or scale is absurd")
    sheared = (
        np.abs(np.swapaxes(rotation, 1, 2) @ rotation - np.eye(3)).max() if np.isfinite(rotation).all() else np.inf
    )
    if sheared > MAX_SHEAR or (np.linalg.det(rotation) < 0).any():
        raise ValueError("'rotation_matrices' are no rotations")
    return Poses(rotation.astype(np.float32), translation.astype(np.float32), scale.item())
