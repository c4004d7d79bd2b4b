"""Where the 39 anchors lie on the registrations of scans."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from dphm_core.errors import DataError
from dphm_core.frames import FloatArray
from dphm_core.training.binding import MEAN_ANCHORS, MIRROR_X
from dphm_core.training.prepare_config import Space
from dphm_core.training.prepared import ANCHORS
from dphm_core.training.scan_folder import ScanPlace, into_head_frame
from dphm_core.training.scan_mesh import Mesh, read_array
from dphm_core.training.scan_samples import Subject

log = logging.getLogger(__name__)

VERTICES_FILE = "anchor_vertices.npy"
ANCHORS_FILE = "anchors.npy"
PAIRS = 16
FARTHEST = 0.2
"""Mean distance of a subject's anchors from NPHM's mean that is still believed (5 cm)."""


def find_anchors(
    root: Path, vertices_file: Path | None, neutrals: Mapping[str, tuple[ScanPlace, Mesh]], space: Space
) -> dict[str, Subject]:
    """Find every subject's anchors on its neutral registration.

    They are the vertices that a file names; or the vertices nearest to each neutral's anchors.npy; or those of the mean
    neutral registration nearest to NPHM's mean anchors.

    Parameters
    ----------
    root : Path
        Folder of scans; its anchor_vertices.npy is taken where no file is given.
    vertices_file : Path, optional
        (39,) vertex indices, .npy.
    neutrals : mapping
        Subject → its neutral scan and registration, in the head frame (NPHM units), all of one template.
    space : Space
        Of anchors.npy.

    Raises
    ------
    DataError
        A file is not what it should be, or anchors do not lie where a head's do.
    """
    default = root / VERTICES_FILE
    file = vertices_file if vertices_file is not None or not default.is_file() else default
    given = any((place.folder / ANCHORS_FILE).is_file() for place, _ in neutrals.values())
    if file is not None:
        vertices = _read_vertices(file, len(next(iter(neutrals.values()))[1].vertices))
    elif not given:
        mean = np.mean([mesh.vertices for _, mesh in neutrals.values()], axis=0)
        distance, vertices = cKDTree(mean).query(mean_anchors())
        log.warning(
            "%s names no anchors: taken are the mean neutral registration's vertices nearest to NPHM's mean anchors "
            "(%.1f mm away in the mean)", root, 250 * distance.mean(),
        )  # fmt: skip
    subjects = {}
    for name, (place, mesh) in neutrals.items():
        if file is None and given:
            subjects[name] = _own_anchors(place, mesh, space)
        else:
            subjects[name] = Subject(mesh, vertices, np.ascontiguousarray(mesh.vertices[vertices]))
        source = file if file is not None else place.folder
        _check_place(subjects[name].anchors, f"{source}: the anchors of subject {name}")
    return subjects


def mean_anchors() -> FloatArray:
    """(39, 3) NPHM's mean anchors, rounded, in its order: pairs, then those of the middle (head-frame units)."""
    anchors = []
    for index, point in enumerate(np.array(MEAN_ANCHORS, dtype=np.float32)):
        anchors.append(point)
        if index < PAIRS:
            anchors.append(point * MIRROR_X)
    return np.stack(anchors)


def _read_vertices(path: Path, count: int) -> NDArray[np.int64]:
    vertices = read_array(path, lambda shape: np.prod(shape) == ANCHORS).reshape(ANCHORS)
    if (vertices != vertices.round()).any() or vertices.min() < 0 or vertices.max() >= count:
        raise DataError(f"{path} should name {ANCHORS} of the registrations' vertices, 0 to {count - 1}; it does not")
    return vertices.astype(np.int64)


def _own_anchors(place: ScanPlace, mesh: Mesh, space: Space) -> Subject:
    points = read_array(place.folder / ANCHORS_FILE, lambda shape: shape == (ANCHORS, 3))
    anchors = into_head_frame(points, space, place.folder)
    vertices = cKDTree(mesh.vertices).query(anchors)[1]
    return Subject(mesh, np.asarray(vertices, dtype=np.int64), anchors)


def _check_place(anchors: FloatArray, what: str) -> None:
    distance = float(np.linalg.norm(anchors - mean_anchors(), axis=1).mean())
    if not distance < FARTHEST:
        raise DataError(
            f"{what} lie {250 * distance:.0f} mm from where a head has them, in the mean; check their order "
            "(NPHM's: mouth corners first, chin last), the space of the meshes, and that faces look along z"
        )
