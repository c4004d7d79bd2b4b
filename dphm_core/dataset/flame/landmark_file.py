"""Where landmarks lie on FLAME's mesh: its own files of that, or found by fitting FLAME to a head that knows."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import MAGIC_PREFIX
from numpy.typing import NDArray

from dphm_core.dataset.flame.arrays import allowed, objects, to_array
from dphm_core.dataset.flame.pickle_data import read_pickle
from dphm_core.errors import CheckpointError
from dphm_core.files import bytes_in, read_npz
from dphm_core.landmarks.tables import LANDMARK_COUNT

MAX_BYTES = 1 << 24
IBUG_WITHOUT_JAW = (
    70, 63, 105, 66, 107, 336, 296, 334, 293, 300,  # brows
    168, 6, 195, 4, 98, 97, 2, 326, 327,  # nose
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,  # eyes
    61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181,  # outer lips
    78, 82, 13, 312, 308, 317, 14, 87,  # inner lips
)  # fmt: skip
"""MediaPipe's landmarks next to the 51 of the 68-point scheme that are not on the jaw's outline."""
_PLACES = ("lmk_face_idx", "full_lmk_faces_idx", "static_lmk_faces_idx")
_WEIGHTS = ("lmk_b_coords", "full_lmk_bary_coords", "static_lmk_bary_coords")
_NUMBERS = "landmark_indices"


@dataclass(frozen=True)
class Embedding:
    """Landmarks on a mesh."""

    landmarks: NDArray[np.intp]
    """(N,) of MediaPipe's 478."""
    corners: NDArray[np.intp]
    """(N, 3) vertices of the triangle in which each lies."""
    weights: NDArray[np.float32]
    """(N, 3) barycentric coordinates in it."""

    def on(self, kept: NDArray[np.intp]) -> Embedding:
        """The same on a mesh that has been restricted to some vertices, less what lies on others."""
        places = np.searchsorted(kept, self.corners).clip(max=len(kept) - 1)
        there = (kept[places] == self.corners).all(axis=1)
        return Embedding(self.landmarks[there], places[there], self.weights[there])


def read_embedding(path: Path, faces: NDArray[np.int32]) -> Embedding:
    """Read a file of landmarks on FLAME's mesh: of 51 or 68 points, or of MediaPipe's with their numbers.

    Raises
    ------
    CheckpointError
        It is missing, damaged, or of another kind or mesh.
    """
    try:
        if bytes_in(path) > MAX_BYTES:
            raise ValueError(f"{bytes_in(path) / 2**20:.0f} MiB, more than landmarks take")
        return _checked(_found(path), faces)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}; leave it out to do without") from error
    except ValueError as error:
        raise CheckpointError(
            f"{path} does not say where landmarks lie on FLAME: {error}; leave it out to do without"
        ) from error


def _found(path: Path) -> dict[str, NDArray[Any]]:
    if zipfile.is_zipfile(path):
        return read_npz(path, MAX_BYTES, (*_PLACES, *_WEIGHTS, _NUMBERS))
    content = path.read_bytes()
    if content.startswith(MAGIC_PREFIX):  # a dict in an array of one object
        header = int.from_bytes(content[8:10], "little")
        (parts,) = objects(read_pickle(content[10 + header :], allowed))
    else:
        parts = read_pickle(content, allowed)
    if not isinstance(parts, dict):
        raise ValueError("it holds no arrays by name")
    return {name: to_array(parts[name]) for name in (*_PLACES, *_WEIGHTS, _NUMBERS) if name in parts}


def _checked(found: Mapping[str, NDArray[Any]], faces: NDArray[np.int32]) -> Embedding:
    place = next((name for name in _PLACES if name in found), _PLACES[0])
    weight = next((name for name in _WEIGHTS if name in found), _WEIGHTS[0])
    missing = [name for name in (place, weight) if name not in found]
    if missing:
        raise ValueError(f"'{missing[0]}' is missing")
    if any(array.dtype.kind not in "fiu" for array in found.values()):
        raise ValueError("its arrays are no numbers")
    with np.errstate(invalid="ignore", over="ignore"):  # what is no index, or no share, is told below
        triangles, weights = found[place].reshape(-1).astype(np.int64), found[weight].astype(np.float32)
        landmarks = found.get(_NUMBERS, np.array(IBUG_WITHOUT_JAW)).reshape(-1).astype(np.int64)
    if _NUMBERS not in found and len(triangles) == 68:  # the outline of the jaw comes first
        triangles, weights = triangles[17:], weights.reshape(-1, 3)[17:]
    count = len(landmarks)
    if triangles.shape != (count,) or weights.size != 3 * count or not count:
        raise ValueError(f"it has {len(triangles)} points; 51, 68, or such with 'landmark_indices' are expected")
    weights = weights.reshape(count, 3)
    if (
        triangles.min() < 0
        or triangles.max() >= len(faces)
        or not 0 <= landmarks.min() <= landmarks.max() < LANDMARK_COUNT
    ):
        raise ValueError("it points beyond the mesh or the landmarks")
    if not (np.abs(weights.sum(axis=1) - 1) < 1e-3).all():
        raise ValueError("its coordinates do not sum to 1")
    return Embedding(landmarks.astype(np.intp), faces[triangles].astype(np.intp), weights)
