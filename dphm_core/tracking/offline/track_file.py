"""The original implementation's tracking files (`*_init.npz`, `*_incre.npz`, `*_joint.npz`), read and written.

Keys and shapes (REFERENCE section 1), T frames: `lat_rep_shape` (1, 1, D), `lat_reps_expr` (T, 1, E), `rot` (T, 3, 3),
`rot_euler` (T, 4) quaternions w first or (T, 3) angles about z, y and x in radians, `trans` (T, 3) metres, `scale`.
`frame_index` (T,), which frames of the recording these are, is ours; the original's files lack it.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch3d.transforms import (
    euler_angles_to_matrix,
    matrix_to_euler_angles,
    matrix_to_quaternion,
    quaternion_to_matrix,
)

from dphm_core.errors import DataError
from dphm_core.files import read_npz
from dphm_core.frames import FloatArray
from dphm_core.heads.config import HeadConfig

MAX_BYTES = 1 << 30
"""Unpacked: the codes and poses of a million frames."""
EULER_ORDER = "ZYX"
NOT_A_ROTATION = 1e-3
"""Largest entry of Rᵀ R − 1 that rounding explains."""
SCALES = (0.2, 5.0)
"""Smallest and largest plausible scale of a head."""


@dataclass(frozen=True)
class TrackingFile:
    """Identity, expressions and poses of T frames: ``p_cam = scale · rotation · (p_head / 4) + translation_m``."""

    identity_code: FloatArray
    """(D,)"""
    expression_codes: FloatArray
    """(T, E)"""
    rotation: FloatArray
    """(T, 3, 3) head → camera."""
    translation_m: FloatArray
    """(T, 3)"""
    scale: float
    frame_index: NDArray[np.int64] | None = None
    """(T,) indices in the source, rising; None where the file does not tell."""

    def to_bytes(self, euler: bool = False) -> bytes:
        """Content of the `.npz` file; `rot_euler` as quaternions, or as angles where `euler` asks for them."""
        rotation = torch.from_numpy(np.ascontiguousarray(self.rotation))
        turned = matrix_to_euler_angles(rotation, EULER_ORDER) if euler else matrix_to_quaternion(rotation)
        arrays: dict[str, Any] = {
            "lat_rep_shape": self.identity_code[None, None],
            "lat_reps_expr": self.expression_codes[:, None],
            "rot": self.rotation,
            "rot_euler": turned.numpy(),
            "trans": self.translation_m,
            "scale": np.array([self.scale], dtype=np.float32),
        }
        if self.frame_index is not None:
            arrays["frame_index"] = self.frame_index
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)
        return buffer.getvalue()


def read_tracking_file(path: Path, config: HeadConfig) -> TrackingFile:
    """Read a file of the original's or of ours.

    Parameters
    ----------
    path : Path
        The file.
    config : HeadConfig
        Of the model that it must fit.

    Raises
    ------
    DataError
        It is missing, damaged, of another kind, or of another model.
    """
    try:
        arrays = read_npz(path, MAX_BYTES)
        codes = _floats(arrays, "lat_reps_expr")
        frames = len(codes.reshape(-1, codes.shape[-1])) if codes.ndim else 0
        if not frames:
            raise ValueError("'lat_reps_expr' holds no frame")
        return TrackingFile(
            identity_code=_shaped(arrays, "lat_rep_shape", (config.identity_dim,)),
            expression_codes=_shaped(arrays, "lat_reps_expr", (frames, config.expression_dim)),
            rotation=_rotations(arrays, frames),
            translation_m=_shaped(arrays, "trans", (frames, 3)),
            scale=_scale(arrays),
            frame_index=_frame_index(arrays, frames),
        )
    except OSError as error:
        raise DataError(
            f"{path} cannot be read: {error.strerror or error}; give a tracking_….npz of --method offline"
        ) from error
    except (KeyError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise DataError(
            f"{path} is not a tracking file of this model: {reason}; track with the model it is of"
        ) from error


def _floats(arrays: dict[str, NDArray[Any]], name: str) -> FloatArray:
    if name not in arrays:
        raise KeyError(f"it has no '{name}'")
    values = arrays[name]
    if values.dtype.kind not in "fiu" or not np.isfinite(values).all():
        raise ValueError(f"'{name}' is not made of finite numbers")
    return values.astype(np.float32)


def _shaped(arrays: dict[str, NDArray[Any]], name: str, shape: tuple[int, ...]) -> FloatArray:
    """Values of a shape, in which the file may have axes of length 1 more."""
    values = _floats(arrays, name)
    if tuple(n for n in values.shape if n > 1) != tuple(n for n in shape if n > 1):
        raise ValueError(f"'{name}' has shape {values.shape}, where {shape} is expected")
    return values.reshape(shape)


def _rotations(arrays: dict[str, NDArray[Any]], frames: int) -> FloatArray:
    """Matrices (T, 3, 3), of `rot` where it is there."""
    if "rot" in arrays:
        rotation = _shaped(arrays, "rot", (frames, 3, 3))
    else:
        turned = _floats(arrays, "rot_euler")
        if turned.size == 4 * frames:
            rotation = quaternion_to_matrix(torch.from_numpy(turned.reshape(frames, 4))).numpy()
        elif turned.size == 3 * frames:
            rotation = euler_angles_to_matrix(torch.from_numpy(turned.reshape(frames, 3)), EULER_ORDER).numpy()
        else:
            raise ValueError(f"'rot_euler' has shape {turned.shape}, where (T, 4) or (T, 3) is expected")
    off = np.abs(rotation.transpose(0, 2, 1) @ rotation - np.eye(3)).max()
    if not off < NOT_A_ROTATION or not (np.linalg.det(rotation) > 0).all():
        raise ValueError("its rotations are none")
    return rotation.astype(np.float32)


def _scale(arrays: dict[str, NDArray[Any]]) -> float:
    values = _floats(arrays, "scale")
    if values.size != 1 or not SCALES[0] <= float(values.reshape(())) <= SCALES[1]:
        raise ValueError(f"'scale' is not one number from {SCALES[0]} to {SCALES[1]}")
    return float(values.reshape(()))


def _frame_index(arrays: dict[str, NDArray[Any]], frames: int) -> NDArray[np.int64] | None:
    if "frame_index" not in arrays:
        return None
    index = arrays["frame_index"]
    if index.shape != (frames,) or index.dtype.kind not in "iu" or not (np.diff(index) > 0).all():
        raise ValueError("'frame_index' is not a rising list with one number a frame")
    return index.astype(np.int64)
