"""A FLAME model file (2020 or 2023, the pickle as it is handed out, or an .npz of its arrays), read without trust."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dphm_core.dataset.flame.arrays import allowed, to_array
from dphm_core.dataset.flame.pickle_data import read_pickle
from dphm_core.errors import CheckpointError
from dphm_core.files import bytes_in, read_npz

MAX_BYTES = 1 << 28
"""FLAME's own files have 53 MB."""
JOINTS = 5
"""Root, neck, jaw, left and right eye."""
SHAPES, EXPRESSIONS = 300, 100
"""Directions in `shapedirs`: of shape first, then of expression; coefficients vary as N(0, 1)."""
VERTICES = (100, 50_000)
SIZE_M = (0.1, 1.0)
"""FLAME's head with neck has 0.35 m."""
SUM_TOLERANCE = 1e-2
LARGEST = 1e3
"""Of all numbers; FLAME's are of metres and below."""
_INDICES = ("f", "kintree_table")
_NAMES = ("v_template", "shapedirs", "posedirs", "J_regressor", "weights", "kintree_table", "f")
WHAT_TO_GIVE = "give FLAME's generic_model.pkl, or an .npz of its arrays"


@dataclass(frozen=True)
class FlameArrays:
    """The model as it is in the file: metres, x to the subject's left, y up, z out of the face."""

    template: NDArray[np.float64]
    """(V, 3) mean head."""
    directions: NDArray[np.float64]
    """(V, 3, 400) offset per unit of a coefficient: 300 of shape, 100 of expression."""
    pose_directions: NDArray[np.float64]
    """(V, 3, 36) offset per unit of the entries of R − 1 of each joint but the root."""
    joint_regressor: NDArray[np.float64]
    """(5, V) weights by which the joints follow from the vertices."""
    weights: NDArray[np.float64]
    """(V, 5) how much a vertex goes with a joint."""
    parents: tuple[int, ...]
    """Parent of each joint, −1 of the root."""
    faces: NDArray[np.int32]
    """(F, 3) triangles, outward by the right-hand rule."""


def read_flame(path: Path) -> FlameArrays:
    """Read a model file.

    Raises
    ------
    CheckpointError
        It is missing, damaged, no FLAME model, or holds more than arrays.
    """
    try:
        if bytes_in(path) > MAX_BYTES:
            raise ValueError(f"{bytes_in(path) / 2**20:.0f} MiB, more than any FLAME model has")
        found = _from_npz(path) if zipfile.is_zipfile(path) else _from_pickle(path.read_bytes())
        return _checked(found)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}; {WHAT_TO_GIVE}") from error
    except ValueError as error:
        raise CheckpointError(f"{path} is no FLAME model: {error}; {WHAT_TO_GIVE}") from error


def _from_npz(path: Path) -> dict[str, NDArray[Any]]:
    return read_npz(path, MAX_BYTES, _NAMES)


def _from_pickle(content: bytes) -> dict[str, NDArray[Any]]:
    parts = read_pickle(content, allowed)
    if not isinstance(parts, dict):
        raise ValueError("it holds no arrays by name")
    return {name: to_array(parts[name]) for name in _NAMES if name in parts}


def _checked(found: Mapping[str, NDArray[Any]]) -> FlameArrays:
    missing = [name for name in _NAMES if name not in found]
    if missing:
        raise ValueError(f"'{missing[0]}' is missing")
    if any(array.dtype.kind not in "fiu" for array in found.values()):
        raise ValueError("its arrays are no numbers")
    vertices = len(found["v_template"]) if found["v_template"].ndim else 0
    expected = {
        "v_template": (vertices, 3), "shapedirs": (vertices, 3, SHAPES + EXPRESSIONS),
        "posedirs": (vertices, 3, 9 * (JOINTS - 1)), "J_regressor": (JOINTS, vertices), "weights": (vertices, JOINTS),
        "kintree_table": (2, JOINTS), "f": (len(found["f"]) if found["f"].ndim else 0, 3),
    }  # fmt: skip
    if not VERTICES[0] <= vertices <= VERTICES[1]:
        raise ValueError(f"'v_template' has {vertices} vertices, FLAME 5023")
    for name, shape in expected.items():
        if found[name].shape != shape:
            raise ValueError(f"'{name}' has the shape {found[name].shape}, FLAME's {shape}")
    with np.errstate(invalid="ignore", over="ignore"):  # what is no index, or no length, is told below
        arrays = {name: found[name].astype(np.float64) for name in _NAMES if name not in _INDICES}
        faces, table = (found[name].astype(np.int64) for name in _INDICES)
    _check_numbers(arrays)
    if faces.size == 0 or faces.min() < 0 or faces.max() >= vertices:
        raise ValueError("its faces point beyond its vertices")
    parents = _parents(table[0])
    return FlameArrays(
        template=arrays["v_template"],
        directions=arrays["shapedirs"],
        pose_directions=arrays["posedirs"],
        joint_regressor=arrays["J_regressor"],
        weights=arrays["weights"],
        parents=parents,
        faces=faces.astype(np.int32),
    )


def _check_numbers(arrays: Mapping[str, NDArray[np.float64]]) -> None:
    if not all((np.abs(array) < LARGEST).all() for array in arrays.values()):
        raise ValueError("some of its numbers are not finite, or far too large")
    size = float(np.ptp(arrays["v_template"], axis=0).max())
    if not SIZE_M[0] <= size <= SIZE_M[1]:
        raise ValueError(f"its head has {size:.3g} m")
    if np.abs(arrays["weights"].sum(axis=1) - 1).max() > SUM_TOLERANCE:
        raise ValueError("'weights' do not sum to 1")


def _parents(table: NDArray[np.int64]) -> tuple[int, ...]:
    """The root's own parent is some number beyond all joints, often 2³² − 1."""
    parents = (-1, *(int(parent) for parent in table[1:]))
    if any(not 0 <= parent < joint for joint, parent in enumerate(parents) if joint):
        raise ValueError("its joints make no tree")
    return parents
